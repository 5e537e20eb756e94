"""Mutants: small faults put into the code one at a time. A suite that lets one live has a hole there.

    python -m benchmarks.mutants --seed 0 --n 30

The quick lane runs once with the lines that every test passes through noted; then it runs with `-x` for every mutant,
less the tests that pass through nothing of what was changed: they cannot tell. Left out of the draw is what other
lanes run (the CUDA column, networks that need torch). A mutant that no test passes through counts as a survivor.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = (
    "cogmap/stages",
    "cogmap/geometry",
    "cogmap/reconstruct",
    "cogmap/query",
    "cogmap/render",
    "kernels/cogmap_kernels",
)
ELSEWHERE = ("/cuda/", "/depth_anything_3/", "/packages.py", "/load.py", "_cuda", "/models.py", "/interop/",
             "/mapanything.py", "/vggt.py", "/pi3.py", "/upstream_da3.py")  # fmt: skip
OPPOSITE = {
    ast.Lt: ">=",
    ast.GtE: "<",
    ast.Gt: "<=",
    ast.LtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
}
OVER_AN_AXIS = {"sum", "max", "min", "mean", "any", "all", "argmax", "argmin", "median", "cumsum", "argsort", "diff"}
CONVERSIONS = {"float", "int", "str", "bool", "tuple", "list", "sorted", "zip", "range", "enumerate", "len", "set"}
QUICK = "not real and not slow"
LONGEST_S = 1500
REFERENCES = ("light", "middle", "masked", "movie", "scan", "suite")


@dataclass(frozen=True)
class Mutant:
    """One change: characters `start` to `end` of a file become `text`."""

    kind: str
    file: str
    line: int
    start: int
    end: int
    before: str
    text: str

    def applied(self, source: str) -> str:
        """The source with the change."""
        return source[: self.start] + self.text + source[self.end :]


class Finder(ast.NodeVisitor):
    """Every place of a file that could be changed."""

    def __init__(self, file: str, source: str) -> None:
        self.file, self.source, self.found = file, source, list[Mutant]()
        lines = source.splitlines(keepends=True)
        self.offsets = [0]
        for line in lines:
            self.offsets.append(self.offsets[-1] + len(line))
        self.lines = lines
        self.visit(ast.parse(source))

    def spot(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Characters that a node takes; columns of the tree count bytes."""

        def at(line: int, column: int) -> int:
            return self.offsets[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

        return at(node.lineno, node.col_offset), at(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def text(self, node: ast.expr | ast.stmt) -> str:
        """The source of a node."""
        a, b = self.spot(node)
        return self.source[a:b]

    def note(self, kind: str, node: ast.expr | ast.stmt, text: str) -> None:
        """Keep one possible change of a whole node."""
        a, b = self.spot(node)
        self.found.append(Mutant(kind, self.file, node.lineno, a, b, self.source[a:b], text))

    def visit_Raise(self, node: ast.Raise) -> None:
        """Words of messages are left alone."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """Types are left alone."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for child in (*node.args.defaults, *(d for d in node.args.kw_defaults if d), *node.body):
            self.visit(child)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for child in node.body:
            self.visit(child)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        swapped = {ast.Add: "-", ast.Sub: "+"}.get(type(node.op))
        if swapped and not isinstance(node.left, (ast.List, ast.Tuple, ast.JoinedStr)):
            self.note("sign", node, f"({self.text(node.left)} {swapped} {self.text(node.right)})")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
            self.note("sign", node, self.text(node.operand))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        other = OPPOSITE.get(type(node.ops[0]))
        if len(node.ops) == 1 and other:
            self.note("comparison", node, f"({self.text(node.left)} {other} {self.text(node.comparators[0])})")
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else []
        for k in parts[-1:]:
            if isinstance(k, ast.Constant) and isinstance(k.value, int) and len(parts) > 1:
                self.note("axis", k, str((k.value + 1) % 2))
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        axes = [k.value for k in node.keywords if k.arg == "axis"]
        axes += node.args[-1:] if name in OVER_AN_AXIS else []
        for axis in axes:
            if isinstance(axis, ast.Constant) and axis.value in (0, 1):
                self.note("axis", axis, str(1 - axis.value))
        plain = [a for a in node.args if not isinstance(a, ast.Starred)]
        if len(plain) == len(node.args) >= 2 and self.text(plain[0]) != self.text(plain[1]):
            a, b = plain[:2]
            start, end = self.spot(a)[0], self.spot(b)[1]
            middle = self.source[self.spot(a)[1] : self.spot(b)[0]]
            text = f"{self.text(b)}{middle}{self.text(a)}"
            self.found.append(
                Mutant("swapped arguments", self.file, node.lineno, start, end, self.source[start:end], text)
            )
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        if len(plain) >= 1 and called[:1].islower() and called not in CONVERSIONS:
            self.note("dropped call", node, self.text(plain[0]))
        for child in (node.func, *node.args, *(k.value for k in node.keywords)):
            self.visit(child)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return
        if isinstance(node.value, ast.Call):
            self.note("dropped call", node, "pass")
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Positions inside f-strings are not exact."""

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value in (0, 1, -1):
            return
        self.note("constant", node, repr(round(value * 1.5) if isinstance(value, int) else value * 1.5))


def candidates() -> list[Mutant]:
    """Every mutant that could be drawn."""
    out = []
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if not any(x in f"/{name}" for x in ELSEWHERE):
                out += Finder(name, path.read_text()).found
    return out


def drawn(seed: int, n: int) -> list[Mutant]:
    """n mutants: kinds in turn, each place of a kind equally likely."""
    by_kind: dict[str, list[Mutant]] = defaultdict(list)
    for m in candidates():
        by_kind[m.kind].append(m)
    rng, kinds = random.Random(seed), sorted(by_kind)
    return [rng.choice(by_kind[kinds[k % len(kinds)]]) for k in range(n)]


class Bench:
    """A copy of the checkout where mutants live, and what its tests pass through."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._copy()
        self.env = {
            **os.environ,
            "PYTHONPATH": f"{folder}{os.pathsep}{folder / 'kernels'}",
            "NUMBA_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "NUMBA_CACHE_DIR": str(folder / ".numba_cache"),
        }
        self.map = folder / "passed_through.json"
        if not self.map.exists() or json.loads(self.map.read_text())["state"] != _state():
            self._survey()
        self.passed = json.loads(self.map.read_text())

    def _copy(self) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
        )
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                target = self.folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists() or target.read_bytes() != (ROOT / name).read_bytes():
                    shutil.copyfile(ROOT / name, target)
        shared = ROOT.parent / "shared"
        if shared.exists() and not (self.folder.parent / "shared").exists():
            (self.folder.parent / "shared").symlink_to(shared)

    def pytest(self, *args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """One run of pytest in the copy: on both cores, or in one process where memory itself may be broken."""
        workers = ["-p", "no:xdist"] if env else ["-n", "2", "--dist", "worksteal"]
        command = [sys.executable, "-m", "pytest", *workers, "-m", QUICK, *args]
        return subprocess.run(
            command, cwd=self.folder, env=env or self.env, capture_output=True, text=True, timeout=LONGEST_S
        )

    def _survey(self) -> None:
        """Which tests pass through which lines, and how long each takes."""
        from coverage import CoverageData

        shutil.rmtree(self.folder / ".test_cache", ignore_errors=True)
        told = self.pytest(
            "--cov=cogmap", "--cov=kernels", "--cov-context=test", "--cov-report=", "--durations=0", "-p", "no:randomly"
        )
        if told.returncode:
            raise SystemExit("the suite fails without a mutant:\n" + told.stdout[-3000:])
        data = CoverageData(str(self.folder / ".coverage"))
        data.read()
        lines: dict[str, dict[str, list[str]]] = {}
        for file in data.measured_files():
            name = str(Path(file).relative_to(self.folder))
            lines[name] = {str(k): sorted(v) for k, v in data.contexts_by_lineno(file).items()}
        seconds = {}
        for row in told.stdout.splitlines():
            words = row.split()
            if len(words) == 3 and words[0].endswith("s") and words[1] == "call":
                seconds[words[2]] = float(words[0][:-1])
        self.map.write_text(json.dumps({"state": _state(), "lines": lines, "seconds": seconds}))

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Tests that pass through what is changed, the shortest first; those that read a kept map too where building
        it does."""
        contexts = {
            c for file, line in self._lines_of(mutant) for c in self.passed["lines"].get(file, {}).get(line, [])
        }
        tests = {c.partition("|")[0] for c in contexts if "|" in c}
        if any(c.endswith("|setup") for c in contexts):
            tests |= self._readers()
        of_kernels = mutant.file.startswith("kernels")
        if of_kernels:  # compiled lines are never seen to run
            tests = set(self.passed["seconds"])
        first = {t for t in tests if of_kernels and t.startswith("tests/kernels")}
        return sorted(tests, key=lambda t: (t not in first, self.passed["seconds"].get(t, 0.0), t))

    def _lines_of(self, mutant: Mutant) -> set[tuple[str, str]]:
        """Lines that run what is changed: those of the statement, else those of the whole file and of the users of the
        name that it sets."""
        tree = ast.parse((self.folder / mutant.file).read_text())
        inside = [
            n
            for n in ast.walk(tree)
            if isinstance(n, (ast.FunctionDef, ast.Lambda))
            and (n.body[0] if isinstance(n.body, list) else n.body).lineno <= mutant.line <= (n.end_lineno or 0)
        ]
        if inside and not _compiled(inside[0]):
            statement = [
                n
                for n in ast.walk(tree)
                if isinstance(n, ast.stmt)
                and n.lineno <= mutant.line <= (n.end_lineno or 0)
                and not isinstance(n, (ast.FunctionDef, ast.ClassDef))
            ]
            innermost = max(statement, key=lambda n: n.lineno)
            return {(mutant.file, str(k)) for k in range(innermost.lineno, (innermost.end_lineno or 0) + 1)}
        out = {(mutant.file, k) for k in self.passed["lines"].get(mutant.file, {})}
        names = {
            t.id
            for n in tree.body
            if isinstance(n, (ast.Assign, ast.AnnAssign)) and n.lineno <= mutant.line <= (n.end_lineno or 0)
            for t in ast.walk(n)
            if isinstance(t, ast.Name) and isinstance(t.ctx, ast.Store)
        }
        if inside or not names:
            names |= {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        for part in ("cogmap", "kernels"):
            for path in (self.folder / part).rglob("*.py"):
                file = str(path.relative_to(self.folder))
                for n in ast.walk(ast.parse(path.read_text())):
                    used = n.id if isinstance(n, ast.Name) else (n.attr if isinstance(n, ast.Attribute) else None)
                    if used in names:
                        out.add((file, str(n.lineno)))  # type: ignore[attr-defined]
        return out

    def _readers(self) -> set[str]:
        """Tests in files that take a kept map."""
        files = {
            str(p.relative_to(self.folder))
            for p in (self.folder / "tests").glob("test_*.py")
            if any(f"{name}: Reference" in p.read_text() for name in REFERENCES)
        }
        return {t for t in self.passed["seconds"] if t.partition("::")[0] in files}

    def judged(self, mutant: Mutant) -> tuple[str, str]:
        """("caught" or "survived", the test that caught it)."""
        path = self.folder / mutant.file
        source = path.read_text()
        tests = self.tests_of(mutant)
        if not tests:
            return "survived", "no test passes through it"
        env = None
        if mutant.file.startswith("kernels"):  # compiled code does not notice that what it inlined has changed
            env = {**self.env, "NUMBA_CACHE_DIR": str(self.folder / ".mutant_cache")}
            shutil.rmtree(self.folder / ".mutant_cache", ignore_errors=True)
        path.write_text(mutant.applied(source))
        try:
            told = self.pytest("-x", "tests/test_architecture.py", *tests, env=env)
        except subprocess.TimeoutExpired:
            return "caught", f"ran past {LONGEST_S} s"
        finally:
            path.write_text(source)
        failed = [row for row in told.stdout.splitlines() if row.startswith(("FAILED", "ERROR"))]
        return ("caught", failed[0][:150] if failed else told.stdout[-150:]) if told.returncode else ("survived", "")


def _compiled(node: ast.AST) -> bool:
    """Whether numba compiles a function: its lines are never seen to run."""
    return any("jit" in ast.unparse(d) for d in getattr(node, "decorator_list", []))


def _state() -> str:
    """Hash of sources and tests."""
    digest = hashlib.sha256()
    for folder in ("cogmap", "kernels", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def rows(bench: Bench, mutants: list[Mutant]) -> Iterator[dict[str, object]]:
    """One row a mutant, as it is judged."""
    for k, mutant in enumerate(mutants, 1):
        since = time.monotonic()
        verdict, by = bench.judged(mutant)
        place = f"{mutant.file}:{mutant.line}"
        print(f"{k:3} {verdict:9}{time.monotonic() - since:6.0f} s  {mutant.kind:18}{place}", flush=True)
        print(
            f"      {' '.join(mutant.before.split())[:60]} -> {' '.join(mutant.text.split())[:60]}  [{by}]", flush=True
        )
        yield {**asdict(mutant), "verdict": verdict, "by": by}


def main() -> None:
    """Draw, judge and list; exit 1 when more survive than are allowed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n", type=int, default=30)
    parser.add_argument("--first", type=int, default=0, help="begin with this one of the draw")
    parser.add_argument("--most-survivors", type=int, default=4)
    parser.add_argument("--folder", type=Path, default=ROOT / ".mutants" / "copy")
    parser.add_argument("--list", action="store_true", help="show the draw and stop")
    asked = parser.parse_args()
    mutants = drawn(asked.seed, asked.n)[asked.first :]
    if asked.list:
        for m in mutants:
            print(f"{m.kind:18}{m.file}:{m.line}  {' '.join(m.before.split())[:50]} -> {' '.join(m.text.split())[:50]}")
        return
    asked.folder.mkdir(parents=True, exist_ok=True)
    done = list(rows(Bench(asked.folder), mutants))
    alive = [r for r in done if r["verdict"] == "survived"]
    print(f"{len(done) - len(alive)} of {len(done)} caught")
    for r in alive:
        print(f"survived: {r['file']}:{r['line']} {r['kind']}: {r['before']} -> {r['text']}")
    sys.exit(len(alive) > asked.most_survivors)


if __name__ == "__main__":
    main()
