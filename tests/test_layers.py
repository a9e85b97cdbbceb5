"""Who may import whom. Data flows one way: request, form, service, API client, values, template, reply."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "dashboard"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.stat().st_size)

# Layer -> what it may import of ours, besides itself. A name stands for all that is below it.
OURS: dict[str, tuple[str, ...]] = {
    "api": (),
    "models": (),
    "migrations": ("models.batches",),
    "sandbox": (),
    "environment": (),
    "settings": ("environment",),
    "people": ("models",),
    "services": ("api", "models"),
    "templatetags": ("api.schema", "models"),
    "forms": ("api.schema", "models"),
    "tables": ("api.schema", "models", "templatetags"),
    "views": ("api.schema", "forms", "models", "people", "services", "tables"),
    "context": ("api.errors", "models", "people", "services", "views.scheme"),
    "middleware": ("api.errors", "models", "people", "services", "views.errors", "views.fragments"),
    "engine": ("api.client.Client", "api.errors", "models", "services"),  # it is given one
    "management": (
        *("api.errors", "api.schema", "engine", "forms", "models"),
        *("people", "sandbox.server", "services"),
    ),
    "urls": ("views",),
    "apps": ("engine", "people"),
    "wsgi": (),
}
# Layer -> what it may import of others, besides the standard library. Others are free, but for `KEPT`.
OF_OTHERS: dict[str, tuple[str, ...]] = {
    "api": ("django.conf", "pydantic", "requests", "urllib3"),
    "models": ("django",),
    "sandbox": (),
    "forms": ("django",),
    "tables": ("django", "django_tables2"),
}
KEPT = {
    "requests": ("api",),
    "urllib3": ("api",),
    "django.http": ("views", "middleware", "context", "people"),
}


def layer_of(module: Path) -> str:
    return module.parts[0].removesuffix(".py")


def imports(module: Path) -> Iterator[str]:
    """Whole dotted names: `from a.b import c` gives `a.b.c`, also for a relative import."""
    package = ["dashboard", *module.parent.parts]
    for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            start = [*above, *([node.module] if node.module else [])]
            yield from (".".join([*start, name.name]) for name in node.names)


def is_within(name: str, *roots: str) -> bool:
    return any(f"{name}.".startswith(f"{root}.") for root in roots)


def is_ours(name: str) -> bool:
    return is_within(name, "dashboard")


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_imports_only_the_layers_below_it(module: Path) -> None:
    layer = layer_of(module)

    ours = [name.removeprefix("dashboard.") for name in imports(module) if is_ours(name)]

    assert [name for name in ours if not is_within(name, layer, *OURS[layer])] == []


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_imports_only_the_packages_that_its_layer_needs(module: Path) -> None:
    layer = layer_of(module)

    others = [n for n in imports(module) if not is_ours(n) and n.split(".")[0] not in sys.stdlib_module_names]

    if layer in OF_OTHERS:
        assert [name for name in others if not is_within(name, *OF_OTHERS[layer])] == []
    for package, layers in KEPT.items():
        assert layer in layers or [name for name in others if is_within(name, package)] == []


def test_relative_and_nested_imports_are_seen() -> None:
    names = set(imports(Path("sandbox/server.py")))

    assert {"dashboard.sandbox.api.Api", "dashboard.sandbox.seed"} <= names
