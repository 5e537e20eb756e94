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
    ["errors", "_checks", "_optional"],
    ["data", "geometry"],
    ["capture", "reconstruct", "stages", "label", "clients", "query", "render", "mapfile", "interop"],
    ["prompt", "qa"],
    ["config", "pipeline", "publish", "edit", "join", "naming", "finding", "counterfactual", "exporting"],
    ["cognitive_map", "building", "doctor"],
    ["batch", "serve"],
    ["cli"],
]
ORDERED_INSIDE = {("_checks", "errors"), ("_optional", "errors"), ("data", "geometry"), ("qa", "prompt")}
ORDERED_INSIDE |= {
    ("pipeline", "config"),
    ("publish", "pipeline"),
    ("edit", "config"),
    ("edit", "pipeline"),
    ("naming", "pipeline"),
    ("finding", "naming"),
}
ORDERED_INSIDE |= {("building", "cognitive_map"), ("doctor", "building")}
HEAVY = ("torch", "open3d", "sklearn", "scipy", "numba", "av", "pycolmap")


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(ROOT / "cogmap").parts[0].removesuffix(".py")


def imported_parts(path: Path) -> Iterator[str]:
    package = ["cogmap", *path.relative_to(ROOT / "cogmap").parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1] + (node.module or "").split(".")
            names = [base[1]] if len(base) > 1 and base[1] else [alias.name for alias in node.names]
            yield from names
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cogmap."):
            yield (node.module or "").split(".")[1]


def floor_of(part: str) -> int:
    return next(k for k, names in enumerate(FLOORS) if part in names)


def test_imports_go_down_only() -> None:
    wrong = []
    for path in sources("cogmap"):
        here = part_of(path)
        if here == "__init__":
            continue
        for there in imported_parts(path):
            if there in (here, "__version__"):
                continue
            down = floor_of(there) < floor_of(here)
            if not down and (here, there) not in ORDERED_INSIDE:
                wrong.append(f"{path.relative_to(ROOT)} imports {there}")
    assert wrong == []


def test_kernels_know_nothing_of_cogmap() -> None:
    for path in sources("kernels"):
        assert "cogmap." not in path.read_text().replace("cogmap_kernels.", "")


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


def test_no_print_or_exit_in_the_library() -> None:
    for path in sources("cogmap"):
        if part_of(path) != "cli":
            assert "sys.exit" not in path.read_text()


def test_names_that_say_nothing_are_not_used() -> None:
    stems = {p.stem for f in ("cogmap", "kernels") for p in sources(f)}
    assert stems & {"utils", "helpers", "common", "manager", "misc"} == set()
