"""How large the networks of the published checkpoints are, and under which licence their weights come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """The size of one network.

    Attributes:
        width, depth, heads: of the encoder. taken: the blocks whose tokens are read.
        views_from: the first block of the half where every odd block looks at all pictures at once; None = pictures
            are seen one by one, and there is no camera.
        features, channels: of the dense head. trunk: blocks of the camera encoder.
    """

    width: int
    depth: int
    heads: int
    taken: tuple[int, int, int, int]
    views_from: int | None
    features: int
    channels: tuple[int, int, int, int]
    trunk: int = 4
    trunk_heads: int = 16

    @property
    def cameras(self) -> bool:
        """Whether it sees several pictures and their cameras."""
        return self.views_from is not None

    @property
    def tokens(self) -> int:
        """Numbers a token has in the head: a picture's own half and the shared half, or one alone."""
        return 2 * self.width if self.cameras else self.width


@dataclass(frozen=True)
class Checkpoint:
    """A published network: page on the hub, the revision that is taken unless another is asked for, licence, size."""

    repository: str
    revision: str
    licence: str
    shape: Shape


CHECKPOINTS = {
    "da3-small": Checkpoint(
        "depth-anything/DA3-SMALL",
        "e08cab65ca0ec38e7826075418411ab90cab4da3",
        "Apache-2.0",
        Shape(384, 12, 6, (5, 7, 9, 11), 4, 64, (48, 96, 192, 384)),
    ),
    "da3-base": Checkpoint(
        "depth-anything/DA3-BASE",
        "f4a6c9b3c95e41c82048423d3493a81ec3fa810e",
        "Apache-2.0",
        Shape(768, 12, 12, (5, 7, 9, 11), 4, 128, (96, 192, 384, 768)),
    ),
    "da3-large": Checkpoint(
        "depth-anything/DA3-LARGE-1.1",
        "0e109ae307c5982f319a67cf6f9f99ccdc0ec97c",
        "CC-BY-NC-4.0",
        Shape(1024, 24, 16, (11, 15, 19, 23), 8, 256, (256, 512, 1024, 1024)),
    ),
    "da3-metric": Checkpoint(
        "depth-anything/DA3METRIC-LARGE",
        "4010e39f3634a45bc60553321fb49fb760bd594e",
        "Apache-2.0",
        Shape(1024, 24, 16, (4, 11, 17, 23), None, 256, (256, 512, 1024, 1024)),
    ),
}
