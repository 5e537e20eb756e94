"""Film a synthetic room, build its map from the video alone, and say how far from the truth it is.

python -m examples.demo_room FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import cogmap
from tests.rooms import Room, film, make_room, write_video
from tests.rooms.judge import judge, seen_directions_deg

FRAMES = 180
CAMERA_HEIGHT_M = 1.5


def main(folder: Path) -> None:
    """Write `room.mp4` and `room.cogmap` into a folder and print the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    room = make_room(7)
    movie = film(room, FRAMES, height=CAMERA_HEIGHT_M)
    write_video(folder / "room.mp4", movie.pictures(), fps=10)
    print(f"filmed {FRAMES} frames of a room with {len(room.things)} things", file=sys.stderr)
    m = cogmap.build(folder / "room.mp4", scale=f"camera-height={CAMERA_HEIGHT_M}")
    m.save(folder / "room.cogmap", overwrite=True)
    tell(m, room, movie.poses, seen_directions_deg(movie.shots(), room))
    print(f"look at {folder / 'room.cogmap' / 'report.html'} and {folder / 'room.cogmap' / 'bev.png'}")


def tell(m: cogmap.CognitiveMap, room: Room, poses: np.ndarray, directions_deg: np.ndarray) -> None:
    """Print the map's text and its errors against the room."""
    score = judge(m.scene, room, poses)
    wide = (directions_deg >= 60) & (np.array([t.size.max() for t in room.things]) > 0.4)
    print(m.to_text("metric"))
    print(f"camera path error {score.path_error:.2%} of its length, scale {score.scale:.3f} of the truth")
    print(f"distances between things: median error {score.distance_error:.1%}")
    print(f"seen from all round and over 0.4 m: {wide.sum()}, found at IoU 0.25: {(score.iou[wide] >= 0.25).sum()}")
    print(f"all things: {len(room.things)}, found at IoU 0.25: {(score.iou >= 0.25).sum()}, {m.quality.status}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
