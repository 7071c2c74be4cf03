"""Bare skin in a texture: hair before forehead, cheeks and the ends of brows is painted over with what skin would show.

What a fringe hides of a forehead is made, never copied; what a lock hides of a cheek is left to the other cheek, or to
the target. Light that falls on the sides of a face is evened.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.engines.mesh.brow_ends import find_brow_ends
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.light import average, blur
from mien_pipeline.skin.mask import disc, plain_skin, smooth_step

_ROUNDS = 8  # in which the surface is fitted to what is not hair
_NEAR = 0.05  # of the texture's side around the forehead, where skin bends the surface as well
_REACH, _TRUST_IN_PLANE = 0.1, 0.2  # of the texture's side; weight of the plane where skin near by has 1
_LEVEL = 0.02  # how strongly the plane is held level: half a face must not tilt it for the other half
_SHADOW, _SHADOW_DARKER = 0.012, 0.1  # its width, of the texture's side; how much darker it is than bare skin
_FADE = 0.025  # of the texture's side, over which what is made fades into what was seen
_STRAND_DARKER = 0.12  # a single hair or a thin strand; wrinkles are up to .1 darker than the skin beside them
# How much darker than bare skin what joins the brows is. Of 36 faces whose brows are apart three quarters have .15 at
# most between them; deep shade, as of a head that looks down beside a lamp, has .3 to .6.
_JOINS, _BETWEEN_SOFT = (0.15, 0.35), 0.014  # the last of the texture's side
_BETWEEN = (108, 107, 55, 168, 285, 336, 337)
_FRINGE = 0.06  # of the forehead that hair hides, from which the hidden part is made and not left to the target
_OFF_BROWS = 0.008  # of the texture's side
# Hair is darker than the skin beside it by so much more than the shade of a cheek is.
_LOCK_DARKER, _MARGIN = 0.3, 0.05
_BARE = 0.9  # share of a beard's growth that a cheek has not
_RIM = 0.02  # of the texture's side inside the outline: what hangs before a face crosses it
_SHADE, _SHADE_LIMITS, _SIDE_FADE = 0.05, (0.9, 2.5), 0.03  # of its side: blur of light that is evened; factors
_SHINE, _SHINE_ABOVE, _SHINE_GOES = 0.006, 1.25, 0.7  # of its side; times bare skin's light, from which so much goes
_CHEEK = (127, 234, 93, 132, 58, 172, 136, 150, 149, 170, 210, 212, 207, 205, 50, 117, 31, 226, 113, 124, 156, 139,
          162)  # fmt: skip
_SIDE = (162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 170, 211, 202, 212, 207, 205, 50, 117, 31, 35, 143, 156,
         139)  # fmt: skip
_OUTLINE = (21, 162, 139, 156, 70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300, 383, 368, 389, 251, 284, 332, 297,
            338, 10, 109, 67, 103, 54)  # fmt: skip


def clear_skin(
    colour: Pixels, seen: Mask, shown: Mask, *, bearded: bool = False, beard: Mask | None = None
) -> tuple[Pixels, Mask]:
    """A texture without hair before its skin, and where that was made up, (S, S) float32 in 0..1.

    Bare skin varies slowly. What is darker than the surface that fits the bare part, and what is hair, gets that
    surface's colour; wrinkles are too narrow or too faint to count. Nothing of a fringe or of a lock is copied.

    Args:
        colour: (S, S, 3) uint8 RGB on the canonical mesh.
        seen: (S, S) float32 in 0..1, how sure it shows skin.
        shown: (S, S) float32, 1 inside the picture; what it cuts off is not made up, but left to the other side.
        bearded: whether a beard grows: then the cheeks are left as they are.
        beard: see `beard.find_hair`: what grows there is left as it is.
    """
    size = (WORK_SIDE, WORK_SIDE)
    small = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA), np.float32)
    sure, inside = (
        np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.float32) for part in (seen, shown)
    )
    bare = 1 - cv2.resize(beard[..., 0], size) if beard is not None else np.float32(1)
    cheeks = cheeks_mask() & (inside > 0.5) & (not bearded) & (bare > _BARE)
    surface = _fit_both(small, sure > 0.5, forehead_mask(), cheeks)
    share, made = _find_hair(small, surface, sure, inside, cheeks)
    skin = np.asarray(np.maximum(sure, share) * (1 - np.asarray(bearded, np.float32)) * bare, np.float32)
    painted = np.asarray(small + share[..., None] * (surface - small), np.float32)
    light = _even_light(painted, surface, skin)
    full = np.asarray(cv2.resize(np.dstack([surface, share, light, made]), colour.shape[1::-1]), np.float32)
    evened = colour * full[..., 4:7]
    cleared = np.clip(evened + full[..., 3:4] * (full[..., :3] - evened) + 0.5, 0, 255).astype(np.uint8)
    return cleared, np.ascontiguousarray(full[..., 7])


def _find_hair(
    colour: Floats, surface: Floats, sure: Mask, inside: Mask, cheeks: NDArray[np.bool_]
) -> tuple[Mask, Mask]:
    """(h, w) 0..1 each: what is hair or its shadow, and what of that counts as skin once it is painted over.

    A fringe that hides little of the forehead is painted over, and its place is left to the target.
    """
    forehead, darker = forehead_mask(), _measure_darker(colour, surface)
    fringe, locks = (sure < 0.5) & forehead, _find_locks(darker, sure, cheeks)
    # A strand is thin; what a fringe hid ends slowly, or its lower edge would show.
    strands, hair = (
        blur(np.asarray(cv2.dilate(part, _disc(reach)), np.float32), reach * WORK_SIDE)
        for part, reach in (
            (_find_darker(colour, surface, forehead), _SHADOW),
            ((fringe | locks).astype(np.float32), _FADE),
        )
    )
    ends, met = find_brow_ends(darker * (inside > 0.5), np.maximum(sure, 1 - inside))  # what is cut off is no hair
    # Between the brows a shade would join them; frowns are fainter.
    shade = smooth_step((blur(darker, _SHADOW * WORK_SIDE) - _JOINS[0]) / (_JOINS[1] - _JOINS[0]))
    strands = np.maximum(strands, _between_brows() * shade * (inside > 0.5))
    off = 1 - blur(_features_grown().astype(np.float32), 0.5 * _OFF_BROWS * WORK_SIDE)
    share = np.maximum(np.maximum(strands, hair) * off, ends)
    hides = np.count_nonzero(fringe) > _FRINGE * np.count_nonzero(forehead)
    made = np.maximum(np.where(forehead & hides, share, ends), met)
    return share, np.asarray(made, np.float32)


def _fit_both(
    colour: Floats, skin: NDArray[np.bool_], forehead: NDArray[np.bool_], cheeks: NDArray[np.bool_]
) -> Floats:
    """(h, w, 3) the colour of bare skin, fitted to the forehead and to the cheeks apart: their light differs."""
    above = _fit_surface(colour, skin, forehead)
    if not cheeks.any():
        return above
    share = blur(forehead.astype(np.float32), _FADE * WORK_SIDE)[..., None]
    return np.asarray(share * above + (1 - share) * _fit_surface(colour, skin, cheeks), np.float32)


def _measure_darker(colour: Floats, surface: Floats) -> Floats:
    """(h, w) how much darker each pixel is than bare skin would be there: 0 the same, 1 black."""
    return np.asarray(1 - average(colour) / np.maximum(average(surface), 1), np.float32)


def _find_locks(darker: Floats, sure: Mask, cheeks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) hair before the cheeks: it comes from outside the face, as blush, moles and folds do not."""
    dark = (blur(darker, _SHADOW * WORK_SIDE) > _LOCK_DARKER) | (darker > _LOCK_DARKER + _MARGIN)
    hair = (((sure < 0.5) | dark) & cheeks).astype(np.uint8)
    _, labels = cv2.connectedComponents(hair, connectivity=8)
    rim = (cv2.erode(fill_texture(face.OVAL), _disc(_RIM)) == 0) & (hair > 0)
    return np.asarray(np.isin(labels, np.unique(labels[rim])) & (hair > 0))


def _even_light(colour: Floats, surface: Floats, skin: Mask) -> Floats:
    """(h, w, 3) factor that takes the shadow of hair and of the head itself off the sides, and shine off all `skin`."""
    plain = (_features_grown() == 0) * skin
    wide, fine = (
        blur(colour * plain[..., None], reach * WORK_SIDE) / (blur(plain, reach * WORK_SIDE)[..., None] + 1e-3)
        for reach in (_SHADE, _SHINE)
    )
    sides = np.clip(surface / np.maximum(wide, 1), *_SHADE_LIMITS)
    above = average(np.asarray(fine, np.float32)) / np.maximum(average(surface), 1) / _SHINE_ABOVE
    shine = np.maximum(above, 1) ** -_SHINE_GOES
    soft = blur(plain, 2.0)[..., None]
    return np.asarray(
        (1 + soft * _sides_mask()[..., None] * (sides - 1)) * (1 + soft * (shine[..., None] - 1)), np.float32
    )


@cache
def cheeks_mask() -> NDArray[np.bool_]:
    """(WORK_SIDE, WORK_SIDE) True on the outer cheeks and beside the jaw, before which hair hangs."""
    return np.asarray((_fill_both(_CHEEK) > 0) & (_brows_mask() == 0) & ~forehead_mask())


@cache
def _sides_mask() -> Mask:
    """(WORK_SIDE, WORK_SIDE) 1 on the sides of a face, softly 0 in its middle."""
    return blur(_fill_both(_SIDE).astype(np.float32), _SIDE_FADE * WORK_SIDE)


@cache
def _features_grown() -> Pixels:
    """(WORK_SIDE, WORK_SIDE) 1 on eyes, brows, lips and nostrils and close around them, else 0."""
    return np.asarray(
        cv2.dilate(np.max([fill_texture(ring) for ring in face.FEATURES], axis=0), _disc(_OFF_BROWS)), np.uint8
    )


def _fill_both(vertices: tuple[int, ...]) -> Pixels:
    """(WORK_SIDE, WORK_SIDE) 1 inside a polygon of vertices on the texture and inside its mirror image, else 0."""
    mirrored = tuple(int(vertex) for vertex in topology().mirror[list(vertices)])
    return np.maximum(fill_texture(vertices), fill_texture(mirrored))


@cache
def forehead_mask() -> NDArray[np.bool_]:
    """(WORK_SIDE, WORK_SIDE) True on the forehead and the temples of a texture, without its brows."""
    return np.asarray((fill_texture(_OUTLINE) > 0) & (_brows_mask() == 0))


@cache
def _between_brows() -> Mask:
    """(WORK_SIDE, WORK_SIDE) float32: 1 between the inner ends of the brows, softly 0 beside."""
    return blur(fill_texture(_BETWEEN).astype(np.float32), _BETWEEN_SOFT * WORK_SIDE)


@cache
def _brows_mask() -> Pixels:
    """(WORK_SIDE, WORK_SIDE) 1 on the brows and close around them, else 0."""
    brows = fill_texture(face.LEFT_BROW) | fill_texture(face.RIGHT_BROW)
    return np.asarray(cv2.dilate(brows, _disc(_OFF_BROWS)), np.uint8)


@cache
def _elsewhere_mask() -> NDArray[np.bool_]:
    return np.asarray(np.maximum.reduce([fill_texture(group) for group in plain_skin()]) > 0)


def _find_darker(colour: Floats, surface: Floats, asked: NDArray[np.bool_]) -> Floats:
    """(h, w) 0..1, how much of each pixel is hair or its shadow: a wide one by little, a strand by much."""
    below = np.maximum(1 - average(colour) / np.maximum(average(surface), 1), 0).astype(np.float32) * asked
    wide = smooth_step((blur(below, _SHADOW * WORK_SIDE) / _SHADOW_DARKER - 0.5).astype(np.float32))
    thin = (below > _STRAND_DARKER).astype(np.float32)
    return np.asarray(np.maximum(wide, thin) * asked, np.float32)


def _fit_surface(colour: Floats, skin: NDArray[np.bool_], asked: NDArray[np.bool_]) -> Floats:
    """(h, w, 3) the colour of bare skin: a plane through forehead, cheeks and nose, bent to what is bare near by."""
    y, x = (np.mgrid[:WORK_SIDE, :WORK_SIDE] / WORK_SIDE - 0.5).astype(np.float32)
    basis = np.stack([np.ones_like(x), x, y], 2)
    near = cv2.dilate(asked.astype(np.uint8), _disc(_NEAR)) > 0
    bare = skin & (near | _elsewhere_mask()) & (_brows_mask() == 0)
    if np.count_nonzero(bare) < WORK_SIDE:
        return np.broadcast_to(np.median(colour.reshape(-1, 3), axis=0), colour.shape).astype(np.float32)
    seen, terms, is_near = colour[bare], basis[bare], near[bare]
    lightness, near_by = average(colour)[bare], bare & near
    weight, trust = np.ones(len(seen), np.float32), np.zeros(bare.shape, np.float32)
    surface = np.zeros_like(colour)
    for _ in range(_ROUNDS):
        known = terms * weight[:, None]
        fitted = np.linalg.solve(
            known.T @ known + _LEVEL * len(known) * np.diag([0, 1, 1]), known.T @ (seen * weight[:, None])
        )
        plane = np.asarray(cv2.transform(basis, fitted.T), np.float32)
        trust[near_by] = weight[is_near]
        bend = blur(np.asarray((colour - plane) * trust[..., None], np.float32), _REACH * WORK_SIDE)
        bend /= blur(trust, _REACH * WORK_SIDE)[..., None] + _TRUST_IN_PLANE
        surface = np.clip(plane + bend, 0, 255).astype(np.float32)
        expected = average(surface)[bare]
        above = (lightness - expected) / np.maximum(expected, 1)
        weight = np.exp(-((np.where(above < 0, 2 * above, above) / _SHADOW_DARKER) ** 2)).astype(np.float32)
    return surface


def _disc(radius: float) -> Pixels:
    """A disc of `radius`, of the texture's side, at WORK_SIDE."""
    return disc(round(radius * WORK_SIDE))
