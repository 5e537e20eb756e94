"""`relations` text: true sentences from the scene graph, and the parser that reads them back."""

from __future__ import annotations

import re

import numpy as np

from ..data.scene import Edge, SceneGraph
from ..errors import InputError
from .text_metric import numbered_lines

SAYS = {
    "on": "is on",
    "under": "is under",
    "inside": "is inside",
    "near": "is near",
    "above": "is above",
    "below": "is below",
    "left": "is left of",
    "right": "is right of",
    "front": "is in front of",
    "behind": "is behind",
    "aligned": "is in line with",
    "facing": "faces",
    "against": "stands against",
    "between": "is between",
    "symmetric": "is mirrored by",
    "links": "links",
}
MEANS = {says: relation for relation, says in SAYS.items()}
PATTERN = re.compile(
    r"(\w+) ("
    + "|".join(sorted(map(re.escape, MEANS), key=len, reverse=True))
    + r") (\w+)(?: and (\w+))?(?: as (\w+) sees it)?, (\d+)±(\d+) (?:cm|hundredths) apart\."
)
INVERSE = {"left": "right", "front": "behind", "above": "below", "on": "under"}
MIRROR = {"near", "aligned"}
TOUCHES_M = 1.5e-4  # map files hold lengths to 0.1 mm


def render_relations(
    graph: SceneGraph, *, metric: bool = True, about: str | None = None, seed: int | None = None, most: int = 40
) -> str:
    """Sentences, one a line, each of which is an edge of the graph.

    Args:
        metric: whether lengths are metres. about: an id that every sentence names, or None.
        seed: picks and orders at random; None takes those of the largest margin. most: sentences at most.
    """
    edges = _once(graph.about(about) if about else graph.edges)
    if seed is None:
        edges = sorted(edges, key=lambda e: (-_weight(e), e.subject, e.relation, e.object))
    else:
        edges = [edges[k] for k in np.random.default_rng(seed).permutation(len(edges))]
    unit = "cm" if metric else "hundredths"
    head = (
        "# relations; left, right, in front (farther ahead), behind: with y ahead, unless a line says who sees it; "
        "gaps between nearest surfaces ± their standard error"
    )
    left = len(edges) - min(len(edges), most)
    note = [f"# {left} more relations left out"] if left else []
    return "\n".join([head, *(sentence(e, unit) for e in edges[:most]), *note]) + "\n"


def _weight(edge: Edge) -> float:
    """Support and containment first, then sides and the rest by their margin."""
    return edge.margin_m + (10.0 if edge.relation in ("on", "inside", "under", "links") else 0.0)


def _once(edges: tuple[Edge, ...]) -> list[Edge]:
    """Without the second of two edges that say the same: b under a where a is on b."""
    said = {(e.subject, e.relation, e.object, e.frame) for e in edges}
    back = {v: k for k, v in INVERSE.items()}
    out = []
    for e in edges:
        twin = back.get(e.relation)
        if e.other is None and twin and (e.object, twin, e.subject, e.frame) in said:
            continue
        if e.relation in MIRROR and e.subject > e.object and (e.object, e.relation, e.subject, e.frame) in said:
            continue
        out.append(e)
    return out


def sentence(edge: Edge, unit: str = "cm") -> str:
    """The sentence of an edge."""
    both = f"{edge.object} and {edge.other}" if edge.other else edge.object
    eyes = f" as {edge.frame.partition(':')[2]} sees it" if edge.frame.startswith("object:") and not edge.other else ""
    return f"{edge.subject} {SAYS[edge.relation]} {both}{eyes}, {gap_text(edge.distance_m, edge.sigma_m)} {unit} apart."


def gap_text(gap_m: float, sigma_m: float) -> str:
    """A gap and its error in hundredths; only what touches is 0 apart."""
    return f"{max(round(100 * gap_m), int(gap_m > TOUCHES_M))}±{max(round(100 * sigma_m), 1)}"


def parse_relations(text: str) -> list[Edge]:
    """Edges of sentences: margins are not said and come back as 0, distances and errors to the centimetre.

    Raises:
        InputError: E-TEXT-LINE with the number of the first line that is no relation.
    """
    out = []
    for n, line in numbered_lines(text):
        match = PATTERN.fullmatch(line)
        if match is None:
            raise InputError(
                "E-TEXT-LINE", f"line {n} is no relation: {line[:60]!r}.", "Expected: A is on B, 0±1 cm apart."
            )
        relation = MEANS[match[2]]
        frame = f"object:{match[5]}" if match[5] else f"object:{match[1]}" if relation == "symmetric" else "world"
        gap, sigma = int(match[6]) / 100, int(match[7]) / 100
        out.append(Edge(match[1], relation, match[3], frame, gap, 0.0, match[4], sigma))
    return out
