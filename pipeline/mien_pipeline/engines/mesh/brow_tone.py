"""The tone of brows: as dark as what is darkest in the target's face allows, and of a hue that hair has on its skin."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.grid import Box, Grid
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.light import average, blur
from mien_pipeline.skin.mask import disc
from mien_pipeline.skin.quantile import median, quantile

_BROWS, _EYES = (face.LEFT_BROW, face.RIGHT_BROW), (face.LEFT_EYE, face.RIGHT_EYE)
_AROUND, _LASHES, _SOFT, _OFF_FEATURES, _NEAR = 0.02, 0.012, 0.012, 0.02, 0.06  # face widths; the last a deviation
_SKIN, _BLACK, _SURE = 170.0, 8.0, 0.5  # code values that skin gets, and that are added to all, before a logarithm
# Of each face's features: the quantile of darkness that is their darkest; of a brow, that is its own.
_DARKEST, _OF_BROW = 0.97, 0.9
# Times the target's darkest, that a brow is at most; times it, that the reference's darkest is at least; the most gain.
# Of 20 faces the brows have .25 to .88 of what is darkest.
_MOST, _LEAST, _HAZE = 0.8, 0.6, 2.0
_LEAST_SHARE = 0.01  # of a change, that is made
_BEND = 4  # how suddenly the first sets in
# Times as vivid as skin, in logarithms of code values, that brows are; and how far from its hue. Brows of 20 faces have
# 1.1 to 2.1, but in blue light.
_VIVID, _OFF_HUE = (0.7, 2.0), 0.05


@dataclass(frozen=True, slots=True, eq=False)
class _Tone:
    """What a picture shows on the grid, in logarithms of code values, those of its skin being alike in all pictures.

    Attributes:
        scale: its code values are so multiplied before.
        around: (h, w, 3) float32, the skin around each place.
        darker: (h, w) float32, how much darker each place is than that.
    """

    scale: float
    around: Floats
    darker: Mask

    @classmethod
    def of(cls, pixels: Floats, skin: Mask, width: float) -> "_Tone":
        """`pixels` are (h, w, 3) float32 RGB code values, `skin` (h, w) above 0, 1 where bare skin is."""
        scale = _SKIN / max(median(average(pixels)[skin > _SURE]), 1.0)
        logs = _to_logs(pixels, scale)
        around = blur(np.asarray(logs * skin[..., None], np.float32), _NEAR * width)
        around /= blur(skin, _NEAR * width)[..., None]
        return cls(scale, around, average(np.asarray(around - logs, np.float32)))


def bound_brows(new: Pixels, target: Pixels, drawn: Pixels, shown: Mask, mesh: Mesh, grid: Grid) -> Pixels:
    """`new` with brows of a tone that suits the target, (H, W, 3) uint8 RGB.

    A hazy or blurred picture has nothing black, and a hazy reference's brows are bars of grey in a clear one.

    Args:
        new: the new face in the target's light.
        target: the target, drawn to the new shape.
        drawn: the reference on the same mesh, in its own light.
        shown: (H, W) float32 in 0..1, where the new face will show: what a frame covers asks for no darker brows.
        mesh: (468, 3) float32 in these pixels, (H, W, 3) uint8 RGB each.
        grid: over them.
    """
    points, width = grid.locate(mesh), face_width(mesh) / grid.step
    bare = grid.shrink(shown)
    seen = bare > _SURE
    brows = (_fill(points, _BROWS, grid, 0) > 0) & seen
    features = _fill(points, (*_BROWS, *_EYES, face.UNDER_NOSE), grid, _LASHES * width)
    off = cv2.dilate(features, disc(max(1, round(_OFF_FEATURES * width))))
    skin = np.asarray(_fill(points, (face.OVAL,), grid, 0) * (1 - off) * bare + 1e-3, np.float32)
    dark = (features > 0) & seen
    if not (brows.any() and (skin > _SURE).any()):
        return new
    small = (grid.shrink(np.asarray(each, np.float32)) for each in (new, target, drawn))
    here, there, before = (_Tone.of(each, skin, width) for each in small)
    darkest, had = (quantile(tone.darker[dark], _DARKEST) for tone in (there, before))
    most = _MOST * quantile(there.darker[features > 0], _DARKEST)
    own = max(quantile(here.darker[brows], _OF_BROW), 1e-3)
    gain = float(np.clip(_LEAST * darkest / max(had, 1e-3), 1, _HAZE))
    gain *= (1 + (gain * own / max(most, 1e-3)) ** _BEND) ** (-1 / _BEND)
    lids = _fill(points, _EYES, grid, _LASHES * width)
    share = blur(np.asarray(_fill(points, _BROWS, grid, _AROUND * width) * (1 - lids), np.float32), _SOFT * width)
    return _retone(new, grid, here, share, gain)


def _retone(new: Pixels, grid: Grid, tone: _Tone, share: Mask, gain: float) -> Pixels:
    """`new` (H, W, 3), its contrast with skin times `gain` and its hue bounded, at `share` (h, w)."""
    cells = Box.covering(np.asarray(share > _LEAST_SHARE, np.float32))
    if cells.empty:
        return new
    part = tuple(slice(each.start * grid.step, each.stop * grid.step) for each in cells.part)
    near = Grid(grid.step, cells.shape[1], cells.shape[0])
    full = near.enlarge(np.dstack([tone.around, share])[cells.part], new[part].shape)
    around, soft = full[..., :3], full[..., 3:]
    old = np.asarray(new[part], np.float32)
    logs = _to_logs(old, tone.scale)
    light, skin = average(logs)[..., None], average(around)[..., None]
    hue = _bound_hue(logs - light, around - skin)
    toned = (np.exp(skin + gain * (light - skin) + hue) - _BLACK) / tone.scale
    result = new.copy()
    result[part] = np.clip(old + soft * (toned - old) + 0.5, 0, 255).astype(np.uint8)
    return result


def _bound_hue(hue: Floats, skin: Floats) -> Floats:
    """(h, w, 3) the hue of hair near to `hue`, on skin of the hue `skin`: grey on grey skin, else brown."""
    vivid = (hue * skin).sum(2, keepdims=True) / np.maximum((skin * skin).sum(2, keepdims=True), _OFF_HUE**2)
    off = hue - vivid * skin
    length = np.sqrt((off * off).sum(2, keepdims=True))
    bounded = np.clip(vivid, *_VIVID) * skin + off * np.minimum(1, _OFF_HUE / np.maximum(length, 1e-6))
    return np.asarray(bounded, np.float32)


def _to_logs(pixels: Floats, scale: float) -> Floats:
    return np.asarray(np.log(np.maximum(pixels, 0) * np.float32(scale) + np.float32(_BLACK)), np.float32)


def _fill(points: Floats, rings: Sequence[tuple[int, ...]], grid: Grid, around: float) -> Mask:
    """(h, w) of the grid, 1 inside the rings of vertices and `around` them, in pixels of the grid, else 0."""
    filled = np.zeros((grid.height, grid.width), np.uint8)
    for ring in rings:
        cv2.fillPoly(filled, [np.round(points[list(ring)] * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
    return np.asarray(cv2.dilate(filled, disc(round(around))) if around >= 0.5 else filled, np.float32)
