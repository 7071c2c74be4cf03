"""Light from one side: the reference's is taken out of its texture, or a nose would keep the shadow of another lamp."""

from functools import cache

import cv2
import numpy as np

from mien_pipeline.faces.facing import vertex_normals
from mien_pipeline.faces.raster import extend_edges, rasterise
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.skin.covers import Feature
from mien_pipeline.skin.light import blur

WORK_SIDE = 96  # of the texture in which light is learnt
LATERAL = 3  # the first terms of the basis change sign from left to right: a lamp beside the face
RIDGE = 0.02  # how strongly each term is held at 0, of the pixels' number: half a face tells little
ROUNDS, OUTLIER = 4, 0.25  # of the fit; doublings from it at which skin counts half: cast shadows, blush, shine
SHOWN = 0.03  # doublings of lateral light, root of the mean square, below which the texture is left as it is
LIMITS = (0.6, 1.7)  # of what is divided out
# Doublings by which one half of a face is darker than the other, from which it shows no skin; how much it has to face
# the viewer to be judged; linear light below which there is only noise.
DEEP, FACES_US, DARKEST = 3.0, 0.3, 0.002


def remove_side_light(colour: Pixels, skin: Mask) -> Pixels:
    """A texture (S, S, 3) uint8 RGB without the shading of a lamp beside the face; `colour` itself where there is none.

    Shading is fitted to bare skin as a function of the canonical face's normals, up to the second order; what differs
    between left and right of it is divided out. Blush, shine and cast shadows are not fitted.

    `skin` is (S, S) float32 in 0..1, where the texture shows bare skin that faces the viewer.

    Source: Ramamoorthi & Hanrahan 2001, an efficient representation for irradiance environment maps.
    """
    size = (WORK_SIDE, WORK_SIDE)
    light = np.asarray(cv2.resize(to_linear(colour), size, interpolation=cv2.INTER_AREA), np.float32).mean(2)
    weight = np.asarray(cv2.resize(skin, size, interpolation=cv2.INTER_AREA), np.float32)
    told = weight > 0.5
    if np.count_nonzero(told) < WORK_SIDE:
        return colour
    basis = shading_basis()
    terms, shade = basis[told].astype(np.float64), np.log2(light[told] + 1e-3).astype(np.float64)
    trust = weight[told].astype(np.float64)
    held = RIDGE * np.count_nonzero(told) * np.diag([1.0] * (terms.shape[1] - 1) + [0.0])
    fitted = np.zeros(terms.shape[1])
    for _ in range(ROUNDS):
        known = terms * trust[:, None]
        fitted = np.linalg.solve(terms.T @ known + held, known.T @ shade)
        trust = weight[told] / (1 + ((shade - terms @ fitted) / OUTLIER) ** 2)
    lateral = basis[..., :LATERAL] @ fitted[:LATERAL].astype(np.float32)
    if float(np.sqrt((lateral[told] ** 2).mean())) < SHOWN:
        return colour
    factor = np.clip(np.exp2(-lateral), *LIMITS).astype(np.float32)
    full = np.asarray(cv2.resize(factor, colour.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    return to_srgb(to_linear(colour) * full[..., None])


def find_deep_shade(colour: Pixels, facing: Mask) -> Feature | None:
    """The eye of the half of a texture that lies in so deep a shade that it shows noise and no skin; None without.

    `colour` is (S, S, 3) uint8 RGB on the canonical mesh, `facing` (S, S) 0..1 how much it faces the viewer.
    """
    size = (WORK_SIDE, WORK_SIDE)
    light = np.asarray(cv2.resize(to_linear(colour), size, interpolation=cv2.INTER_AREA), np.float32).mean(2)
    seen = np.asarray(cv2.resize(facing, size, interpolation=cv2.INTER_AREA), np.float32) > FACES_US
    judged = seen & seen[:, ::-1]
    half = judged[:, : WORK_SIDE // 2]
    if np.count_nonzero(half) < WORK_SIDE:
        return None
    doublings = np.log2(light + DARKEST)
    left, right = doublings[:, : WORK_SIDE // 2][half], doublings[:, ::-1][:, : WORK_SIDE // 2][half]
    darker = float(np.median(right - left))
    if abs(darker) < DEEP:
        return None
    return "left eye" if darker > 0 else "right eye"


@cache
def shading_basis() -> Floats:
    """(WORK_SIDE, WORK_SIDE, 9) float32 of the canonical face's normals, lateral terms first and a constant last."""
    canonical = topology()
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    flat = rasterise(canonical.uv * WORK_SIDE - 0.5, np.zeros(468, np.float32), triangles, (WORK_SIDE, WORK_SIDE))
    normals = extend_edges(flat.interpolate(vertex_normals(canonical.vertices)), flat.covered)
    normals = blur(normals, 1.0)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-6)
    x, y, z = (normals[..., axis] for axis in range(3))
    return np.stack([x, x * y, x * z, y, z, y * z, x * x - y * y, 3 * z * z - 1, np.ones_like(x)], 2).astype(np.float32)
