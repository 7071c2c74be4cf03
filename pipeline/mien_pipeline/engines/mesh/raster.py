"""Triangles to pixels: any attribute of the mesh's vertices, at every pixel that the mesh covers."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.faces.topology import Indices
from mien_pipeline.image import Floats


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
        """(h, w, K) float32 from `attribute` (468, K); 0 where nothing is covered."""
        values = np.zeros((*self.covered.shape, attribute.shape[1]), np.float32)
        values[self.covered] = np.einsum(
            "nck,nc->nk", attribute[self.corners[self.covered]], self.weights[self.covered]
        )
        return values


def rasterise(points: Floats, depth: Floats, triangles: Indices, size: tuple[int, int]) -> Raster:
    """Which triangle is in front at each pixel of a grid of `size` (width, height), and where in it the pixel is.

    Farther triangles are painted first; triangles that turn their back are not painted.

    Args:
        points: (N, 2) float32, the vertices in grid pixels.
        depth: (N,) float32, larger is farther.
        triangles: (T, 3) int32, vertices in clockwise order on the screen.
        size: width and height of the grid.
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
    # A pixel on its triangle's edge may lie a little outside. Without a limit, far outside, values grow wildly.
    np.clip(weights[..., 1:], 0, 1, out=weights[..., 1:])
    over = np.maximum(weights[..., 1:].sum(2, keepdims=True), 1)
    weights[..., 1:] /= over
    weights[..., 0] = 1 - weights[..., 1] - weights[..., 2]
    weights[~covered] = 0
    return Raster(np.asarray(triangles[owner], np.int32), weights, covered)


def extend_edges(values: Floats, covered: NDArray[np.bool_]) -> Floats:
    """`values` where every pixel outside `covered` has the value of the nearest inside, so that edges interpolate well.

    `values` and the result are (h, w, K) float32, `covered` is (h, w) bool.
    """
    _, labels = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.asarray(labels, np.int32)
    lookup = np.zeros((int(nearest.max()) + 1, values.shape[2]), np.float32)
    lookup[nearest[covered]] = values[covered]
    return np.asarray(lookup[nearest], np.float32)
