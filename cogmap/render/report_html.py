"""One HTML file that always opens: the map's picture, table, marked frames and warnings."""

from __future__ import annotations

import base64
from html import escape

from ..data.scene import SceneMap
from .bev import render_bev
from .text_metric import clean_label, render_metric

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}"
    "table{border-collapse:collapse}td,th{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:right}"
    "td:nth-child(2),th:nth-child(2){text-align:left}img{max-width:100%}pre{background:#f4f4f4;padding:1em;overflow:auto}"
    ".frames{display:grid;grid-template-columns:repeat(auto-fill,minmax(20em,1fr));gap:1em}"
)


def render_report(scene: SceneMap, pictures: list[tuple[str, bytes]], title: str = "cogmap") -> str:
    """HTML text without outside links.

    Args:
        pictures: (caption, JPEG bytes) of marked frames.
    """
    unit = scene.scale.unit
    parts = [
        f"<!doctype html><meta charset='utf-8'><title>{escape(title)}</title><style>{STYLE}</style>",
        f"<h1>{escape(title)}</h1><p>{_summary(scene)}</p>",
        f"<img alt='map from above' src='data:image/png;base64,{_b64(render_bev(scene))}'>",
        f"<h2>Objects (lengths in {unit})</h2>{_table(scene)}",
        "<h2>Frames</h2><div class='frames'>",
    ]
    for caption, data in pictures:
        image = f"<img alt='{escape(caption)}' src='data:image/jpeg;base64,{_b64(data)}'>"
        parts.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")
    parts.append(f"</div><h2>What a model reads</h2><pre>{escape(render_metric(scene))}</pre>")
    return "\n".join(parts) + "\n"


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _summary(scene: SceneMap) -> str:
    s = scene.scale
    lines = [f"{len(scene.objects)} objects; scale {s.kind} from {escape(s.source)} (±{s.rel_sigma:.0%})"]
    lines.append(f"quality <b>{scene.quality.status}</b>")
    lines += [f"{escape(w.code)} ({w.count}): {escape(w.effect)}" for w in scene.quality.warnings]
    return "<br>".join(lines)


def _table(scene: SceneMap) -> str:
    head = "<tr><th>#<th>id<th>x<th>y<th>z<th>length<th>width<th>height<th>seen in</tr>"
    rows = []
    for o in scene.objects:
        values = "".join(f"<td>{v:.2f}" for v in (*o.box.center_m, *o.box.size_m))
        label = escape(clean_label(o.label)) if o.label else escape(o.id)
        rows.append(f"<tr><td>{o.number}<td title='{label}'>{escape(o.id)}{values}<td>{len(o.seen)}</tr>")
    return f"<table>{head}{''.join(rows)}</table>"
