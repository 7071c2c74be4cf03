"""The face unrolled: what a picture shows at every place of the canonical face, whatever the pose."""

from functools import cache

import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.topology import Indices, topology
from mien_pipeline.image import Floats, Pixels


def unroll(pixels: Pixels, mesh: Mesh, side: int) -> Pixels:
    """(side, side) uint8, or with a third axis as `pixels` has one: the face on its texture; outside it the nearest.

    Args:
        pixels: (H, W, 3) or (H, W) uint8.
        mesh: (468, 3) float32, the face in the picture's pixels.
        side: of the texture, in texels.
    """
    corners, weights, _ = _place_texels(side)
    places = np.einsum("yxck,yxc->yxk", mesh[corners, :2], weights)
    return np.asarray(resample(pixels, np.asarray(places, np.float32)), np.uint8)


def facing_texels(mesh: Mesh, side: int) -> Floats:
    """(side, side) float32 in -1..1: the cosine of the angle between the camera and each texel of a (468, 3) mesh."""
    corners, _, _ = _place_texels(side)
    a, b, c = (mesh[corners[..., corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    return np.asarray(normals[..., 2] / np.maximum(np.linalg.norm(normals, axis=-1), 1e-6), np.float32)


@cache
def covered_texels(side: int) -> Floats:
    """(side, side) float32, 1 where the canonical face is."""
    return _place_texels(side)[2]


@cache
def _place_texels(side: int) -> tuple[Indices, Floats, Floats]:
    """(side, side, 3) the vertices of the triangle at or nearest to each texel, its coordinates, and where it is at."""
    canonical = topology()
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    a, b, c = (canonical.uv[triangles[:, corner]].astype(np.float64) for corner in range(3))
    doubled = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    usable = np.abs(doubled) > 1e-12
    triangles, a, b, c, doubled = triangles[usable], a[usable], b[usable], c[usable], doubled[usable]
    v, u = (np.mgrid[:side, :side] + 0.5) / side
    found, weights = np.zeros((side, side), np.int32), np.zeros((side, side, 3), np.float32)
    for row in range(side):  # a row at a time: all at once would take half a gigabyte
        x, y = u[row][:, None], v[row][:, None]
        second = ((x - a[:, 0]) * (c[:, 1] - a[:, 1]) - (y - a[:, 1]) * (c[:, 0] - a[:, 0])) / doubled
        third = ((b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (b[:, 1] - a[:, 1]) * (x - a[:, 0])) / doubled
        first = 1 - second - third
        nearest = np.minimum(np.minimum(first, second), third).argmax(1)
        found[row] = nearest
        weights[row] = np.stack([each[np.arange(side), nearest] for each in (first, second, third)], 1)
    covered = np.asarray(weights.min(2) >= -1e-6, np.float32)
    weights = np.clip(weights, 0, 1)
    weights /= weights.sum(2, keepdims=True)
    return np.asarray(triangles[found], np.int32), weights, covered
