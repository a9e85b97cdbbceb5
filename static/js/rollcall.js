// What neither pages nor htmx can do: announce, keep the focus, poll with patience, never fail in silence.
//
//   data-announce="…"    in a swapped fragment: is read out by the standing status region
//   data-poll="2"        on an element with data-hx-get, data-hx-trigger="poll": asks again after 2 seconds;
//                        the fragment that comes back says when next, or nothing when it is finished
//   data-quiet           on an element that asks by itself: neither its failures nor its answers touch the alert box
//   data-busy="…"        on a form: its buttons rest while it is sent
"use strict";

(() => {
  const LONGEST_WAIT = 30;
  const byId = (id) => document.getElementById(id);
  const clock = (time) => time.toLocaleTimeString("en-US", { hour12: false });
  let lastUpdate = new Date();
  const misses = new WeakMap(); // element that polls -> failures in a row; an answer brings a new element
  const asker = (detail) => detail.requestConfig?.elt; // what asked, also once an answer has taken it off the page
  const polls = (detail) => asker(detail)?.dataset.poll !== undefined;
  const isQuiet = (detail) => asker(detail)?.dataset.quiet !== undefined;

  // What a person did and failed stays told until they do something that succeeds: what the page asks by itself
  // neither clears nor covers it.
  const BY_ITSELF = ["gathered", "load", "poll", "returned", "run-over"];
  const isByItself = (detail) => BY_ITSELF.includes(detail.requestConfig?.triggeringEvent?.type);
  let tellsOfAction = false;
  const leavesAlertBox = (detail) => isQuiet(detail) || (tellsOfAction && isByItself(detail));

  // The server shows times in the person's zone from the next page on.
  const zone = encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone || "");
  if (zone) document.cookie = `zone=${zone};path=/;max-age=31536000;SameSite=Lax`;

  function announce(text) {
    const region = byId("announcer");
    if (region && text && region.textContent !== text) region.textContent = text;
  }

  function alertBox(text) {
    const box = byId("alert");
    if (!box) return;
    const panel = document.createElement("div");
    panel.className = "alert alert-danger";
    panel.textContent = text;
    box.replaceChildren(panel);
  }

  function markOld(target, old) {
    if (target && target.classList && target !== byId("alert")) target.classList.toggle("is-old", old);
  }

  function poll(element) {
    const seconds = Number(element.dataset.poll);
    if (!seconds) return;
    const wait = Math.min(seconds * 2 ** (misses.get(element) || 0), Math.max(LONGEST_WAIT, seconds));
    setTimeout(() => {
      if (element.isConnected) htmx.trigger(element, "poll");
    }, wait * 1000);
  }

  function whatFailed(detail) {
    if (polls(detail)) return `Connection lost, last update ${clock(lastUpdate)}. Trying again.`;
    const { verb } = detail.requestConfig || {};
    if (verb && verb !== "get") return "Rollcall gave no answer. It is not known whether this was carried out: reload the page to see.";
    return "Rollcall gave no answer, so what you see may be old. Nothing was sent. Try again in a moment.";
  }

  function failed({ detail }) {
    if (!leavesAlertBox(detail)) {
      markOld(detail.requestConfig && detail.requestConfig.target, true);
      if (!answersForItself(detail.xhr)) alertBox(whatFailed(detail));
      tellsOfAction = !isByItself(detail);
    }
    if (polls(detail)) {
      const element = asker(detail);
      misses.set(element, (misses.get(element) || 0) + 1);
      poll(element);
    }
  }

  const answersForItself = (xhr) => Boolean(xhr && xhr.getResponseHeader && xhr.getResponseHeader("HX-Retarget"));

  document.addEventListener("htmx:configRequest", (event) => {
    const { detail } = event;
    if (detail.elt.dataset.names !== undefined) {
      const [customers, campaigns] = [unnamed("c-"), unnamed("g-")];
      if (!customers && !campaigns) event.preventDefault();
      detail.formData.set("customers", customers);
      detail.formData.set("campaigns", campaigns);
    }
    if (detail.verb !== "get") return;
    for (const [name, value] of [...detail.formData]) if (value === "") detail.formData.delete(name);
  });

  const unnamed = (mark) => [...new Set([...document.querySelectorAll(`bdi[class^=${mark}]`)].map((cell) => cell.className.slice(2)))].join(" ");

  // A failed answer is swapped in only when the server says where: into the alert box, never into a table.
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.xhr.status >= 400) detail.shouldSwap = answersForItself(detail.xhr) && !leavesAlertBox(detail);
  });

  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (!detail.successful) return;
    if (!isQuiet(detail)) lastUpdate = new Date();
    if (leavesAlertBox(detail)) return;
    markOld(detail.target, false);
    byId("alert")?.replaceChildren();
    tellsOfAction = false;
  });

  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, failed);

  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    const said = detail.elt.matches?.("[data-announce]") ? detail.elt : detail.elt.querySelector?.("[data-announce]");
    if (said) announce(said.dataset.announce);
    if (document.activeElement === document.body && hadFocus) byId("heading")?.focus();
    hadFocus = false;
  });

  // Back, and back again before the first answer: only the page of the address is shown, and a failure is shown as one.
  let restoring = null;
  document.addEventListener("htmx:historyCacheMiss", ({ detail }) => {
    restoring?.abort();
    restoring = detail.xhr;
    restoring.addEventListener("error", () => location.reload());
  });
  document.addEventListener("htmx:historyCacheMissLoadError", () => location.reload());

  // The list that a run's end would load anew stays while somebody has ticked rows of it.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.id === "results-again" && document.querySelector("#ticks tbody :checked")) event.preventDefault();
  });

  // A swap may take the focused control away: then the focus goes to the heading, not to nowhere.
  let hadFocus = false;
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    hadFocus = Boolean(detail.target && detail.target.contains(document.activeElement));
  });

  document.addEventListener("submit", ({ target }) => {
    if (target.dataset.busy === undefined) return;
    setTimeout(() => target.querySelectorAll("button").forEach((button) => (button.disabled = true)));
    announce(target.dataset.busy);
  });

  // Back from another page must not show resting buttons.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-busy] button").forEach((button) => (button.disabled = false));
  });

  setInterval(() => {
    for (const countdown of document.querySelectorAll("[data-left]")) {
      countdown.dataset.left = Math.max(0, countdown.dataset.left - 1);
      countdown.textContent = `in ${countdown.dataset.left} s`;
    }
  }, 1000);

  document.addEventListener("DOMContentLoaded", () => {
    if (document.querySelector(".waiting")) document.title = `${byId("heading").textContent} · Rollcall`;
    htmx.onLoad((content) => {
      for (const element of [content, ...content.querySelectorAll("[data-poll]")]) if (element.dataset.poll) poll(element);
    });
    const said = document.querySelector("main > [data-announce]");
    if (said) announce(said.dataset.announce);
  });
})();

// What was typed into a large field outlives a session that ended: it is back once the person has signed in again.
(() => {
  const KEPT = "typed";
  const take = () => {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) || "null");
    sessionStorage.removeItem(KEPT);
    return kept;
  };
  const keep = (typed) => {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(typed));
    } catch {
      sessionStorage.removeItem(KEPT); // more than a browser keeps
    }
  };

  document.addEventListener("submit", ({ target }) => {
    const fields = [...target.querySelectorAll("textarea")].map(({ name, value }) => [name, value]);
    if (fields.some(([, value]) => value)) keep({ path: location.pathname, fields, isLost: false });
  });

  document.addEventListener("DOMContentLoaded", () => {
    const typed = take();
    if (!typed) return;
    const isBack = typed.path === location.pathname;
    const fields = typed.fields.map(([name, value]) => [document.querySelector(`textarea[name="${CSS.escape(name)}"]`), value]);
    if (document.querySelector("form [type=password]") || (isBack && !fields.some(([field]) => field))) {
      keep({ ...typed, isLost: true }); // the sign-in, or an error in the form's place
    } else if (isBack && typed.isLost) {
      for (const [field, value] of fields) if (field && !field.value) field.value = value;
    }
  });
})();

// News of runs: the title counts them, and what arrives is read out. Those there already when the page opened are part of it.
(() => {
  let known = null;

  function show() {
    const board = document.getElementById("notices");
    if (!board) return;
    const number = Number(board.dataset.number);
    document.title = (number ? `(${number}) ` : "") + document.title.replace(/^\(\d+\) /, "");
    const news = [...board.querySelectorAll("[data-notice]")];
    const fresh = news.filter((item) => known && !known.has(item.dataset.notice));
    if (fresh.length) document.getElementById("announcer").textContent = fresh.map((item) => item.querySelector("a").textContent).join(" ");
    known = new Set(news.map((item) => item.dataset.notice));
  }

  document.addEventListener("DOMContentLoaded", show);
  document.addEventListener("htmx:afterSettle", show);
})();

// The picker: the box in the header means this page, shift-click ticks a range.
(() => {
  const BOX = "#ticks tbody input[type=checkbox]";
  const boxes = () => [...document.querySelectorAll(BOX)];
  let last = null;

  function showHeader() {
    const header = document.getElementById("pick-page");
    if (!header) return;
    const ticked = boxes().filter((box) => box.checked).length;
    header.hidden = false;
    header.checked = ticked > 0 && ticked === boxes().length;
    header.indeterminate = ticked > 0 && !header.checked;
  }

  document.addEventListener("click", ({ target, shiftKey }) => {
    if (!target.matches(BOX)) return;
    if (shiftKey && last) {
      const [from, to] = [boxes().indexOf(last), boxes().indexOf(target)].sort((a, b) => a - b);
      if (from >= 0) boxes().slice(from, to + 1).forEach((box) => (box.checked = target.checked));
    }
    last = target;
  });

  // A list that was swapped in does not repeat its ids: its boxes say them.
  document.addEventListener("formdata", ({ target, formData }) => {
    if (target.id === "picker") formData.set("shown", boxes().map((box) => box.value).join(" "));
  });

  // Before htmx reads the form.
  let changes = 0;
  document.addEventListener("change", ({ target }) => {
    if (target.id === "pick-page" || target.matches(BOX)) changes += 1;
    if (target.id === "pick-page") boxes().forEach((box) => (box.checked = target.checked));
    showHeader();
  }, true);

  // The list is not swapped before its ticks are saved: one that still waits for its turn would go with its box.
  // Where saving fails the list stays, and the alert box says so.
  let saving = 0;
  let held = [];
  const isSaved = () => {
    const before = document.querySelector("#selection [name=before]")?.value.split(" ").filter(Boolean);
    return !before || String(before.sort()) === String(boxes().filter((box) => box.checked).map((box) => box.value).sort());
  };

  document.addEventListener("htmx:confirm", (event) => {
    const { target, issueRequest } = event.detail;
    if (target.id !== "accounts" || (!saving && isSaved())) return;
    event.preventDefault();
    held.push(() => issueRequest(true));
    if (!saving) htmx.trigger("#ticks", "change");
  });

  // Nor is one shown that was asked for before a tick: it is asked for anew once the tick is saved.
  const askedAfter = new WeakMap(); // request for a list -> how many changes there were before
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if ((askedAfter.get(detail.xhr) ?? changes) === changes || detail.xhr.status >= 400) return;
    const { elt, path } = detail.requestConfig;
    detail.shouldSwap = false;
    setTimeout(() => htmx.ajax("get", path, { source: elt }));
  });

  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (detail.elt.id === "ticks") saving += 1;
    if (detail.target.id === "accounts" && detail.requestConfig.verb === "get") askedAfter.set(detail.xhr, changes);
  });

  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.elt.id !== "ticks") return;
    saving -= 1;
    if (!detail.successful) held = [];
    setTimeout(() => {
      if (!saving) held.splice(0).forEach((issue) => issue());
    });
  });

  // Another tab may have changed the selection meanwhile.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) htmx.trigger(document.body, "returned");
  });

  document.addEventListener("DOMContentLoaded", showHeader);
  document.addEventListener("htmx:afterSettle", showHeader);
})();
