"""Places that a walk comes back to, found in its pictures without weights."""

from __future__ import annotations

from importlib.util import find_spec

from PIL import Image

from .._checks import U8
from ..data.frames import OwnedFolder
from .sfm.features import StoredFeatures, describe_clip, extract_features, match_pairs
from .sfm.pairs import loop_candidates, proven_loops
from .sfm.workspace import shrunk

LONG_SIDE = 640
LEAST_KEYS = 12
QUIET = 3


class Keys:
    """Pictures of a walk put aside on disk, to be compared when it is over."""

    def __init__(self) -> None:
        self._owned = OwnedFolder()
        self.positions: list[int] = []
        self._sizes: list[tuple[int, int]] = []

    def add(self, position: int, rgb: U8) -> None:
        """Keep the picture (H, W, 3) of a position of the walk."""
        picture = Image.fromarray(shrunk(rgb, LONG_SIDE))
        picture.save(self._owned.path / f"{len(self.positions):06d}.png", compress_level=1)
        self.positions.append(position)
        self._sizes.append(picture.size)

    def loops(self, seed: int) -> list[tuple[int, int]]:
        """Positions of pictures that show one place, far apart in the walk, those with most in common first.

        Two pictures count when a second pair near both confirms them (`sfm.pairs.proven_loops`). Without pycolmap, or
        with a dozen pictures or less, there are none.
        """
        if len(self.positions) < LEAST_KEYS or find_spec("pycolmap") is None:
            return []
        import pycolmap

        pycolmap.logging.minloglevel = QUIET
        folder = self._owned.path
        names = [f"{k:06d}.png" for k in range(len(self.positions))]
        features = extract_features(folder, names, folder / "features.db")
        try:
            return self._proven(features, seed)
        finally:
            features.close()

    def _proven(self, features: StoredFeatures, seed: int) -> list[tuple[int, int]]:
        from .sfm.mapping import guessed_camera

        if not any(len(f.descriptor) for f in features):
            return []
        cameras = [guessed_camera(*size) for size in self._sizes]
        candidates = loop_candidates(describe_clip(features, seed), set())
        found = proven_loops(match_pairs(features, cameras, candidates, seed))
        ranked = sorted(found, key=lambda m: (-m.n_inliers, m.pair))
        return [(self.positions[m.pair[0]], self.positions[m.pair[1]]) for m in ranked]
