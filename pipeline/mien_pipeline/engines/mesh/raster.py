"""Triangles to pixels: what any attribute of the mesh's vertices is at every pixel the mesh covers."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Floats

Indices = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """A mesh seen on a pixel grid.

    Attributes:
        corners: (h, w, 3) int32, the vertices of the triangle in front at each pixel.
        weights: (h, w, 3) float32, its barycentric coordinates there.
        covered: (h, w) bool, where there is a triangle at all.
    """

    corners: Indices
    weights: Floats
    covered: NDArray[np.bool_]

    def interpolate(self, attribute: Floats) -> Floats:
        """(h, w, K) float32 from (468, K); 0 where nothing is covered."""
        values = attribute[self.corners]
        return np.asarray(np.einsum("hwck,hwc->hwk", values, self.weights), np.float32)


def rasterise(points: Floats, depth: Floats, triangles: Indices, size: tuple[int, int]) -> Raster:
    """The triangles of (N, 2) `points` on a grid of `size` (width, height), the farther ones painted first.

    Triangles that turn their back are not painted. `depth` is (N,), larger is farther.
    """
    a, b, c = (points[triangles[:, corner]].astype(np.float64) for corner in range(3))
    doubled = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    front = np.flatnonzero(doubled > 1e-6)
    order = front[np.argsort(-depth[triangles[front]].mean(1))]
    owner = np.full((size[1], size[0]), -1, np.int32)
    fixed = np.round(np.stack([a, b, c], 1) * 16).astype(np.int32)
    for index in order.tolist():
        cv2.fillConvexPoly(owner, fixed[index], index, shift=4)
    covered = owner >= 0
    owner[~covered] = order[0] if len(order) else 0
    # Barycentric coordinates as affine functions of the pixel: (T, 3) factors of x, y and 1.
    inverse = 1 / np.where(doubled > 1e-6, doubled, 1)
    second = np.stack([c[:, 1] - a[:, 1], a[:, 0] - c[:, 0]], 1) * inverse[:, None]
    third = np.stack([a[:, 1] - b[:, 1], b[:, 0] - a[:, 0]], 1) * inverse[:, None]
    second_shift, third_shift = -(second * a).sum(1), -(third * a).sum(1)
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    weights = np.empty((size[1], size[0], 3), np.float32)
    for column, factors, shift in ((1, second, second_shift), (2, third, third_shift)):
        f, s = factors.astype(np.float32)[owner], shift.astype(np.float32)[owner]
        weights[..., column] = f[..., 0] * x + f[..., 1] * y + s
    # A pixel on the rim of its triangle may lie a little outside; far outside it would be extrapolated wildly.
    np.clip(weights[..., 1:], 0, 1, out=weights[..., 1:])
    over = np.maximum(weights[..., 1:].sum(2, keepdims=True), 1)
    weights[..., 1:] /= over
    weights[..., 0] = 1 - weights[..., 1] - weights[..., 2]
    weights[~covered] = 0
    return Raster(np.asarray(triangles[owner], np.int32), weights, covered)


def extend_edges(values: Floats, covered: NDArray[np.bool_]) -> Floats:
    """`values` with what lies outside `covered` set to the nearest pixel inside, so that edges interpolate cleanly."""
    _, labels = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.asarray(labels, np.int32)
    lookup = np.zeros((int(nearest.max()) + 1, values.shape[2]), np.float32)
    lookup[nearest[covered]] = values[covered]
    return np.asarray(lookup[nearest], np.float32)
