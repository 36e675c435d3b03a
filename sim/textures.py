"""Pictures on meshes: a finer colour than one for each triangle, where a camera looks.

In:  Skins of bodies; points of a room that a camera has met.
Out: their colours corrected from the triangle's mean colour to the picture's.

Everything else (LiDAR, shading, names of colours) works with the mean colour of each triangle, so a room without
pictures pays nothing, and one with pictures only for the pixels that show them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32

NO_PICTURE = -1
DARKEST = np.float32(1 / 255)
"""Mean colours are kept above this: what is shown is the shaded mean times picture over mean."""
MEAN_SAMPLES = 8  # points along a triangle's edge at which its mean colour is taken


@dataclass(frozen=True, slots=True)
class Skin:
    """For each triangle the picture on it (-1: none) and where its corners lie there, u right and v up, 0 to 1.

    Outside 0 to 1 the picture repeats. `pictures` hold colours from 0 to 1, the top row first.
    """

    picture: Int32[np.ndarray, " triangles"]
    uv: Float32[np.ndarray, "triangles 3 2"]
    pictures: tuple[Float32[np.ndarray, "_ _ 3"], ...]

    def sample(
        self, triangles: Int32[np.ndarray, " points"], weights: Float32[np.ndarray, "points 3"]
    ) -> Float32[np.ndarray, "points 3"]:
        """Colours at places given by triangle and the weights of its corners; all of them must bear a picture."""
        uv = np.einsum("pc,pcd->pd", weights, self.uv[triangles])
        colors = np.empty((len(triangles), 3), np.float32)
        which = self.picture[triangles]
        for index in np.unique(which):
            chosen = which == index
            colors[chosen] = _interpolate(self.pictures[index], uv[chosen])
        return colors

    def mean_colors(self, colors: Float32[np.ndarray, "triangles 3"]) -> Float32[np.ndarray, "triangles 3"]:
        """Colours of the triangles with those that bear a picture replaced by its mean over them."""
        bearing = np.flatnonzero(self.picture >= 0).astype(np.int32)
        weights = _spread_weights()
        places = np.repeat(bearing, len(weights)), np.tile(weights, (len(bearing), 1))
        result = colors.copy()
        result[bearing] = self.sample(*places).reshape(len(bearing), -1, 3).mean(axis=1)
        return np.maximum(result, DARKEST)


def join_skins(skins: Sequence[Skin | None], counts: Sequence[int]) -> Skin | None:
    """One skin for bodies in a row, with a last row for misses; `counts` are their triangles. None: no pictures."""
    if not any(skin is not None for skin in skins):
        return None
    picture: list[Int32[np.ndarray, " triangles"]] = []
    uv: list[Float32[np.ndarray, "triangles 3 2"]] = []
    pictures: list[Float32[np.ndarray, "_ _ 3"]] = []
    for skin, count in zip([*skins, None], [*counts, 1], strict=True):
        if skin is None:
            picture.append(np.full(count, NO_PICTURE, np.int32))
            uv.append(np.zeros((count, 3, 2), np.float32))
        else:
            picture.append(np.where(skin.picture >= 0, skin.picture + np.int32(len(pictures)), np.int32(NO_PICTURE)))
            uv.append(skin.uv)
            pictures += skin.pictures
    return Skin(np.concatenate(picture), np.concatenate(uv), tuple(pictures))


def corner_weights(
    points: Float32[np.ndarray, "points 3"], corners: Float32[np.ndarray, "points 3 3"]
) -> Float32[np.ndarray, "points 3"]:
    """How much of each corner of its triangle a point in the triangle's plane is made of."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    offset = points - corners[:, 0]
    aa, ab, bb = (np.einsum("pi,pi->p", x, y) for x, y in ((first, first), (first, second), (second, second)))
    pa, pb = (np.einsum("pi,pi->p", offset, edge) for edge in (first, second))
    area = np.maximum(aa * bb - ab * ab, np.float32(1e-20))
    b, c = (bb * pa - ab * pb) / area, (aa * pb - ab * pa) / area
    return np.clip(np.column_stack([1 - b - c, b, c]), 0.0, 1.0).astype(np.float32)


def _spread_weights() -> Float32[np.ndarray, "points 3"]:
    """Places spread evenly over a triangle: the middles of the small ones that it is cut into."""
    row, column = np.divmod(np.arange(MEAN_SAMPLES**2), MEAN_SAMPLES)
    upright = np.column_stack([row, column])[row + column < MEAN_SAMPLES] + 1 / 3
    turned = np.column_stack([row, column])[row + column < MEAN_SAMPLES - 1] + 2 / 3
    b, c = np.concatenate([upright, turned]).T / MEAN_SAMPLES
    return np.column_stack([1 - b - c, b, c]).astype(np.float32)


def _interpolate(
    picture: Float32[np.ndarray, "rows columns 3"], uv: Float32[np.ndarray, "points 2"]
) -> Float32[np.ndarray, "points 3"]:
    """Between the four texels around each place."""
    rows, columns = picture.shape[:2]
    x, y = uv[:, 0] * columns - 0.5, (1.0 - uv[:, 1]) * rows - 0.5
    left, top = np.floor(x), np.floor(y)
    right, down = (x - left)[:, None], (y - top)[:, None]
    x0, y0 = left.astype(np.int64) % columns, top.astype(np.int64) % rows
    x1, y1 = (x0 + 1) % columns, (y0 + 1) % rows
    above = picture[y0, x0] * (1 - right) + picture[y0, x1] * right
    below = picture[y1, x0] * (1 - right) + picture[y1, x1] * right
    return (above * (1 - down) + below * down).astype(np.float32)
