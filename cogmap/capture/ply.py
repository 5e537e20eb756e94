"""PLY files: every header, every order of bytes; vertices as columns, faces as triangles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .._checks import Array
from ..errors import InputError

TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "int64": "i8", "uint64": "u8", "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
ORDER = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}
LONGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class Property:
    """One property: its name, type code, and the type code of its length where it is a list."""

    name: str
    kind: str
    length: str | None = None


@dataclass(frozen=True)
class Element:
    """One element: its name, how many there are, and its properties in order."""

    name: str
    count: int
    properties: tuple[Property, ...]

    @property
    def plain(self) -> bool:
        """Whether every row takes the same number of bytes."""
        return all(p.length is None for p in self.properties)


@dataclass(frozen=True)
class Ply:
    """What a file holds: columns of vertices by name, faces (F, 3) int64 or None, comments, names passed over."""

    vertices: dict[str, Array]
    faces: Array | None
    comments: tuple[str, ...]
    passed_over: tuple[str, ...]


def read_ply_file(path: Path) -> Ply:
    """All of a PLY that cogmap can use.

    Raises:
        InputError: E-PLY-HEADER, E-PLY-FIELDS, E-PLY-SHORT (fewer rows than declared).
    """
    data = path.read_bytes()
    lines, body = _split(data, path)
    order, elements = _header(lines, path)
    vertices: dict[str, Array] = {}
    faces: Array | None = None
    passed: list[str] = []
    reader = _Ascii(data[body:], path) if order == "ascii" else _Binary(data, body, ORDER[order], path)
    for element in elements:
        if element.name == "vertex":
            vertices = reader.columns(element)
        elif element.name == "face" and any(p.length for p in element.properties):
            faces = reader.triangles(element)
        elif all(e.name not in ("vertex", "face") for e in elements[elements.index(element) :]):
            passed.append(f"element {element.name}")
        else:
            reader.skip(element)
            passed.append(f"element {element.name}")
    comments = tuple(line.partition(" ")[2] for line in lines if line.startswith(("comment ", "obj_info ")))
    return Ply(vertices, faces, comments, tuple(passed))


def _split(data: bytes, path: Path) -> tuple[list[str], int]:
    """Lines of the header and where the body begins; lines end with LF, CR LF or CR."""
    lines, at = list[str](), 0
    while at < min(len(data), LONGEST_HEADER):
        ends = [e for e in (data.find(b"\n", at, at + 65536), data.find(b"\r", at, at + 65536)) if e >= 0]
        if not ends:
            break
        end = min(ends)
        line = data[at:end].decode("utf-8", "replace").strip()
        at = end + (2 if data[end : end + 2] == b"\r\n" else 1)
        lines.append(line)
        if line == "end_header":
            if lines[0] == "ply":
                return lines, at
            break
    raise InputError("E-PLY-HEADER", "the header has no end.", "Export it again.", path)


def _header(lines: list[str], path: Path) -> tuple[str, list[Element]]:
    order, elements = "", list[Element]()
    for words in (line.split() for line in lines):
        if words[:1] == ["format"] and len(words) > 1:
            order = words[1]
        elif words[:1] == ["element"]:
            if len(words) != 3 or not words[2].isdigit():
                raise InputError("E-PLY-HEADER", f"{' '.join(words)!r} is no element.", "Export it again.", path)
            elements.append(Element(words[1], int(words[2]), ()))
        elif words[:1] == ["property"]:
            if not elements:
                raise InputError("E-PLY-HEADER", "a property stands before any element.", "Export it again.", path)
            last = elements[-1]
            elements[-1] = Element(last.name, last.count, (*last.properties, _property(words, last.name, path)))
    if order not in ORDER or all(e.name != "vertex" or not e.properties for e in elements):
        raise InputError("E-PLY-HEADER", f"format {order!r} or vertex list missing.", "Export it again.", path)
    return order, elements


def _property(words: list[str], element: str, path: Path) -> Property:
    if len(words) == 3 and words[1] in TYPES:
        return Property(words[2], TYPES[words[1]])
    if len(words) == 5 and words[1] == "list" and words[2] in TYPES and words[3] in TYPES:
        return Property(words[4], TYPES[words[3]], TYPES[words[2]])
    raise InputError("E-PLY-FIELDS", f"{element} property {' '.join(words[1:])!r}.", "Export plain columns.", path)


def _short(element: Element, path: Path) -> InputError:
    problem = f"{element.count} x {element.name} are declared, fewer are there."
    return InputError("E-PLY-SHORT", problem, "Copy it again.", path)


class _Binary:
    """Reads one element after the other from bytes."""

    def __init__(self, data: bytes, at: int, order: str, path: Path) -> None:
        self.data, self.at, self.order, self.path = data, at, order, path

    def columns(self, element: Element) -> dict[str, Array]:
        """The plain columns of an element."""
        if not element.plain:
            rows = list(self._rows(element))
            names = [p.name for p in element.properties if p.length is None]
            return {n: np.array([r[n] for r in rows]).reshape(-1) for n in names}
        kind = np.dtype([(p.name, self.order + p.kind) for p in element.properties])
        if self.at + kind.itemsize * element.count > len(self.data):
            raise _short(element, self.path)
        table = np.frombuffer(self.data, kind, element.count, self.at)
        self.at += kind.itemsize * element.count
        return {name: table[name] for name in kind.names or ()}

    def triangles(self, element: Element) -> Array:
        """Faces as triangles, those of more corners as fans."""
        spot = next(k for k, p in enumerate(element.properties) if p.length)
        of_three = self._all_of_three(element, spot)
        if of_three is not None:
            return of_three
        name = element.properties[spot].name
        return fans([np.asarray(row[name]) for row in self._rows(element)])

    def _all_of_three(self, element: Element, spot: int) -> Array | None:
        """Triangles read at once, where every list of the only list property has three entries."""
        fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
        for k, p in enumerate(element.properties):
            if p.length and k != spot:
                return None
            if p.length:
                fields += [("n", self.order + p.length), ("corners", self.order + p.kind, (3,))]
            else:
                fields.append((f"f{k}", self.order + p.kind))
        kind = np.dtype(fields)
        if self.at + kind.itemsize * element.count > len(self.data):
            return None
        rows = np.frombuffer(self.data, kind, element.count, self.at)
        if (rows["n"] != 3).any():
            return None
        self.at += kind.itemsize * element.count
        return rows["corners"].astype(np.int64)

    def skip(self, element: Element) -> None:
        """Pass over an element."""
        if element.plain:
            self.columns(element)
        else:
            for _ in self._rows(element):
                pass

    def _rows(self, element: Element) -> Iterator[dict[str, Array]]:
        """Rows of an element with lists, one by one."""
        for _ in range(element.count):
            row = {}
            for p in element.properties:
                n = 1
                if p.length:
                    n = int(self._take(p.length, 1, element)[0])
                row[p.name] = self._take(p.kind, n, element)
            yield row

    def _take(self, kind: str, n: int, element: Element) -> Array:
        dtype = np.dtype(self.order + kind)
        if self.at + n * dtype.itemsize > len(self.data):
            raise _short(element, self.path)
        out = np.frombuffer(self.data, dtype, n, self.at)
        self.at += n * dtype.itemsize
        return out


class _Ascii:
    """Reads one element after the other from text, by words."""

    def __init__(self, body: bytes, path: Path) -> None:
        self.words, self.at, self.path = body.split(), 0, path

    def columns(self, element: Element) -> dict[str, Array]:
        """The plain columns of an element."""
        if not element.plain:
            rows = list(self._rows(element))
            names = [p.name for p in element.properties if p.length is None]
            return {n: np.array([r[n] for r in rows], np.float64).reshape(-1) for n in names}
        width, n = len(element.properties), element.count
        taken = self.words[self.at : self.at + n * width]
        self.at += n * width
        if len(taken) < n * width:
            raise _short(element, self.path)
        out = {}
        for k, p in enumerate(element.properties):
            out[p.name] = self._numbers(taken[k::width], p.kind)
        return out

    def _numbers(self, words: list[bytes], kind: str) -> Array:
        try:
            if kind[0] == "f":
                return np.array(words, np.float64).astype(kind)
            return np.array([int(w) if b"." not in w and b"e" not in w else round(float(w)) for w in words], kind)
        except (ValueError, OverflowError) as error:
            raise InputError(
                "E-PLY-FIELDS", f"a value is no number: {error}.", "Export it again.", self.path
            ) from error

    def triangles(self, element: Element) -> Array:
        """Faces as triangles, those of more corners as fans."""
        name = next(p.name for p in element.properties if p.length)
        return fans([np.array(row[name], np.int64) for row in self._rows(element)])

    def skip(self, element: Element) -> None:
        """Pass over an element."""
        for _ in self._rows(element):
            pass

    def _rows(self, element: Element) -> Iterator[dict[str, list[float]]]:
        for _ in range(element.count):
            row = {}
            for p in element.properties:
                n = 1
                if p.length:
                    n = int(self._take(1, element)[0])
                row[p.name] = [float(w) for w in self._take(n, element)]
            yield row

    def _take(self, n: int, element: Element) -> list[bytes]:
        out = self.words[self.at : self.at + n]
        if len(out) < n:
            raise _short(element, self.path)
        self.at += n
        return out


def fans(polygons: list[Array]) -> Array:
    """Triangles (F, 3) int64 of polygons, each a fan round its first corner."""
    rows = [np.stack([np.full(len(p) - 2, p[0]), p[1:-1], p[2:]], axis=1) for p in polygons if len(p) >= 3]
    return np.concatenate(rows).astype(np.int64) if rows else np.zeros((0, 3), np.int64)
