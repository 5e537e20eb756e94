"""When things came into view, and how the camera went."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from ..data.answers import Answer, unknown
from ..data.scene import MapObject, SceneMap
from .measures import frame_of, length_of, missing, said
from .names import resolve

LEAST_STEP, LEAST_TURN_DEG = 0.05, 2.0


def appearance_order(scene: SceneMap, names: Sequence[str]) -> Answer:
    """Names of things or kinds in the order in which the first of each was first seen; ties stay as they are given."""
    first: dict[str, tuple[int, float]] = {}
    for name in names:
        seen = [o for o in resolve(scene, name) if isinstance(o, MapObject) and o.seen]
        if not seen:
            if not resolve(scene, name):
                return missing(scene, "appearance_order", name)
            return unknown("appearance_order", f"{name!r} was seen in no frame")
        one = min(seen, key=lambda o: o.seen[0][0])
        first[name] = (one.seen[0][0], one.first_seen_s or 0.0)
    order = tuple(sorted(names, key=lambda n: first[n][0]))
    text = ", ".join(f"{n} ({first[n][1]:.1f} s)" for n in order)
    return Answer("appearance_order", order, None, f"First seen: {text}.", frames=tuple(first[n][0] for n in order),
                  details={n: float(first[n][1]) for n in order})  # fmt: skip


def camera_motion(scene: SceneMap, first: str | int, second: str | int) -> Answer:
    """The camera's step and turn from one frame to another, as the first sees it: `details` has right, up, ahead in
    metres, yaw (right), pitch (up), roll in degrees and the whole angle. The value says the main motion in words."""
    a, b = frame_of(scene, str(first)), frame_of(scene, str(second))
    if a is None or b is None:
        return unknown("camera_motion", f"there is no frame {first if a is None else second!r}")
    A, B = (scene.camera_path[k].T_map_cam for k in (a, b))
    step = A[:3, :3].T @ (B[:3, 3] - A[:3, 3])
    turn = A[:3, :3].T @ B[:3, :3]
    yaw, pitch, roll = Rotation.from_matrix(turn).as_euler("YXZ", degrees=True)
    length = float(np.linalg.norm(step))
    unit, status = length_of(scene)
    numbers = {"right": float(step[0]), "up": float(-step[1]), "ahead": float(step[2]), "distance": length,
               "yaw_deg": float(yaw), "pitch_deg": float(pitch), "roll_deg": float(roll),
               "angle_deg": float(np.degrees(Rotation.from_matrix(turn).magnitude()))}  # fmt: skip
    words = _in_words(numbers, 0.0 if status == "scale_unknown" else LEAST_STEP)
    turned = f"{numbers['angle_deg']:.0f} degrees"
    sentence = f"From f{a:03d} to f{b:03d} the camera moves {said(length, unit)} and turns {turned}: {words}."
    return Answer("camera_motion", words, None, sentence, status, scene.scale.rel_sigma * length, f"camera:f{a:03d}",
                  frames=(a, b), details=numbers)  # fmt: skip


def _in_words(m: dict[str, float], least: float) -> str:
    """The largest part of the step, and of the turn, where they are not nothing."""
    step = max(("right", "up", "ahead"), key=lambda k: abs(m[k]))
    names = {"right": ("right", "left"), "up": ("up", "down"), "ahead": ("forward", "backward")}
    out = [f"moves {names[step][0 if m[step] > 0 else 1]}"] if m["distance"] > least and m[step] else []
    turn = max(("yaw_deg", "pitch_deg"), key=lambda k: abs(m[k]))
    turns = {"yaw_deg": ("right", "left"), "pitch_deg": ("up", "down")}
    out += [f"turns {turns[turn][0 if m[turn] > 0 else 1]}"] if abs(m[turn]) > LEAST_TURN_DEG else []
    return " and ".join(out) or "hardly moves"


def path_length(scene: SceneMap, first: str | int | None = None, second: str | int | None = None) -> Answer:
    """How far the camera went between two frames (all of them where none is said), and how far apart those are."""
    if len(scene.camera_path) < 2:
        return unknown("path_length", "the map holds no camera path")
    a = 0 if first is None else frame_of(scene, str(first))
    b = len(scene.camera_path) - 1 if second is None else frame_of(scene, str(second))
    if a is None or b is None:
        return unknown("path_length", f"there is no frame {first if a is None else second!r}")
    xyz = np.array([c.T_map_cam[:3, 3] for c in scene.camera_path[min(a, b) : max(a, b) + 1]])
    value = float(np.linalg.norm(np.diff(xyz, axis=0), axis=1).sum())
    unit, status = length_of(scene)
    apart = float(np.linalg.norm(xyz[-1] - xyz[0]))
    seconds = scene.camera_path[b].time_s - scene.camera_path[a].time_s
    ends = f"the ends are {said(apart, unit)} apart"
    sentence = f"From f{a:03d} to f{b:03d} the camera goes {said(value, unit)} in {seconds:.1f} s; {ends}."
    return Answer("path_length", value, unit, sentence, status, scene.scale.rel_sigma * value, frames=(a, b),
                  details={"displacement": apart, "seconds": seconds})  # fmt: skip


def visible(scene: SceneMap, name: str, frame: str | int | None = None) -> Answer:
    """Whether a frame shows a thing; without a frame, the frames that do. `details` has the visible shares."""
    things = [o for o in resolve(scene, name) if isinstance(o, MapObject)]
    if not things:
        return missing(scene, "visible", name)
    share: dict[int, float] = {}
    for o in things:
        for f, s in o.seen:
            share[f] = max(share.get(f, 0.0), s)
    ids = tuple(o.id for o in things)
    if frame is None:
        frames = tuple(sorted(share))
        text = ", ".join(f"f{f:03d}" for f in frames[:12]) or "no frame"
        return Answer("visible", frames, None, f"{name} is seen in {text}.", ids=ids, frames=frames)
    at = frame_of(scene, str(frame))
    if at is None:
        return unknown("visible", f"there is no frame {frame!r}")
    shown = share.get(at, 0.0)
    sentence = f"f{at:03d} shows {shown:.0%} of {name}." if shown else f"f{at:03d} does not show {name}."
    return Answer("visible", shown > 0, None, sentence, ids=ids, frames=(at,), details={"share": shown})
