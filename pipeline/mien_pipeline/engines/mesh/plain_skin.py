"""A new face's features on the target's own skin, for one on which the reference's skin came out unnatural.

Skin has one colour: what varies on it is light, and the target's skin is in the target's light already, moved to the
new shape. Brows, eyes and nose are the reference's, in the light of the skin around them. Of lips only the colour is: a
mesh lies beside the lips of many a picture, and a mouth that is drawn there has a rim, or is smeared. Of 63 pairs that
it changed, a grader preferred the target's lips 49 times and the reference's 9 times, not knowing which was which.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien_pipeline.engines.mesh.eyes import EyeSwap
from mien_pipeline.engines.mesh.lips import match_lip_colour
from mien_pipeline.engines.mesh.rings import soften_ring
from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.grid import Grid
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.skin.light import average, blur
from mien_pipeline.skin.mask import disc, rise, smooth_step

AROUND_EYES, AROUND_BROWS, AROUND_LIPS = 0.02, 0.03, 0.012  # face widths around each that belong to it
BESIDE_LIPS, LIPS_SOFT = 0.03, 0.012  # face widths around lips that stay the target's, and over which that ends
SOFT, NOSE_SOFT = 0.008, 0.02  # face widths, deviation of their edges
BESIDE_BROWS, BROW = 0.08, (0.15, 0.4)  # face widths; in logarithms of light, by which a brow is darker than skin
MATCHED = 0.025  # face widths, deviation of the blur: light on a feature that is wider is the target's
DARKEST = 0.01  # linear light, added before a logarithm
SHADE = 0.25  # in logarithms of light: how far the shade of the reference's skin may be from the target's
# How much of the target's own shows in the skin, and in a nose that is not the reference's. On 40 random pairs a tenth
# less is worth .006 of likeness; below two fifths a stain of the reference shows on a cheek.
OWN_SKIN, OWN_NOSE = 0.4, 0.85
FINE, BROAD = 0.008, 0.12  # face widths, deviations of the blurs between which a nose's structure is
LIGHTEST = 1.05  # times the light of the skin around, that brows and lips have at most
FOREIGN, FOREIGN_QUANTILE = (0.1, 0.25), 0.9  # in logarithms of light, from which it is not a nose's but light's


@dataclass(frozen=True, slots=True, eq=False)
class _Features:
    """Where features are on the grid, (h, w) float32 in 0..1 each.

    Attributes:
        skin: 1 where there is none.
        nose: 1 on the nose.
        matt: 1 on brows and lips, which are no lighter than skin; not on eyes and teeth.
        beside_brows: 1 around brows, where the target's may show that are higher or longer.
    """

    skin: Mask
    nose: Mask
    matt: Mask
    beside_brows: Mask

    @classmethod
    def of(cls, mesh: Mesh, eyes: tuple[EyeSwap, EyeSwap], grid: Grid) -> "_Features":
        """`mesh` is the new face's (468, 3), in the pixels that `grid` is over; an eye that stays is none of it."""
        points, width = grid.locate(mesh), face_width(mesh) / grid.step
        rings = zip((face.LEFT_EYE, face.RIGHT_EYE), eyes, strict=True)
        own_eyes = _fill(points, [ring for ring, eye in rings if eye.share > 0], grid, AROUND_EYES * width)
        brows = _fill(points, [face.LEFT_BROW, face.RIGHT_BROW], grid, AROUND_BROWS * width)
        beside = _fill(points, [face.LEFT_BROW, face.RIGHT_BROW], grid, BESIDE_BROWS * width)
        lips = _fill(points, [face.OUTER_LIPS], grid, AROUND_LIPS * width)
        shining = _fill(points, [face.LEFT_EYE, face.RIGHT_EYE, face.INNER_LIPS], grid, AROUND_EYES * width)
        nose = _fill(points, [face.NOSE + face.UNDER_NOSE], grid, 0)
        matt = np.asarray(np.maximum(brows, lips), np.float32)
        skin = np.asarray(1 - np.maximum(matt, own_eyes), np.float32)
        matt = np.asarray(matt * (1 - shining), np.float32)
        return cls(skin, blur(nose, NOSE_SOFT * width), matt, blur(beside, NOSE_SOFT * width))


def lay_on_own_skin(
    new: Pixels,
    target: Pixels,
    shown: Mask,
    kept: Mask,
    mesh: Mesh,
    eyes: tuple[EyeSwap, EyeSwap],
    grid: Grid,
) -> Pixels:
    """`new` with the target's skin and light, (H, W, 3) uint8 RGB.

    Args:
        new: the reference on the target's mesh, (H, W, 3) uint8 RGB.
        target: the same, drawn to the new shape.
        shown, kept: (H, W) float32 in 0..1, where the new face will show, and what stays the target's in it.
        mesh: (468, 3) float32, the new face in these pixels.
        eyes: how each is rendered; around one that stays the target's, so does its skin.
        grid: over these pixels.
    """
    at, width = _Features.of(mesh, eyes, grid), face_width(mesh) / grid.step
    light = to_linear(new)
    here, there = grid.shrink(light), grid.shrink(to_linear(target))
    factor = _match_light(here, there, np.asarray(grid.shrink(shown) * at.skin + 1e-3, np.float32), at, width)
    foreign = _measure_foreign(here * factor, there, at.nose, width)
    own = OWN_SKIN * (1 - at.beside_brows * _find_dark(here * factor, there, width))
    skin = blur(at.skin, SOFT * width) * (own + at.nose * (OWN_NOSE * foreign - own))
    share = grid.enlarge(np.asarray(skin, np.float32), new.shape)[..., None]
    change = (1 - kept)[..., None]
    relit = np.asarray(light * (1 + change * (grid.enlarge(factor, new.shape) - 1)), np.float32)
    lit = to_srgb(relit).astype(np.float32)
    laid = np.asarray(lit + change * share * (target - lit), np.float32)
    return np.asarray(np.clip(_lay_lips(laid, target, lit, mesh) + 0.5, 0, 255), np.uint8)


def _lay_lips(laid: Floats, target: Pixels, lit: Floats, mesh: Mesh) -> Floats:
    """`laid`, changed in place: the lips of `target`, in the colour of those of `lit`, (H, W, 3) all of them."""
    width = face_width(mesh)
    lips = match_lip_colour(target.astype(np.float32), lit, mesh)
    part, soft = soften_ring(laid.shape, mesh, face.OUTER_LIPS, BESIDE_LIPS * width, LIPS_SOFT * width)
    laid[part] += soft[..., None] * (lips[part] - laid[part])
    return laid


def _match_light(here: Floats, there: Floats, weight: Mask, at: _Features, width: float) -> Floats:
    """(h, w, 3) factor that brings the shading of `here` near to that of `there`.

    Learnt where there is `weight` (h, w), on skin; features get what is around them.
    """
    mine, around = (_smooth(each, weight, MATCHED * width) for each in (here, there))
    apart = np.log(mine + DARKEST) - np.log(around + DARKEST)
    left = SHADE * np.tanh(apart / SHADE)
    factor = np.asarray(np.exp(left - apart), np.float32)
    brightness = average(np.asarray(here * factor, np.float32)) + 1e-5
    duller = np.minimum(1, LIGHTEST * average(around) / brightness)
    return np.asarray(factor * (1 + at.matt * (duller - 1))[..., None], np.float32)


def _find_dark(here: Floats, there: Floats, width: float) -> Mask:
    """(h, w) 0..1, how sure `there`, beside the new brows, shows a brow of the target's: it is darker than `here`."""
    new, old = (average(np.log(blur(each, FINE * width) + DARKEST)) for each in (here, there))
    return smooth_step((new - old - BROW[0]) / (BROW[1] - BROW[0]))


def _measure_foreign(here: Floats, there: Floats, nose: Mask, width: float) -> float:
    """0..1, how sure what a nose shows is shadow or shine: much darker or lighter than what the target has."""
    new, old = (
        shade - blur(shade, BROAD * width)
        for shade in (average(np.log(blur(each, FINE * width) + DARKEST)) for each in (here, there))
    )
    beyond = np.maximum(np.minimum(old, 0) - new, new - np.maximum(old, 0))
    lies_on = nose > 0.5
    return rise(float(np.quantile(beyond[lies_on], FOREIGN_QUANTILE)), FOREIGN) if lies_on.any() else 0.0


def _smooth(values: Floats, weight: Mask, sigma_px: float) -> Floats:
    """(h, w, 3) `values` after a blur by `weight` (h, w), above 0; far from where there is any, after a wider one."""
    near, far = (
        (blur(np.asarray(values * weight[..., None], np.float32), reach), blur(weight, reach)[..., None])
        for reach in (sigma_px, 3 * sigma_px)
    )
    return np.asarray((near[0] + 0.02 * far[0]) / (near[1] + 0.02 * far[1]), np.float32)


def _fill(points: Floats, rings: Sequence[tuple[int, ...]], grid: Grid, around: float) -> Mask:
    """(h, w) of the grid, 1 inside the hulls of some vertices and `around` them, in pixels of the grid, else 0."""
    filled = np.zeros((grid.height, grid.width), np.uint8)
    for ring in rings:
        hull = np.asarray(cv2.convexHull(points[list(ring)].astype(np.float32)))
        cv2.fillConvexPoly(filled, np.round(hull * 16).astype(np.int32), (1,), cv2.LINE_8, 4)
    return np.asarray(cv2.dilate(filled, disc(round(around))) if around >= 0.5 else filled, np.float32)
