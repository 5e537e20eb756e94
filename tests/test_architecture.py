"""DESIGN's floors, budgets and start-up promises, read from the source itself."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = [
    ["_version", "errors", "_checks", "_optional", "_files", "_apart"],
    ["data", "geometry", "samples"],
    ["capture", "reconstruct", "stages", "label", "clients", "query", "render", "mapfile", "interop"],
    ["prompt", "qa"],
    [
        "config",
        "pipeline",
        "reconstructing",
        "publish",
        "edit",
        "join",
        "naming",
        "finding",
        "counterfactual",
        "exporting",
    ],
    ["cognitive_map", "building", "doctor"],
    ["batch", "serve", "evaluation"],
    ["cli"],
    ["__main__"],
]
ORDERED_INSIDE = {("_checks", "errors"), ("_optional", "errors"), ("data", "geometry"), ("qa", "prompt")}
ORDERED_INSIDE |= {
    ("pipeline", "config"),
    ("reconstructing", "config"),
    ("publish", "pipeline"),
    ("edit", "config"),
    ("edit", "pipeline"),
    ("naming", "pipeline"),
    ("finding", "naming"),
}
ORDERED_INSIDE |= {("building", "cognitive_map"), ("doctor", "building")}
TALK = ("print", "exit", "quit", "sys.exit", "os._exit", "SystemExit", "builtins.print", "sys.stdout.write")
HEAVY = ("torch", "open3d", "sklearn", "scipy", "numba", "av", "pycolmap")


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(ROOT / "cogmap").parts[0].removesuffix(".py")


def module_of(path: Path) -> tuple[str, ...]:
    """("cogmap", "stages", "align"); a package is named by its folder."""
    base = ROOT / "kernels" if "kernels" in path.relative_to(ROOT).parts[:1] else ROOT
    names = path.relative_to(base).with_suffix("").parts
    return names[:-1] if names[-1] == "__init__" else names


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only the type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from statements(node)


def imported(path: Path, text: str | None = None) -> Iterator[tuple[str, ...]]:
    """Modules, or names in them, that a file imports anywhere: `import a.b`, `from a import b`, `from .. import b`."""
    here = module_of(path)
    package = here if path.name == "__init__.py" else here[:-1]
    for node in statements(ast.parse(path.read_text() if text is None else text)):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple((node.module or "").split(".")) if node.module else ()
            yield from ((*base, alias.name) for alias in node.names)


def files_imported(path: Path, modules: dict[tuple[str, ...], Path]) -> set[Path]:
    """The files of the project that a file imports."""
    out = set()
    for name in imported(path):
        for known in (name, name[:-1]):
            if known in modules:
                out.add(modules[known])
                break
    return out - {path}


def floor_of(part: str) -> int:
    return next(k for k, names in enumerate(FLOORS) if part in names)


def upward(path: Path, text: str | None = None) -> list[str]:
    """Imports of a file of cogmap that go up or sideways."""
    here, wrong = part_of(path), []
    for name in imported(path, text):
        if name[0] != "cogmap":
            continue
        there = name[1] if len(name) > 1 else "__init__"
        if there == here:
            continue
        known = any(there in names for names in FLOORS)
        down = known and floor_of(there) < floor_of(here)
        if not down and (here, there) not in ORDERED_INSIDE:
            wrong.append(f"{path.relative_to(ROOT)} imports {there}")
    return wrong


def test_imports_go_down_only() -> None:
    wrong = [w for path in sources("cogmap") if part_of(path) != "__init__" for w in upward(path)]
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    ["from cogmap import pipeline", "import cogmap.pipeline", "from .. import pipeline", "from ..cli import app"],
)
def test_an_import_that_goes_up_is_seen_however_it_is_written(line: str) -> None:
    path = ROOT / "cogmap" / "stages" / "align.py"
    assert upward(path, line) and upward(path, f"def f():\n    {line}")
    assert upward(path, "from ..data import scene") == []


def circles(graph: dict[Path, set[Path]]) -> list[list[str]]:
    """Sets of files that import one another, directly or through others."""
    reach = {p: set(q) for p, q in graph.items()}
    changed = True
    while changed:
        changed = False
        for out in reach.values():
            more = set().union(*(reach.get(q, set()) for q in out)) - out
            changed |= bool(more)
            out |= more
    rings = {frozenset(q for q in out if p in reach.get(q, set())) for p, out in reach.items() if p in out}
    return sorted(sorted(str(p.relative_to(ROOT)) for p in ring) for ring in rings)


def test_no_files_import_one_another_in_a_circle() -> None:
    paths = [*sources("cogmap"), *sources("kernels")]
    modules = {module_of(p): p for p in paths}
    assert circles({p: files_imported(p, modules) for p in paths}) == []
    a, b, c = paths[:3]
    assert len(circles({a: {b}, b: {c}, c: {a}})) == 1 and circles({a: {b, c}, b: {c}}) == []


def test_kernels_know_nothing_of_cogmap() -> None:
    knowing = [str(p) for p in sources("kernels") for name in imported(p) if name[0] == "cogmap"]
    assert knowing == []
    assert ("cogmap", "data") in set(imported(sources("kernels")[0], "from cogmap import data"))


def bodies(path: Path) -> Iterator[tuple[str, int]]:
    """Functions and the lines of their bodies, docstrings and blank lines apart."""
    text = path.read_text().splitlines()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body
            if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                body = body[1:]
            if body:
                lines = text[body[0].lineno - 1 : body[-1].end_lineno]
                yield f"{path.relative_to(ROOT)}:{node.name}", sum(bool(line.strip()) for line in lines)


def test_functions_are_short() -> None:
    sizes = dict(b for f in ("cogmap", "kernels") for p in sources(f) for b in bodies(p))
    assert {k: v for k, v in sizes.items() if v > 50} == {}
    assert sum(v <= 20 for v in sizes.values()) / len(sizes) >= 0.88


def code_lines(path: Path) -> int:
    tree = ast.parse(path.read_text())
    docs = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            docs |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = path.read_text().splitlines()
    return sum(bool(t.strip()) and not t.strip().startswith("#") and n not in docs for n, t in enumerate(lines, 1))


def test_modules_are_small() -> None:
    assert {str(p): code_lines(p) for f in ("cogmap", "kernels") for p in sources(f) if code_lines(p) > 300} == {}


def test_public_functions_say_what_they_do() -> None:
    missing = []
    for folder in ("cogmap", "kernels"):
        for path in sources(folder):
            for node in ast.parse(path.read_text()).body:
                named = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
                if named and ast.get_docstring(node) is None:
                    missing.append(f"{path.relative_to(ROOT)}:{node.name}")
    assert missing == []


@pytest.mark.parametrize("statement", ["import cogmap", "import cogmap_kernels", "import cogmap.cli.app"])
def test_start_up_loads_nothing_heavy(statement: str) -> None:
    code = f"{statement}\nimport sys, json\nprint(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def talking(tree: ast.AST) -> list[int]:
    """Lines that print or end the program."""
    lines = []
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        raised = node.exc if isinstance(node, ast.Raise) else None
        raised = raised.func if isinstance(raised, ast.Call) else raised
        for name in (called, raised):
            if isinstance(name, (ast.Name, ast.Attribute)) and ast.unparse(name) in TALK:
                lines.append(node.lineno)  # type: ignore[attr-defined]
    return lines


def test_no_print_or_exit_in_the_library() -> None:
    quiet = [p for p in (*sources("cogmap"), *sources("kernels")) if "cli" not in p.parts]
    assert {str(p): lines for p in quiet if (lines := talking(ast.parse(p.read_text())))} == {}
    for line in (
        "print(1)",
        "exit()",
        "quit(2)",
        "sys.exit()",
        "os._exit(1)",
        "raise SystemExit",
        "raise SystemExit(3)",
    ):
        assert set(talking(ast.parse(line))) == {1}, line


def test_names_that_say_nothing_are_not_used() -> None:
    stems = {p.stem for f in ("cogmap", "kernels") for p in sources(f)}
    assert stems & {"utils", "helpers", "common", "manager", "misc"} == set()
