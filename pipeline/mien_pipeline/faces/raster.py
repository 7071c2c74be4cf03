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
        covered: (h, w) bool, where there is a triangle at all.
        corners: (n, 3) int32, the vertices of the triangle in front at each of those n pixels, row by row.
        weights: (n, 3) float32, its barycentric coordinates there.
    """

    covered: NDArray[np.bool_]
    corners: Indices
    weights: Floats

    def interpolate(self, attribute: Floats) -> Floats:
        """(h, w, K) float32 from `attribute` (468, K); 0 where nothing is covered."""
        flat = np.zeros((self.covered.size, attribute.shape[1]), np.float32)
        known = np.asarray(attribute, np.float32)
        # One attribute after the other: NumPy takes three times as long for rows of two or three.
        places = np.flatnonzero(self.covered)
        for column in range(known.shape[1]):
            of_vertices = np.ascontiguousarray(known[:, column])
            flat[places, column] = sum(
                of_vertices.take(self.corners[:, corner]) * self.weights[:, corner] for corner in range(3)
            )
        return flat.reshape(*self.covered.shape, -1)


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
    places = np.flatnonzero(covered)
    own = owner.ravel().take(places)
    # Barycentric coordinates as affine functions of the pixel: factors of x, y and 1 for the second and third corner.
    inverse = 1 / np.where(doubled > 1e-6, doubled, 1)
    second = np.stack([c[:, 1] - a[:, 1], a[:, 0] - c[:, 0]], 1) * inverse[:, None]
    third = np.stack([a[:, 1] - b[:, 1], b[:, 0] - a[:, 0]], 1) * inverse[:, None]
    y, x = (place.astype(np.float32) for place in np.divmod(places.astype(np.int32), np.int32(size[0])))
    # One row a corner: NumPy takes three times as long for columns.
    weights = np.empty((3, len(own)), np.float32)
    for row, factors in enumerate((second, third), 1):
        shift = -(factors * a).sum(1)
        of_x, of_y, of_one = (np.asarray(each, np.float32).take(own) for each in (factors[:, 0], factors[:, 1], shift))
        np.add(of_x * x + of_y * y, of_one, out=weights[row])
    # A pixel on its triangle's edge may lie a little outside. Without a limit, far outside, values grow wildly.
    np.clip(weights[1:], 0, 1, out=weights[1:])
    weights[1:] /= np.maximum(weights[1] + weights[2], 1)
    weights[0] = 1 - weights[1] - weights[2]
    corners = np.ascontiguousarray(triangles.T, np.int32).take(own, 1)
    return Raster(covered, corners.T, weights.T)


def extend_edges(values: Floats, covered: NDArray[np.bool_]) -> Floats:
    """`values` where every pixel outside `covered` has the value of the nearest inside, so that edges interpolate well.

    `values` and the result are (h, w, K) float32, `covered` is (h, w) bool.
    """
    _, labels = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_pixel, inside = np.asarray(labels, np.int32).ravel(), np.flatnonzero(covered)
    of_label = np.zeros(len(inside) + 1, np.intp)
    of_label[of_pixel.take(inside)] = inside
    flat = np.asarray(values, np.float32).reshape(-1, values.shape[2])
    return flat.take(of_label.take(of_pixel), 0).reshape(values.shape)
