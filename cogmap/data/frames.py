"""The one home of dense per-frame data: a folder that is read frame by frame, never whole."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .._checks import F32, F64, I32, U8, Array, Bool
from ..errors import InputError

STEPS_TO_MEDIAN = 4096
LARGEST_CODE = 65535


@dataclass(frozen=True)
class StoredFrame:
    """One kept frame; lengths in map units once `T_map_cam` says so.

    Attributes:
        frame: position among the kept frames. index: position in the source. time_s: seconds.
        rgb: (H, W, 3) uint8. depth: (H, W) float32 z-depth, 0 = unknown. confidence: (H, W) float32 0..1.
        K: (3, 3). T_map_cam: (4, 4) camera to map.
    """

    frame: int
    index: int
    time_s: float
    rgb: U8
    depth: F32
    confidence: F32
    K: F64
    T_map_cam: F64

    def xyz(self, patch: int = 1) -> F64:
        """Map coordinates (H // patch, W // patch, 3) in metres, NaN where depth is unknown.

        With `patch` above 1 each entry is the mean of the known points of a patch x patch block.
        """
        from ..geometry.camera import unproject
        from ..geometry.rigid import apply

        points = apply(self.T_map_cam, unproject(self.depth, self.K))
        points[self.depth <= 0] = np.nan
        h, w = self.depth.shape[0] // patch, self.depth.shape[1] // patch
        if patch < 1 or h == 0 or w == 0:
            raise InputError("E-PATCH", f"patch {patch} does not fit {self.depth.shape}.", "Choose a smaller patch.")
        blocks = points[: h * patch, : w * patch].reshape(h, patch, w, patch, 3)
        known = np.isfinite(blocks[..., :1]).sum((1, 3))
        total = np.nansum(blocks, axis=(1, 3))
        return np.where(known > 0, total / np.maximum(known, 1), np.nan)

    def vanishing_points(self) -> F64:
        """Pixels (3, 2) where lines along the map's x, y and z meet; not finite where they stay parallel."""
        direction = self.K @ self.T_map_cam[:3, :3].T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((direction[:2] / direction[2]).T)


class OwnedFolder:
    """A temporary folder that goes when the last store that reads from it does, or when the program ends."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="cogmap-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class FrameStore:
    """Frames in a folder: `f000.jpg`, `f000.depth.png` (16 bit), `f000.conf.png`, and `frames.json`.

    Depth is stored in steps of 1/4096 of the frame's median (0.5 mm at 2 m), or coarser where its farthest
    point would not fit 16 bits; so no unit of length is preferred.

    Attributes:
        rel_noise: standard error of a depth as a share of it.
    """

    def __init__(self, folder: Path | OwnedFolder, rel_noise: float = 0.005) -> None:
        self._owned = folder if isinstance(folder, OwnedFolder) else None
        folder = folder.path if isinstance(folder, OwnedFolder) else folder
        self.rel_noise = rel_noise
        self.folder = Path(folder)
        listing = self.folder / "frames.json"
        told = json.loads(listing.read_text()) if listing.exists() else []
        rows = told["frames"] if isinstance(told, dict) else told  # a bare list until map version 1.1
        if isinstance(told, dict):
            self.rel_noise = float(told["rel_noise"])
        self._rows: list[dict[str, Any]] = rows
        self._K: list[F64] = [np.array(r["K"], float) for r in rows]
        self._T: list[F64] = [np.eye(4)] * len(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[StoredFrame]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, frame: int) -> StoredFrame:
        row = self._rows[frame]
        name = self.folder / f"f{frame:03d}"
        return StoredFrame(
            frame=frame,
            index=int(row["index"]),
            time_s=row["time_s"],
            rgb=self.rgb(frame),
            depth=_read_depth(name.with_suffix(".depth.png"), row),
            confidence=_read_confidence(name.with_suffix(".conf.png")),
            K=self._K[frame],
            T_map_cam=self._T[frame],
        )

    def rgb(self, frame: int) -> U8:
        """Colours (H, W, 3) uint8 of one kept frame on the pixels of its depth."""
        width, height = self._rows[frame]["size"]
        with Image.open(self.picture_path(frame)) as picture:
            rgb = picture.convert("RGB")
        return np.asarray(rgb if rgb.size == (width, height) else rgb.resize((width, height), Image.Resampling.BOX))

    def picture_path(self, frame: int) -> Path:
        """The JPEG of one kept frame, in all its pixels."""
        return self.folder / f"f{frame:03d}.jpg"

    @property
    def normal_radius(self) -> int:
        """Half edge in pixels of the window that normals are fitted in: noisier depth wants a larger one."""
        return 2 if self.rel_noise < 0.01 else 5

    def size(self, frame: int) -> tuple[int, int]:
        """(height, width) of the depth of one kept frame."""
        width, height = self._rows[frame]["size"]
        return int(height), int(width)

    def fill(self, frame: int, depth: F32) -> None:
        """Keep a depth (H, W) with filled holes beside the measured one of a frame."""
        code = np.round(np.clip(depth / self._rows[frame]["depth_step"], 0, LARGEST_CODE)).astype(np.uint16)
        Image.fromarray(code).save(self.folder / f"f{frame:03d}.fill.png", compress_level=1)

    def hide(self, frame: int, pixels: Bool) -> None:
        """Forget the depth of some pixels (H, W) of a frame."""
        path = self.folder / f"f{frame:03d}.depth.png"
        with Image.open(path) as file:
            code = np.array(file, np.uint16)
        code[pixels] = 0
        Image.fromarray(code).save(path, compress_level=1)

    def filled_depth(self, stored: StoredFrame) -> F32:
        """Depth (H, W) float32 of a frame with its filled holes; the measured depth where nothing was filled."""
        path = self.folder / f"f{stored.frame:03d}.fill.png"
        return _read_depth(path, self._rows[stored.frame]) if path.exists() else stored.depth

    def picture(self, frame: int) -> tuple[U8, F64]:
        """The picture (H', W', 3) uint8 of one kept frame in all its pixels, and its intrinsics (3, 3)."""
        from ..geometry.camera import scaled_K

        width, height = self._rows[frame]["size"]
        with Image.open(self.picture_path(frame)) as file:
            rgb = np.asarray(file.convert("RGB"))
        return rgb, scaled_K(self._K[frame], rgb.shape[1] / width, rgb.shape[0] / height)

    def header(self, frame: int) -> tuple[int, float, F64, F64]:
        """(index, time_s, K, T_map_cam) of one kept frame, without reading its pixels."""
        row = self._rows[frame]
        return int(row["index"]), row["time_s"], self._K[frame], self._T[frame]

    def append(self, index: int, time_s: float, picture: U8, depth: F32, confidence: F32, K: F64, T: F64) -> None:
        """Write one more frame. Invalid depth (not finite, not above 0) is stored as 0.

        The picture may have more pixels than the depth, of the same field of view; `K` is the depth's.
        """
        name = self.folder / f"f{len(self):03d}"
        self.folder.mkdir(parents=True, exist_ok=True)
        known = np.isfinite(depth) & (depth > 0)
        farthest = float(depth[known].max()) if known.any() else 0.0
        middle = float(np.median(depth[known])) if known.any() else 1.0
        step = max(middle / STEPS_TO_MEDIAN, farthest / LARGEST_CODE)
        code = np.zeros(depth.shape, np.uint16)
        code[known] = np.maximum(np.round(depth[known] / step), 1)
        Image.fromarray(picture).save(name.with_suffix(".jpg"), quality=92)
        Image.fromarray(code).save(name.with_suffix(".depth.png"), compress_level=1)
        level = np.round(np.clip(confidence, 0, 1) * 255).astype(np.uint8)
        Image.fromarray(level).save(name.with_suffix(".conf.png"), compress_level=1)
        size = [depth.shape[1], depth.shape[0]]
        self._rows.append({"index": index, "time_s": time_s, "depth_step": step, "K": K.tolist(), "size": size})
        self._K.append(np.asarray(K, np.float64))
        self._T.append(np.asarray(T, np.float64))

    def keep(self, frames: Sequence[int]) -> None:
        """Keep some frames, in ascending order, as frames 0, 1, ...; the files of the others go."""
        kept = set(frames)
        for path in self.folder.glob("f[0-9]*.*"):
            if int(path.name[1:].split(".", 1)[0]) not in kept:
                path.unlink()
        for new, old in enumerate(frames):
            for path in self.folder.glob(f"f{old:03d}.*"):
                path.rename(self.folder / f"f{new:03d}.{path.name.split('.', 1)[1]}")
        self._rows = [self._rows[f] for f in frames]
        self._K, self._T = ([a[f] for f in frames] for a in (self._K, self._T))

    def views_of(
        self, xyz_map: Array, *, near_share: float, near_m: float = 0.0, most_frames: int = 80
    ) -> tuple[I32, I32, float]:
        """How many frames see a surface at points (P, 3), and how many look through them: two (P,) int32. And how far
        apart neighbouring pixels' surface points lie, in the median over frames.

        Args:
            near_share, near_m: a depth is at a point when it is within this share of the depth, and this length at the
                frame's median depth. most_frames: so many, spread evenly, are asked.
        """
        import cogmap_kernels

        from ..geometry.rigid import inverse

        agree, through = np.zeros(len(xyz_map), np.int32), np.zeros(len(xyz_map), np.int32)
        apart = []
        for i in range(0, len(self), max(1, len(self) // most_frames)):
            frame = self[i]
            known = frame.depth > 0
            if known.any():
                usual = max(float(np.median(frame.depth[known])), 1e-6)
                apart.append(usual / float(frame.K[0, 0]))
                near = near_share + near_m / usual
                cogmap_kernels.agreement(xyz_map, frame.depth, frame.K, inverse(frame.T_map_cam), near, agree, through)
        return agree, through, float(np.median(apart)) if apart else 0.0

    def place(self, T_map_cam: F64, scale: float) -> None:
        """Set the final poses (N, 4, 4) and multiply every depth by `scale`; then write the listing."""
        self._T = [np.asarray(T, np.float64) for T in T_map_cam]
        for row in self._rows:
            row["depth_step"] *= scale
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "frames.json").write_text(self._listing())

    def _listing(self) -> str:
        return json.dumps({"rel_noise": self.rel_noise, "frames": self._rows})

    def move(self, S: F64) -> None:
        """Move every frame by a similarity of its own (N, 4, 4): poses and depths."""
        from ..geometry.similarity import apply_to_pose, scale_of

        for k, similarity in enumerate(S):
            self._T[k] = apply_to_pose(similarity, self._T[k])
            self._rows[k]["depth_step"] *= scale_of(similarity)

    def posed(self, T_map_cam: F64) -> FrameStore:
        """The same frames with other poses (N, 4, 4); files are shared."""
        other = FrameStore(self.folder if self._owned is None else self._owned, self.rel_noise)
        other._rows, other._K = self._rows, self._K
        other._T = [np.array(T, np.float64) for T in T_map_cam]
        return other

    def scaled(self, factor: float) -> FrameStore:
        """The same frames with every length multiplied; files are shared."""
        other = self.posed(np.array(self._T))
        other._rows = [{**row, "depth_step": row["depth_step"] * factor} for row in self._rows]
        for T in other._T:
            T[:3, 3] *= factor
        return other

    def copy_to(self, folder: Path) -> None:
        """Copy every file of the store into a folder that exists."""
        for source in sorted(self.folder.iterdir()):
            if source.is_file() and source.name != "frames.json":
                shutil.copyfile(source, folder / source.name)
        (folder / "frames.json").write_text(self._listing())


def _read_depth(path: Path, row: dict[str, Any]) -> F32:
    code = np.asarray(Image.open(path), np.float32)
    return np.asarray(code * np.float32(row["depth_step"]), np.float32)


def _read_confidence(path: Path) -> F32:
    return np.asarray(np.asarray(Image.open(path), np.float32) / np.float32(255), np.float32)
