// Rebuilds static/vendor/tabler/tabler.min.css: Tabler cut down to what the templates use.
//
//     node .ci/trim_css.cjs
//
// Needs Node 20 and npm; packages are kept in var/trim, so a second run takes about a second.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { execFileSync } = require("node:child_process");

const PACKAGES = ["@tabler/core@1.6.1", "purgecss@8.0.0"];
const ROOT = path.join(__dirname, "..");
const CACHE = path.join(ROOT, "var", "trim");
const TARGET = path.join(ROOT, "static", "vendor", "tabler");
const USED_BY = ["templates/**/*.html", "dashboard/{forms,tables,templatetags}/**/*.py", "static/js/*.js"];
const OWN_CSS = path.join(ROOT, "static", "css", "rollcall.css");

function install() {
  const stamp = path.join(CACHE, "installed");
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === PACKAGES.join()) return;
  fs.mkdirSync(CACHE, { recursive: true });
  const options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
  execFileSync("npm", ["install", "--prefix", CACHE, ...options, ...PACKAGES], { stdio: "inherit" });
  fs.writeFileSync(stamp, PACKAGES.join());
}

async function trim() {
  const modules = path.join(CACHE, "node_modules");
  const { PurgeCSS } = require(path.join(modules, "purgecss"));
  const [{ css }] = await new PurgeCSS().purge({
    content: USED_BY.map((pattern) => path.join(ROOT, pattern)),
    css: [path.join(modules, "@tabler", "core", "dist", "css", "tabler.min.css")],
    defaultExtractor: (text) => text.match(/[A-Za-z0-9_-]+/g) || [],
    safelist: {
      standard: ["html", "body"],
      variables: fs.readFileSync(OWN_CSS, "utf8").match(/--tblr-[a-z0-9-]+/g) || [],
    },
    variables: true,
    keyframes: true,
  });
  return css.replace(/\/\*# sourceMappingURL=.*?\*\//g, "").trim() + "\n";
}

async function main() {
  install();
  const target = path.join(TARGET, "tabler.min.css");
  fs.writeFileSync(target, await trim());
  fs.writeFileSync(path.join(TARGET, "VERSION"), `${PACKAGES[0]}, cut by .ci/trim_css.cjs\n`);
  console.log(`${path.relative(ROOT, target)}: ${fs.statSync(target).size} bytes`);
}

main();
