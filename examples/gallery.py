"""Every picture that a map can draw, as files.

python -m examples.gallery MAP FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import cogmap

STYLES = ("schematic", "photo", "height", "occupancy")


def main(path: Path, folder: Path) -> None:
    """Write the pictures of a map and print their names."""
    m = cogmap.load(path)
    folder.mkdir(parents=True, exist_ok=True)
    for style in STYLES:
        (folder / f"bev_{style}.png").write_bytes(m.to_image("bev", 672, style=style))
    for form in ("plan", "elevation"):
        (folder / f"{form}.svg").write_bytes(m.to_image(form))
    for name, rgb in m.mark_frames(2).items():
        Image.fromarray(rgb).quantize(128).save(folder / f"marked_{name}.png", optimize=True)
    pose = m.frame(0).T_map_cam
    Image.fromarray(m.render(pose, "color")).quantize(64).save(folder / "view_color.png", optimize=True)
    depth = np.asarray(m.render(pose, "depth"))
    near = np.where(depth > 0, 255 * np.exp(-depth / 3), 255).astype(np.uint8)
    Image.fromarray(near).save(folder / "view_depth.png", optimize=True)
    (folder / "slice.png").write_bytes(m.slices("z", 8)[2].png)
    print("\n".join(sorted(p.name for p in folder.iterdir())))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
