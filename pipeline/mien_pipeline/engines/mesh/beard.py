"""Beards: where one grows on a face, on the texture. Shade, creases and hands are none.

A beard is darker than the bare skin above it would be there, on both sides alike, and rougher than cheeks are.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien_pipeline.engines.mesh.hidden import SIDE, flat_raster, unroll_small
from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.facing import vertex_facing
from mien_pipeline.faces.raster import extend_edges
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import disc, plain_skin, smooth_step

_ROUNDS = 6  # in which the light of bare skin is fitted
# How strongly its plane is held level, across and down; logarithms of light by which skin may differ from it.
_LEVEL, _SPREAD = (0.0, 0.006, 0.02), 0.15
_DARK = 6.0  # code values: darker counts less
_FACES_US = 0.25  # what is turned further away is not judged
_FEWEST = 12  # texels by which a part of a face is judged
_FINE, _COARSE = 0.5, 2.0  # texels: between them hairs are seen
_PLAIN = 0.008  # logarithms of light: a cheek is as rough as this at least
# How dark, in logarithms of light, times how rough, in a cheek's roughness, both sides of a chin are under a beard that
# hides the skin; how rough they are at least, and from where more says nothing. On 32 photographs three such had 1.1 to
# 1.7, short beards .96 at most and all others .72.
_FULL, _ROUGH, _ROUGHEST = 1.05, 1.3, 4.0
_SOME, _SHORT = 0.8, 1.1  # the same of any beard; and along the jaw: short ones had 1.3 to 4, all others 1.0 at most
_MOUSTACHE = 0.2  # logarithms of light by which one side of the upper lip is darker at least
_HAIR, _HALF = (0.12, 0.34), 0.4  # logarithms of light by which hair is darker than skin; the share that is a beard
_THIN = 0.8  # how far hair counts where few grow, below the line at which a beard begins
_WHOLE, _SMALL, _SOFT = 5, 2, 2.0  # texels: holes that are filled, strips that go, deviation of the edge
_LIPS_SOFT, _REDDER = 0.7, 0.1  # texels; the logarithm of red by green by which lips that show are redder than hair

_CHIN = (17, 84, 181, 91, 146, 204, 211, 170, 140, 171, 175, 396, 369, 395, 431, 424, 375, 321, 405, 314)
_UPPER_LIP = (98, 327, 2, 165, 391, 39, 269, 92, 322, 164)
# A bearded lower face is the reference's own. On bearded references likeness rose from .52 to .73.
_JAW_LINE = (58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288)
_NOSE_WINGS = (98, 2, 327, 129, 358)
_LINE_INSIDE, _LINE_FEATHER = 0.97, 0.008  # of the hull's own size; of the texture's side
_BELOW_EARS = (2, 98, 203, 206, 207, 214, 138, 172, 136, 150, 149, 176, 148, 152)
_JAW = (136, 172, 58, 138, 135, 169, 150, 149, 170, 214)
_FOLD = (216, 207, 192, 187, 205, 203)
NOSTRILS = (98, 2, 327, 64, 294, 1, 48, 278)
# Around all that may be beard, on one side: from below the nose to the ear and along the jaw.
_GROWS = (2, 98, 203, 206, 207, 187, 147, 177, 132, 58, 172, 136, 150, 149, 176, 148, 152)


@cache
def draw_lower_face(side: int) -> Mask:
    """(side, side) float32 in 0..1: 1 where a beard and a moustache grow, inside the outline of the jaw."""
    points = topology().uv[list(_JAW_LINE + _NOSE_WINGS)]
    middle = points.mean(0)
    hull = cv2.convexHull(((middle + _LINE_INSIDE * (points - middle)) * side).astype(np.float32))
    filled = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(filled, np.round(hull * 16).astype(np.int32), (1,), shift=4)
    return np.asarray(blur(filled.astype(np.float32), _LINE_FEATHER * side), np.float32)


def find_full_beard(pixels: Pixels, mesh: Mesh, *, bearded: bool | None = None) -> Mask | None:
    """Where a face's beard hides its skin, (SIDE, SIDE) float32 in 0..1 on the texture; None without such a beard.

    All below the line at which it begins counts, and lips only where it hides them.
    `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) float32 in its pixels; `bearded` says whether it has one, if known.
    """
    if bearded is False:
        return None
    small, seen = unroll_small(pixels, mesh), _find_seen(mesh)
    read = _read(small, seen)
    if read is None or not (bearded or read.full >= _FULL):
        return None
    beard = _make_whole(read.darker, seen)
    hidden = _hides_lips(small, read.darker, beard, seen)
    return beard if hidden else beard * (1 - blur(fill_hull(face.OUTER_LIPS).astype(np.float32), _LIPS_SOFT))


def find_hair(pixels: Pixels, mesh: Mesh) -> Mask | None:
    """(SIDE, SIDE, 2) float32 in 0..1 on the texture: where a beard grows, and where it is dense; None without one.

    A short one counts.

    `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) float32 in its pixels.
    """
    small, seen = unroll_small(pixels, mesh), _find_seen(mesh)
    read = _read(small, seen)
    if read is None or (read.full < _SOME and read.short < _SHORT):
        return None
    hair = _rate_hair(read.darker, seen)
    grows = np.maximum(hair, _THIN * _make_whole(read.darker, seen) * draw_growth())
    off = (1 - _folds()) * _below_ears() * ~(fill_hull(face.OUTER_LIPS) | fill_hull(NOSTRILS, 1))
    dense = hair * float(np.clip((read.full - _SOME / 2) / (_SOME / 2), 0, 1))
    return np.dstack([blur(np.asarray(part * off, np.float32), _SOFT / 2) for part in (grows, dense)])


def hangs_over_lips(pixels: Pixels, mesh: Mesh) -> bool:
    """Whether a face has a full beard that hides its lips; arguments as of `find_hair`."""
    small, seen = unroll_small(pixels, mesh), _find_seen(mesh)
    read = _read(small, seen)
    if read is None or read.full < _FULL:
        return False
    return _hides_lips(small, read.darker, _make_whole(read.darker, seen), seen)


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """How dark and rough a lower face is: (SIDE, SIDE) darker than bare skin; of chin and jaw, one times the other."""

    darker: Floats
    full: float
    short: float


def _read(small: Pixels, seen: Choice) -> _Read | None:
    """None where too little of the cheeks shows."""
    light = np.log(small.astype(np.float32).mean(2) + np.float32(_DARK))
    ridge, *cheeks = (fill_hull(group) & seen for group in reversed(plain_skin()))
    shown = [cheek for cheek in cheeks if np.count_nonzero(cheek) > _FEWEST]
    if not shown or not ridge.any():
        return None
    darker = fit_plane(light, np.logical_or.reduce([ridge, *shown])) - light
    rough, bare = _measure_rough(light, shown), seen & ~_features()
    lip = [side for side in (fill_hull(_UPPER_LIP) & half & bare for half in _halves()) if side.sum() > _FEWEST]
    if not lip or max(float(np.median(darker[side])) for side in lip) < _MOUSTACHE:
        return _Read(darker, 0, 0)
    return _Read(darker, *(_rate(darker, rough, part & bare) for part in (fill_hull(_CHIN), _jaw())))


def _rate(darker: Floats, rough: Floats, part: Choice) -> float:
    """How dark times how rough both sides of a part are: shade lies on one, or is smooth. Profiles show one."""
    sides = [side for side in (part & half for half in _halves()) if np.count_nonzero(side) > _FEWEST]
    measured = [(float(np.median(darker[side])), float(np.median(rough[side]))) for side in sides]
    return min((dark * min(coarse, _ROUGHEST) * (coarse > _ROUGH) for dark, coarse in measured), default=0)


def _find_seen(mesh: Mesh) -> Choice:
    """(SIDE, SIDE) where the face inside its outline faces the viewer."""
    flat = flat_raster()
    facing = extend_edges(flat.interpolate(vertex_facing(mesh)[:, None].astype(np.float32)), flat.covered)
    return _inner_face() & (np.asarray(cv2.resize(facing, (SIDE, SIDE)), np.float32) > _FACES_US)


def fit_plane(light: Floats, skin: Choice) -> Floats:
    """(SIDE, SIDE) the light that bare skin would have all over: a plane through `skin`, in which shade counts less."""
    y, x = (np.mgrid[:SIDE, :SIDE] / SIDE - 0.5).astype(np.float32)
    basis = np.stack([np.ones_like(x), x, y], 2)
    terms, shown = basis[skin].astype(np.float64), light[skin].astype(np.float64)
    weight, plane = np.ones(len(shown)), np.zeros(3)
    for _ in range(_ROUNDS):
        known = terms * weight[:, None]
        plane = np.linalg.solve(known.T @ terms + weight.sum() * np.diag(_LEVEL), known.T @ shown)
        above = shown - terms @ plane
        weight = np.exp(-((np.where(above < 0, 2 * above, above) / _SPREAD) ** 2))
    return np.asarray(basis @ plane.astype(np.float32), np.float32)


def _measure_rough(light: Floats, cheeks: list[Choice]) -> Floats:
    """(SIDE, SIDE) how much fine detail there is, in that of the smoother cheek."""
    fine = np.abs(blur(light, _FINE) - blur(light, _COARSE))
    return np.asarray(fine / max(min(float(np.median(fine[cheek])) for cheek in cheeks), _PLAIN), np.float32)


def _rate_hair(darker: Floats, seen: Choice) -> Mask:
    """(SIDE, SIDE) 0..1 how far each place is as dark as hair, on both sides alike; what is not seen is as its mirror.

    Shade of one side goes.
    """
    shown = seen.astype(np.float32)
    smooth = blur(darker * shown, 1.0) / np.maximum(blur(shown, 1.0), np.float32(0.1))
    hair = smooth_step(np.asarray((smooth - _HAIR[0]) / (_HAIR[1] - _HAIR[0]), np.float32)) * draw_growth()
    mirrored, both = hair[:, ::-1], seen & seen[:, ::-1]
    return np.where(both, np.sqrt(hair * mirrored), np.where(seen, hair, mirrored)).astype(np.float32)


def _make_whole(darker: Floats, seen: Choice) -> Mask:
    """(SIDE, SIDE) 0..1 all below the line at which a beard begins, lips included: no holes, no islands."""
    hair = _rate_hair(darker, seen)
    solid = ((hair > _HALF) | fill_hull(face.OUTER_LIPS, 1)).astype(np.uint8)
    solid = np.asarray(cv2.morphologyEx(solid, cv2.MORPH_CLOSE, disc(_WHOLE)), np.uint8)
    _, pieces = cv2.connectedComponents(np.asarray(cv2.morphologyEx(solid, cv2.MORPH_OPEN, disc(_SMALL)), np.uint8))
    mouth = np.bincount(pieces[fill_hull(face.OUTER_LIPS)].ravel())
    beard = (pieces > 0) & (pieces == mouth.argmax())
    return blur(np.maximum.accumulate(beard, axis=0).astype(np.float32), _SOFT)


def _hides_lips(small: Pixels, darker: Floats, beard: Mask, seen: Choice) -> bool:
    """Whether the lips are darker than the beard and hardly redder: hair hangs over them."""
    colour = small.astype(np.float32) + np.float32(8)
    red = np.log(colour[..., 0] / colour[..., 1])
    lips = fill_hull(face.OUTER_LIPS) & ~fill_hull(face.INNER_LIPS) & seen
    around = (fill_hull(_UPPER_LIP) | fill_hull(_CHIN)) & (beard > _HALF) & ~_features() & seen
    if not lips.any() or not around.any():
        return True
    dark, redder = (float(np.median(part[lips]) - np.median(part[around])) for part in (darker, red))
    return dark > 0 and redder < _REDDER


@cache
def _halves() -> tuple[Choice, Choice]:
    """(1, SIDE) each, True on the left and on the right of the texture."""
    left = np.arange(SIDE)[None] < SIDE // 2
    return left, ~left


@cache
def fill_hull(vertices: tuple[int, ...], margin: int = 0) -> Choice:
    """(SIDE, SIDE) True in the convex hull of the vertices on the texture, and `margin` texels around it."""
    filled = np.zeros((SIDE, SIDE), np.uint8)
    hull = cv2.convexHull((topology().uv[list(vertices)] * SIDE).astype(np.float32))
    cv2.fillConvexPoly(filled, np.round(hull * 16).astype(np.int32), (1,), cv2.LINE_8, 4)
    return np.asarray(cv2.dilate(filled, disc(margin)) > 0 if margin else filled > 0)


def _fill_outline(vertices: tuple[int, ...]) -> Pixels:
    """(SIDE, SIDE) 1 inside a polygon of vertices on the texture, else 0."""
    filled = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(filled, [np.round(topology().uv[list(vertices)] * SIDE * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
    return filled


@cache
def _jaw() -> Choice:
    """(SIDE, SIDE) True along the jaw, beside the chin."""
    return fill_hull(_JAW) | fill_hull(_mirror(_JAW))


@cache
def _folds() -> Mask:
    """(SIDE, SIDE) 1 where a laugh folds the skin beside nose and mouth, softly 0 around."""
    return blur((fill_hull(_FOLD) | fill_hull(_mirror(_FOLD))).astype(np.float32), _SOFT)


def _mirror(vertices: tuple[int, ...]) -> tuple[int, ...]:
    """The same vertices on the other side of the face."""
    return tuple(int(vertex) for vertex in topology().mirror[list(vertices)])


@cache
def _below_ears() -> Mask:
    """(SIDE, SIDE) 1 where a beard may grow, softly 0 beside the ears, of which a texture shows the shade."""
    sides = np.maximum(_fill_outline(_BELOW_EARS), _fill_outline(_mirror(_BELOW_EARS)))
    return blur(sides.astype(np.float32), 2 * _SOFT)


@cache
def draw_outline() -> Pixels:
    """(SIDE, SIDE) 1 inside the face's outline, else 0."""
    return _fill_outline(face.OVAL)


@cache
def _inner_face() -> Choice:
    """(SIDE, SIDE) True inside the face's outline, away from what is beside it."""
    return np.asarray(cv2.erode(draw_outline(), disc(2)) > 0)


@cache
def _features() -> Choice:
    """(SIDE, SIDE) True on lips and nostrils and close around them."""
    return fill_hull(face.OUTER_LIPS, 2) | fill_hull(NOSTRILS, 1)


@cache
def draw_growth() -> Mask:
    """(SIDE, SIDE) 1 where a beard may grow, else 0."""
    return (_fill_outline(_GROWS) | _fill_outline(_mirror(_GROWS))).astype(np.float32)
