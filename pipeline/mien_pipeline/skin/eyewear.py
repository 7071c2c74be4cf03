"""What glasses hide of a face: their frame, whatever its thickness, its shadow, and the brows and eyes that it meets.

`glasses` follows the paths along which a frame runs; a thick one is followed along one of its edges, and a frame before
a brow is taken for the brow. Here the frame grows from its paths into what has its colour.
"""

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_lab, to_linear
from mien_pipeline.skin.glasses import LevelView, fill_hull, find_rims, from_level_view, level_face, mark_frame
from mien_pipeline.skin.light import average, blur, measure_length
from mien_pipeline.skin.mask import disc

# A pixel beside a frame belongs to it where it is so much less unlike the frame than skin is, and so far from skin, in
# CIELAB; it grows by so many rounds of two pixels, of a face 200 wide.
_ALIKE, _UNLIKE, _ROUNDS = 0.32, 18.0, 8
_BRIDGE, _BAR = (193, 417, 196, 419), 35.0  # between the eyes; what is so far from skin there is a bar
_BARS_OWN = 0.3  # how much of the way from the colour of the bar to that of skin still counts as the bar
_NEAR_PX = 3.0  # deviation of the blur that tells the frame's colour near by
_GOGGLES = 0.09  # face widths around eyes and brows within which a frame grows
_BESIDE_PX, _SHADOW_PX = 3, 12  # what a thick frame hides beside it, and below it by the shadow of it and its lens
_LOST_BROW, _LOST_EYE = 0.2, 0.25  # share of a brow, and of the lids, from which it counts as hidden
_LIDS, _AROUND_LIDS, _AROUND_BROWS = 0.02, 0.045, 0.03  # face widths: lids around eyes; what goes with them
_ISLAND_PX = 7  # radius of what is left between two parts of a frame, and goes with them
_SOFT_PX, _EDGE_PX = 2.0, 0.8  # of the edge of what is hidden, and of a frame's own
# What is left of a frame after an opening with this radius, as a share of the face around eyes and brows. Drawn before
# nine faces wire leaves .00 to .17, half rims .03 to .26, thick ones, browlines and tinted lenses .13 to .6; a
# real browline .06 to .14 as it is made smaller. Too heavy costs likeness, too light leaves a smear.
_THICK_PX, _HEAVY = 3, 0.07
# What a lens mirrors is so much lighter than the cheeks, in L*, or has so much another colour, in a and b; from this
# share of both lenses on they count, without lids. Two real ones: .18 and .23 at least; others .09 at most, but for .12
# with rouge around the eyes and .34 beside shining cheeks: there, too, the target's own eyes look no worse.
_LIGHTER, _COLOURED, _MIRRORS = 20.0, 25.0, 0.1
_RIM_PX, _AROUND_RIMS_PX = 4, 8  # of a rim, which is no lens; of what goes with lenses around them
# Light that a lens lets through. On four faces clear ones have .76 at least in one eye, drawn tinted ones .51; a
# sunglass through which eyes are guessed has .44.
_PASSED, _BLACK, _BESIDE_LENS_PX, _ENOUGH_PX = 0.48, 0.004, (9, 26), 20
_SMALLEST_PX = 24  # a narrower face shows too little of lenses to judge
_WIDE = (*face.LEFT_EYE, *face.RIGHT_EYE, *face.LEFT_BROW, *face.RIGHT_BROW, 117, 346)  # down to the cheekbones
_SIDES: tuple[tuple[int, ...], ...] = (face.LEFT_EYE + face.LEFT_BROW, face.RIGHT_EYE + face.RIGHT_BROW)
_EYES_AND_BROWS = face.LEFT_EYE + face.RIGHT_EYE + face.LEFT_BROW + face.RIGHT_BROW


def find_behind_glasses(pixels: Pixels, mesh: Mesh) -> Mask:
    """(H, W) float32 in 0..1: 1 where glasses hide the face or darken it, 0 everywhere on a face without.

    `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) in its pixels. Both eyes or none count as hidden, and both brows.
    """
    view = level_face(pixels, mesh)
    marked = mark_frame(view)
    if not marked.any():
        return np.zeros(pixels.shape[:2], np.float32)
    grown = _grow(marked, view)
    hidden = _spread_heavy(grown, view) if _is_heavy(grown, view) else _take_crossed_brows(marked, view)
    hidden = np.maximum(hidden, _draw_mirrors(view))
    return from_level_view(blur(hidden.astype(np.float32), _SOFT_PX), view, pixels.shape)


def find_frame(pixels: Pixels, mesh: Mesh) -> Mask:
    """(H, W) float32 in 0..1: 1 on the frame of glasses in all its thickness, 0 everywhere on a face without.

    A thin frame leaves out lids and brows: a rim before a brow is not told from it. A thick one takes them along, and
    so do lenses that mirror something: what they show is not told from the face behind.
    """
    view = level_face(pixels, mesh)
    marked = mark_frame(view)
    if not marked.any():
        return np.zeros(pixels.shape[:2], np.float32)
    grown = _grow(marked, view)
    frame = cv2.dilate(grown | marked, disc(1)) if _is_heavy(grown, view) else _spread_light(marked, view)
    frame = np.maximum(frame, _draw_mirrors(view))
    return from_level_view(blur(frame.astype(np.float32), _EDGE_PX), view, pixels.shape)


def dims_both_eyes(pixels: Pixels, mesh: Mesh) -> bool:
    """Whether lenses let through less than half of the light below both eyes; arguments as of `find_frame`.

    Dark lenses keep so little of an eye that what they mirror is mistaken for one. False where the face is too small.
    """
    if face_width(mesh) < _SMALLEST_PX:
        return False
    view = level_face(pixels, mesh)
    if not mark_frame(view).any():
        return False
    light = average(to_linear(view.pixels)) + np.float32(_BLACK)
    rims = zip(find_rims(view), (face.LEFT_EYE, face.RIGHT_EYE), strict=True)
    return max(_measure_passed(light, rim, ring, view) for rim, ring in rims) < _PASSED


def _measure_passed(light: Mask, rim: Floats, ring: tuple[int, ...], view: LevelView) -> float:
    """Light inside a rim by that of the cheek beside it, both below the eye; 1 where it cannot be told."""
    lens = view.draw_nothing()
    cv2.fillPoly(lens, [np.round(rim).astype(np.int32)], (1,))
    below = np.arange(len(lens))[:, None] > view.points[list(ring), 1].max()
    near, far = (cv2.dilate(lens, disc(reach)) for reach in _BESIDE_LENS_PX)
    inside = (cv2.erode(lens, disc(_RIM_PX + 1)) > 0) & (fill_hull(view, ring, _LIDS) == 0) & below
    beside = (far > near) & (fill_hull(view, face.OVAL, 0) > 0) & below
    if min(np.count_nonzero(inside), np.count_nonzero(beside)) < _ENOUGH_PX:
        return 1.0
    return float(np.median(light[inside]) / np.median(light[beside]))


def _draw_mirrors(view: LevelView) -> Pixels:
    """(h, w) 1 on lenses in which something is mirrored, on what is close around, and on the brows; 0 else."""
    lab, lenses, nothing = to_lab(view.pixels), list[Pixels](), view.draw_nothing()
    away = lab - _find_skin_colour(lab, view)
    mirrors = (away[..., 0] > _LIGHTER) | (np.hypot(away[..., 1], away[..., 2]) > _COLOURED)
    for rim, ring in zip(find_rims(view), (face.LEFT_EYE, face.RIGHT_EYE), strict=True):
        lens = nothing.copy()
        cv2.fillPoly(lens, [np.round(rim).astype(np.int32)], (1,))
        inner = (cv2.erode(lens, disc(_RIM_PX)) > 0) & (fill_hull(view, ring, _LIDS) == 0)
        if not inner.any() or mirrors[inner].mean() < _MIRRORS:
            return nothing
        lenses.append(lens)
    brows = [fill_hull(view, brow, _AROUND_BROWS) for brow in (face.LEFT_BROW, face.RIGHT_BROW)]
    both = np.maximum(np.maximum.reduce(brows), cv2.dilate(np.maximum.reduce(lenses), disc(_AROUND_RIMS_PX)))
    return np.asarray(cv2.morphologyEx(both, cv2.MORPH_CLOSE, disc(_BESIDE_PX)), np.uint8)


def _is_heavy(frame: Pixels, view: LevelView) -> bool:
    """Whether a frame is thick, or shades the face as much as a thick one."""
    around = (fill_hull(view, _EYES_AND_BROWS, _GOGGLES) > 0) & (fill_hull(view, face.OVAL, 0) > 0)
    for side in _SIDES:
        around &= fill_hull(view, side, _AROUND_BROWS) == 0
    thick = cv2.morphologyEx(frame, cv2.MORPH_OPEN, disc(_THICK_PX))
    return float(thick[around].mean()) > _HEAVY


def _spread_light(frame: Pixels, view: LevelView) -> Pixels:
    """(h, w) 1 on a thin frame and close to it; brows and lids are seen through it."""
    hidden = cv2.dilate(frame, disc(1))
    for brow in (face.LEFT_BROW, face.RIGHT_BROW):
        hidden[fill_hull(view, brow, 0) > 0] = 0
    for eye in (face.LEFT_EYE, face.RIGHT_EYE):
        hidden[fill_hull(view, eye, _LIDS) > 0] = 0
    return np.asarray(hidden, np.uint8)


def _take_crossed_brows(frame: Pixels, view: LevelView) -> Pixels:
    """(h, w) 1 on a thin frame, close to it, and on both brows where it hides one: it is not told from their rest."""
    brows = (face.LEFT_BROW, face.RIGHT_BROW)
    crossed = max(_measure_share(frame, view, brow, 0.0) for brow in brows) > _LOST_BROW
    taken = [fill_hull(view, brow, _AROUND_BROWS) for brow in brows if crossed]
    return np.asarray(np.maximum.reduce([_spread_light(frame, view), *taken]), np.uint8)


def _spread_heavy(frame: Pixels, view: LevelView) -> Pixels:
    """(h, w) 1 on a thick frame, in its shadow, and on the brows and eyes that it meets: both or none of each."""
    hidden = _add_shadow(frame)
    for pair, inner, outer, limit in (
        ((face.LEFT_BROW, face.RIGHT_BROW), 0.0, _AROUND_BROWS, _LOST_BROW),
        ((face.LEFT_EYE, face.RIGHT_EYE), _LIDS, _AROUND_LIDS, _LOST_EYE),
    ):
        if max(_measure_share(frame, view, vertices, inner) for vertices in pair) > limit:
            hidden = np.maximum.reduce([hidden, *(fill_hull(view, vertices, outer) for vertices in pair)])
    closed = cv2.morphologyEx(hidden, cv2.MORPH_CLOSE, disc(_ISLAND_PX))
    for vertices in (face.LEFT_EYE, face.RIGHT_EYE):  # an eye that is seen is no island
        seen = fill_hull(view, vertices, _AROUND_LIDS) > 0
        closed[seen] = hidden[seen]
    return np.asarray(closed, np.uint8)


def _grow(marked: Pixels, view: LevelView) -> Pixels:
    """(h, w) 1 on the frame: what touches it and has its colour belongs to it."""
    lab = to_lab(np.asarray(cv2.GaussianBlur(view.pixels, (0, 0), 0.7), np.uint8))
    skin = _find_skin_colour(lab, view)
    unlike = measure_length(lab - skin)
    free = fill_hull(view, _EYES_AND_BROWS, _GOGGLES) > 0
    for ring in (face.LEFT_EYE, face.RIGHT_EYE):
        free &= fill_hull(view, ring, 0) == 0
    frame = ((marked > 0) & (unlike > _UNLIKE)).astype(np.uint8) | _follow_bar(lab, unlike, view)
    for _ in range(_ROUNDS):
        weight = blur(frame.astype(np.float32), _NEAR_PX)
        near = np.asarray(blur(lab * frame[..., None], _NEAR_PX) / (weight[..., None] + 1e-6), np.float32)
        alike = measure_length(lab - near) < _ALIKE * measure_length(near - skin)
        beside = cv2.dilate(frame, disc(2)) > 0
        frame |= (alike & beside & free & (unlike > _UNLIKE)).astype(np.uint8)
    return np.asarray(frame, np.uint8)


def _follow_bar(lab: Floats, unlike: Floats, view: LevelView) -> Pixels:
    """(h, w) 1 on a thick bar and on all that hangs together with it in its colour; 0 where the bar is thin.

    What is found along paths fails on a very thick frame: there the skin between its parts differs from what is around.
    """
    bridge = ((fill_hull(view, _BRIDGE, 0) > 0) & (unlike > _BAR)).astype(np.uint8)
    bar = cv2.morphologyEx(bridge, cv2.MORPH_OPEN, disc(2)) > 0
    if not bar.any():
        return np.zeros_like(bridge)
    colour = np.median(lab[bar], axis=0)
    alike = measure_length(lab - colour) < _BARS_OWN * float(np.median(unlike[bar]))
    _, labels = cv2.connectedComponents((alike & (fill_hull(view, _WIDE, _GOGGLES) > 0)).astype(np.uint8))
    mine = np.unique(labels[bar & (labels > 0)])
    return np.isin(labels, mine).astype(np.uint8) if len(mine) else np.zeros_like(bridge)


def _find_skin_colour(lab: Floats, view: LevelView) -> Floats:
    """(3,) the colour of the cheeks."""
    cheeks = np.maximum.reduce(
        [fill_hull(view, group, 0) for group in ((50, 101, 36, 205, 187), (280, 330, 266, 425, 411))]
    )
    return np.asarray(np.median(lab[cheeks > 0], axis=0), np.float32)


def _add_shadow(frame: Pixels) -> Pixels:
    """(h, w) the frame with what it hides beside and below it."""
    wide = cv2.dilate(frame, disc(_BESIDE_PX))
    below = cv2.dilate(wide, np.ones((_SHADOW_PX, 1), np.uint8), anchor=(0, _SHADOW_PX - 1))
    return np.asarray(below, np.uint8)


def _measure_share(frame: Pixels, view: LevelView, vertices: tuple[int, ...], margin: float) -> float:
    """How much of what is inside the hull of the vertices and `margin` face widths around it the frame covers."""
    inside = fill_hull(view, vertices, margin) > 0
    if margin:
        inside &= fill_hull(view, vertices, 0) == 0
    return float(frame[inside].mean()) if inside.any() else 0.0
