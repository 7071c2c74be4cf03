"""Glasses: whether a face wears them, and where their rims run.

A rim is thin and differs from what surrounds it. It is followed as the path of most contrast: over the bridge of the
nose, around each eye, and from there to the ear. Skin has no such path across its bridge, which tells glasses apart.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.align import invert, transform, warp
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Affine, Floats, Mask, Pixels
from mien_pipeline.media.colour import to_lab_codes
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.mask import disc

WORK_WIDTH_PX = 200  # of a face in the level view in which rims are searched for
# Contrast (see `_measure_contrast`) that four in five points of the best path over the bridge reach. Eight frames from
# rimless to thick measured 19 to 68; 430 faces without glasses, frowns among them, 16.4 at most.
BAR_CONTRAST = 17.5
# A bar of less contrast, and one of more on a turned face, is believed where rims run below both eyes. Of 121 faces
# without glasses and 128 frames drawn before them, with the bar alone five and 121 pass, with both three and 124.
_FAINT_BAR, _STRONG_BAR = 13.9, 25.0
_RIM_BELOW, _CLEAR_RIM_BELOW, _BELOW_RUGGED = 8.0, 14.0, 1.4
_BELOW_EYE = slice(5, 55)  # of the `_ANGLES` points of a rim
_RIM_STEADY = 0.25
# Lids and lashes make a path as well, and a frown a bar. A bar up to the first is believed where the path below one eye
# at least keeps off its lids by the second, in pixels. Of 29 photographs five wear glasses: 37 and 23 at least; three
# bare faces, squinting, shut or half behind hair, have 20 to 28 and 6 to 11. Of 200 drawn frames that rejects one.
_CERTAIN_BAR, _OFF_LIDS_PX = 34.0, 12.0

VIEW_PX = (280, 250)  # width and height of the level view
_EYES_AT = (140.0, 95.0)  # where it has the middle between the eyes' outer corners
_BAR_STEADY = 0.2  # this quantile of the contrast along the bar counts: a bar does not break off
_ANGLES = 120  # at which a rim is looked for around an eye
_RADII_PX = (13, 58)  # how far from the eye's centre a rim runs, in the level view
_CROOKED = 0.8  # contrast that a path gives up for each pixel it moves aside
_SIDESTEP_PX = 2  # how far a path moves aside at most from one point to the next
_WEAK, _RUGGED = 9.0, 1.5  # contrast of a rim; on wrinkled skin, this many times what its cheeks have
_RUN = 7  # points of a path that are judged together
_AROUND_PX = 19  # side of the window whose median is what surrounds a rim
_THICK_PX = 5  # how far to either side of its path a rim may reach
_EDGE = 0.45  # of the contrast on the path, down to which a pixel beside it belongs to the rim
_LIDS, _BROWS = 0.018, 0.008  # face widths around eyes and brows that are theirs
_CHEEKS = ((50, 101, 36, 205, 187), (280, 330, 266, 425, 411))
_LEFT_TEMPLE, _RIGHT_TEMPLE = 127, 356


@dataclass(frozen=True, eq=False)
class LevelView:
    """A face with level eyes, WORK_WIDTH_PX wide.

    Attributes:
        pixels: (h, w, 3) uint8 RGB.
        points: (468, 2) float32, the mesh in its pixels.
        affine: (2, 3) float32, from the picture's pixels to its own.
    """

    pixels: Pixels
    points: Floats
    affine: Affine

    @cached_property
    def contrast(self) -> Floats:
        """(h, w) how much each pixel differs from what surrounds it."""
        return _measure_contrast(self.pixels)

    def draw_nothing(self) -> Pixels:
        """(h, w) 0 everywhere."""
        return np.zeros(self.pixels.shape[:2], np.uint8)


def glasses_mask(pixels: Pixels, mesh: Mesh) -> Mask:
    """(H, W) float32 in 0..1: 1 along the bar, the rims and the arms of glasses, 0 everywhere on a face without.

    Eyes and brows are left out: a rim in front of a brow is not told from it.
    `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) in its pixels.
    """
    view = level_face(pixels, mesh)
    found = mark_frame(view)
    for vertices in (face.LEFT_BROW, face.RIGHT_BROW):
        found[fill_hull(view, vertices, _BROWS) > 0] = 0
    if not found.any():
        return np.zeros(pixels.shape[:2], np.float32)
    soft = blur(np.asarray(cv2.dilate(found, disc(1)), np.float32), 0.8)
    return from_level_view(soft, view, pixels.shape)


def mark_frame(view: LevelView) -> Pixels:
    """(h, w) 1 along the bar, the rims and the arms of glasses, also before brows, and 0 on lids and on a bare face."""
    found = view.draw_nothing()
    contrast, bar = _find_bar(view)
    strength = float(np.quantile(contrast, _BAR_STEADY))
    if strength <= _FAINT_BAR:  # most faces: what is around their eyes needs no look
        return found
    rims, cheeks = find_rims(view), _measure_cheeks(view)
    if not _is_frame(view, strength, rims, cheeks):
        return found
    weak = max(_WEAK, _RUGGED * cheeks)
    _mark(found, view.contrast, bar, weak)
    for rim, temple in zip(rims, (_LEFT_TEMPLE, _RIGHT_TEMPLE), strict=True):
        _mark(found, view.contrast, rim, weak)
        _mark(found, view.contrast, _find_arm(view, rim, temple), weak)
    for vertices in (face.LEFT_EYE, face.RIGHT_EYE):
        found[fill_hull(view, vertices, _LIDS) > 0] = 0
    return found


def find_rims(view: LevelView) -> list[Floats]:
    """(N, 2) each, where the rim around the left and the right eye runs, if the face wears glasses."""
    return [_find_rim(view, ring) for ring in (face.LEFT_EYE, face.RIGHT_EYE)]


def _is_frame(view: LevelView, bar: float, rims: list[Floats], cheeks: float) -> bool:
    """Whether what was followed is a frame: a bar above `_FAINT_BAR`, and where in doubt rims below both eyes."""
    if bar <= _CERTAIN_BAR and _measure_off_lids(view, rims) < _OFF_LIDS_PX:
        return False
    below = min(float(np.quantile(_read_along(view.contrast, rim[_BELOW_EYE]), _RIM_STEADY)) for rim in rims)
    if bar > BAR_CONTRAST:
        return bar > _STRONG_BAR or below > _RIM_BELOW
    return below > max(_CLEAR_RIM_BELOW, _BELOW_RUGGED * cheeks)


def _measure_off_lids(view: LevelView, rims: list[Floats]) -> float:
    """How far the paths below the eyes run from the lids, in pixels: the median of each, of the farther one."""
    off: list[float] = []
    for rim, ring in zip(rims, (face.LEFT_EYE, face.RIGHT_EYE), strict=True):
        lids = cv2.convexHull(view.points[list(ring)])
        off.append(
            float(np.median([-cv2.pointPolygonTest(lids, (float(x), float(y)), True) for x, y in rim[_BELOW_EYE]]))
        )
    return max(off)


def _read_along(contrast: Floats, path: Floats) -> Floats:
    """(N,) the contrast at each point of a path (N, 2)."""
    return np.asarray(cv2.remap(contrast, path[:, 0], path[:, 1], cv2.INTER_LINEAR), np.float32).ravel()


def from_level_view(mask: Mask, view: LevelView, shape: tuple[int, ...]) -> Mask:
    """A mask (h, w) of the level view in the picture of `shape`, (H, W) float32."""
    return np.asarray(
        cv2.warpAffine(mask, invert(view.affine), (shape[1], shape[0]), flags=cv2.INTER_LINEAR), np.float32
    )


def find_level_view(mesh: Mesh) -> Affine:
    """(2, 3) float32, from the picture to a view VIEW_PX large that has level eyes and a face WORK_WIDTH_PX wide."""
    across = mesh[263, :2] - mesh[33, :2]
    turn = across / max(float(np.linalg.norm(across)), 1e-6)
    scale = WORK_WIDTH_PX / max(face_width(mesh), 1.0)
    rotation = np.array([[turn[0], turn[1]], [-turn[1], turn[0]]]) * scale
    shift = np.array(_EYES_AT) - rotation @ mesh[[33, 263], :2].mean(0)
    return np.hstack([rotation, shift[:, None]]).astype(np.float32)


def level_face(pixels: Pixels, mesh: Mesh) -> LevelView:
    """The view of a (H, W, 3) uint8 RGB picture, of the face whose (468, 3) mesh is in its pixels."""
    affine = find_level_view(mesh)
    view = warp(pixels, affine, VIEW_PX, border=cv2.BORDER_REPLICATE)
    return LevelView(view, transform(mesh[:, :2], affine), affine)


def _measure_contrast(pixels: Pixels) -> Floats:
    """(H, W) Lab distance of each pixel from the median around it; colour counts for more than lightness."""
    lab = to_lab_codes(pixels)
    around = np.stack([cv2.medianBlur(np.ascontiguousarray(lab[..., i]), _AROUND_PX) for i in range(3)], 2)
    smooth = np.asarray(cv2.GaussianBlur(lab.astype(np.float32), (0, 0), 0.7), np.float32)
    return np.asarray(np.abs(smooth - around) @ np.array([1, 1.5, 1.5]), np.float32)


def _find_bar(view: LevelView) -> tuple[Floats, Floats]:
    """The contrast (N,) along the best path over the bridge, and its places (N, 2) in the view.

    Contrast is measured there alone: on most faces nothing else of it is wanted.
    """
    inner = float(view.points[133, 0]), float(view.points[362, 0])
    first, last = round(0.75 * inner[0] + 0.25 * inner[1]), round(0.25 * inner[0] + 0.75 * inner[1])
    columns = np.arange(first, max(last, first + 2) + 1)
    top = round(float(view.points[[8, 9], 1].mean()))
    rows = np.arange(top, max(round(float(view.points[195, 1])), top + 4))
    # In a part with all that is around the bridge, the contrast is that of the whole view.
    corner = np.clip([columns[0] - _AROUND_PX, rows[0] - _AROUND_PX], 0, np.array(VIEW_PX) - 1)
    part = view.pixels[corner[1] : max(rows[-1], corner[1]) + _AROUND_PX, corner[0] : columns[-1] + _AROUND_PX]
    places = np.stack(np.meshgrid(columns, rows), 2).astype(np.float32)
    contrast, path = _follow(_measure_contrast(part), places - corner.astype(np.float32))
    return contrast, path + corner.astype(np.float32)


def _find_rim(view: LevelView, ring: tuple[int, ...]) -> Floats:
    """(N, 2) the closed path of most contrast around an eye."""
    centre = view.points[list(ring)].mean(0)
    # Once around and half as far again on either side: the middle is closed.
    turns = np.arange(-_ANGLES // 2, _ANGLES + _ANGLES // 2) * (2 * np.pi / _ANGLES)
    radii = np.arange(*_RADII_PX, dtype=np.float32)[:, None]
    places = np.stack([centre[0] + radii * np.cos(turns), centre[1] + radii * np.sin(turns)], 2).astype(np.float32)
    hidden = [fill_hull(view, vertices, _LIDS) for vertices in (ring, face.LEFT_BROW, face.RIGHT_BROW)]
    free = np.where(np.maximum.reduce(hidden) > 0, np.float32(0), view.contrast)
    _, path = _follow(free, places)
    return path[_ANGLES // 2 : _ANGLES // 2 + _ANGLES]


def _find_arm(view: LevelView, rim: Floats, temple: int) -> Floats:
    """(N, 2) the path of most contrast from the rim to the temple; empty where they meet."""
    outwards = np.sign(view.points[temple, 0] - rim[:, 0].mean())
    start, end = rim[np.argmax(rim[:, 0] * outwards)], view.points[temple]
    count = int(abs(end[0] - start[0]))
    if count < _RUN or (end[0] - start[0]) * outwards <= 0:
        return np.empty((0, 2), np.float32)
    along = np.linspace(0, 1, count)[None, :, None]
    aside = np.arange(-10, 11, dtype=np.float32)[:, None, None] * np.array([0, 1], np.float32)
    _, path = _follow(view.contrast, (start + along * (end - start) + aside).astype(np.float32))
    return path


def _follow(contrast: Floats, places: Floats) -> tuple[Floats, Floats]:
    """The path of most contrast through the columns of `places`: contrast (N,) and places (N, 2) along it.

    `places` (R, N, 2) are x and y in `contrast`; a path takes one row of each column. Found by dynamic programming.
    """
    gain = np.asarray(cv2.remap(contrast, places[..., 0], places[..., 1], cv2.INTER_LINEAR), np.float32)
    count, came = len(gain), list[NDArray[np.intp]]()
    steps = np.arange(-_SIDESTEP_PX, _SIDESTEP_PX + 1)
    cost, rows = _CROOKED * np.abs(steps, dtype=np.float32)[:, None], np.arange(count)
    around = np.full(count + 2 * _SIDESTEP_PX, -np.inf, np.float32)
    best = around[_SIDESTEP_PX:-_SIDESTEP_PX]
    beside = sliding_window_view(around, count)  # (steps, rows): what each step to the side would bring
    best[:] = gain[:, 0]
    for column in np.ascontiguousarray(gain.T[1:]):
        options = beside - cost
        choice = options.argmax(0)
        came.append(choice)
        best[:] = options[choice, rows] + column
    row = int(best.argmax())
    path = [row]
    for choice in reversed(came):
        row += int(steps[choice[row]])
        path.append(row)
    order = np.array(path[::-1])
    columns = np.arange(gain.shape[1])
    return gain[order, columns], places[order, columns]


def _mark(found: Pixels, contrast: Floats, path: Floats, weak: float) -> None:
    """Set `found` to 1 where a rim is seen on and beside the path, in place."""
    if not len(path):
        return
    steady = cv2.blur(_read_along(contrast, path)[None], (_RUN, 1), borderType=cv2.BORDER_REFLECT)[0]
    for (x, y), strength in zip(path, steady, strict=True):
        if strength <= weak:
            continue
        left, top = max(0, round(float(x)) - _THICK_PX), max(0, round(float(y)) - _THICK_PX)
        part = slice(top, round(float(y)) + _THICK_PX + 1), slice(left, round(float(x)) + _THICK_PX + 1)
        found[part] |= (contrast[part] > max(_EDGE * strength, weak / 2)).astype(np.uint8)


def fill_hull(view: LevelView, vertices: tuple[int, ...], margin: float) -> Pixels:
    """(h, w) 1 inside the convex hull of the vertices and `margin` face widths around it."""
    filled = view.draw_nothing()
    hull = cv2.convexHull(view.points[list(vertices)])
    cv2.fillConvexPoly(filled, np.round(hull).astype(np.int32), (1,))
    return np.asarray(cv2.dilate(filled, disc(max(1, round(margin * WORK_WIDTH_PX)))), np.uint8)


def _measure_cheeks(view: LevelView) -> float:
    """The contrast that nine in ten of the cheeks' pixels stay below; 0 where the cheeks are outside the view."""
    cheeks = np.maximum.reduce([fill_hull(view, group, 0) for group in _CHEEKS])
    return float(np.quantile(view.contrast[cheeks > 0], 0.9)) if cheeks.any() else 0.0
