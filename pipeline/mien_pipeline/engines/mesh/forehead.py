"""A clear forehead: strands of hair and the shadow of a fringe are painted over, and what a fringe hides is made."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.mask import disc, plain_skin, smooth_step

WORK_SIDE = 256  # of the texture in which the forehead is cleared
_ROUNDS = 8  # in which the surface is fitted to what is not hair
_NEAR = 0.05  # of the texture's side around the forehead, where skin bends the surface as well
_REACH, _TRUST_IN_PLANE = 0.1, 0.2  # of the texture's side; weight of the plane where skin near by has 1
_LEVEL = 0.02  # how strongly the plane is held level: half a face must not tilt it for the other half
_SHADOW, _SHADOW_DARKER = 0.012, 0.1  # its width, of the texture's side; how much darker it is than bare skin
_FADE = 0.025  # of the texture's side, over which what is made fades into what was seen
_STRAND_DARKER = 0.12  # a single hair or a thin strand; wrinkles are up to .1 darker than the skin beside them
_FRINGE = 0.06  # of the forehead that hair hides, from which the hidden part is made and not left to the target
_OFF_BROWS = 0.008  # of the texture's side
_OUTLINE = (21, 162, 139, 156, 70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300, 383, 368, 389, 251, 284, 332, 297,
            338, 10, 109, 67, 103, 54)  # fmt: skip


def clear_forehead(colour: Pixels, seen: Mask) -> tuple[Pixels, Mask]:
    """A texture with a clear forehead, and where it was made up, (S, S) float32 in 0..1.

    Bare skin varies slowly there. What is darker than the surface that fits the bare part, and what is hair, gets that
    surface's colour; wrinkles are too narrow or too faint to count. Nothing of a fringe is copied.

    `colour` is (S, S, 3) uint8 RGB on the canonical mesh; `seen` (S, S) float32 in 0..1, how sure it shows skin.
    """
    size = (WORK_SIDE, WORK_SIDE)
    small = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA), np.float32)
    sure = np.asarray(cv2.resize(seen, size, interpolation=cv2.INTER_AREA), np.float32)
    asked = forehead_mask()
    surface = _fit_surface(small, sure > 0.5, asked)
    hair = ((sure < 0.5) & asked).astype(np.float32)
    # A strand is thin; what a fringe hid ends slowly, or its lower edge would show.
    strands, fringe = (
        blur(np.asarray(cv2.dilate(part, _disc(reach)), np.float32), reach * WORK_SIDE)
        for part, reach in ((_find_darker(small, surface, asked), _SHADOW), (hair, _FADE))
    )
    share = np.maximum(strands, fringe)
    share *= 1 - blur(np.asarray(_brows_mask(), np.float32), 0.5 * _OFF_BROWS * WORK_SIDE)
    full = np.asarray(cv2.resize(np.dstack([surface, share]), colour.shape[1::-1]), np.float32)
    cleared = np.clip(colour + full[..., 3:] * (full[..., :3] - colour) + 0.5, 0, 255).astype(np.uint8)
    hidden = np.count_nonzero(hair) > _FRINGE * np.count_nonzero(asked)
    return cleared, full[..., 3] if hidden else np.zeros(colour.shape[:2], np.float32)


@cache
def forehead_mask() -> NDArray[np.bool_]:
    """(WORK_SIDE, WORK_SIDE) True on the forehead and the temples of a texture, without its brows."""
    return np.asarray((fill_texture(_OUTLINE) > 0) & (_brows_mask() == 0))


@cache
def _brows_mask() -> Pixels:
    """(WORK_SIDE, WORK_SIDE) 1 on the brows and close around them, else 0."""
    brows = fill_texture(face.LEFT_BROW) | fill_texture(face.RIGHT_BROW)
    return np.asarray(cv2.dilate(brows, _disc(_OFF_BROWS)), np.uint8)


def fill_texture(vertices: tuple[int, ...]) -> Pixels:
    """(WORK_SIDE, WORK_SIDE) 1 inside a polygon of vertices on the texture, else 0."""
    filled = np.zeros((WORK_SIDE, WORK_SIDE), np.uint8)
    outline = np.round(topology().uv[list(vertices)] * WORK_SIDE).astype(np.int32)
    cv2.fillPoly(filled, [outline], (1,))
    return filled


@cache
def _elsewhere_mask() -> NDArray[np.bool_]:
    return np.asarray(np.maximum.reduce([fill_texture(group) for group in plain_skin()]) > 0)


def _find_darker(colour: Floats, surface: Floats, asked: NDArray[np.bool_]) -> Floats:
    """(h, w) 0..1, how much of each pixel is hair or its shadow: a wide one by little, a strand by much."""
    below = np.maximum(1 - colour.mean(2) / np.maximum(surface.mean(2), 1), 0).astype(np.float32) * asked
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
    weight = np.ones(np.count_nonzero(bare), np.float32)
    surface = np.zeros_like(colour)
    for _ in range(_ROUNDS):
        known = basis[bare] * weight[:, None]
        fitted = np.linalg.solve(
            known.T @ known + _LEVEL * len(known) * np.diag([0, 1, 1]), known.T @ (colour[bare] * weight[:, None])
        )
        plane = np.asarray(basis @ fitted, np.float32)
        trust = np.zeros(bare.shape, np.float32)
        trust[bare & near] = weight[near[bare]]
        bend = blur((colour - plane) * trust[..., None], _REACH * WORK_SIDE)
        bend /= blur(trust, _REACH * WORK_SIDE)[..., None] + _TRUST_IN_PLANE
        surface = np.clip(plane + bend, 0, 255).astype(np.float32)
        expected = surface[bare].mean(1)
        above = (colour[bare].mean(1) - expected) / np.maximum(expected, 1)
        weight = np.exp(-((np.where(above < 0, 2 * above, above) / _SHADOW_DARKER) ** 2)).astype(np.float32)
    return surface


def _disc(radius: float) -> Pixels:
    """A disc of `radius`, of the texture's side, at WORK_SIDE."""
    return disc(round(radius * WORK_SIDE))
