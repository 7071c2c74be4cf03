"""Strands and curls of hair, and ears, that reach onto a face from its outline: rough where skin is smooth."""

from functools import cache

import cv2
import numpy as np

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.engines.mesh.bare_skin import forehead_mask
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.covers import Feature
from mien_pipeline.skin.light import average, blur
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import disc

_DARK = 12.0  # code values: darker than this tells nothing
_FINEST, _FINE, _NEAR = 0.003, 0.016, 0.02  # of the texture's side: a strand is thinner; what is judged together
# Contrast of log light. On 28 photographs nine tenths of a bare cheek have .16 at most, a wrinkled one too; close to
# the outline skin is smoother, and an ear is not.
_ROUGH, _ROUGH_AT_RIM = 0.15, 0.08
_OFF_FEATURES, _RIM, _NEAR_RIM, _GROWTH = 0.024, 0.02, 0.08, 0.012  # of the texture's side
# Curls before one cheek had .14, and the other cheek .08; of 27 faces without, no cheek that shows has both.
_GLARE, _LIGHTEST = 1.3, 0.9  # times the light below which this share of the cheeks lies
# Share of what is beside an eye. Amid curls it was .47, beside 26 that show .36 at most; of the texture's side.
_AMID, _AMID_REACH = 0.42, 0.06
_CURLED, _MORE = 0.12, 1.6  # contrast; times the other cheek's
_SEEN, _MOST = 0.3, 0.5  # facing of a cheek that can be judged; share of it
_CHEEK = (50, 101, 36, 205, 187, 123, 117, 118, 119, 100, 142, 207)


def find_strands(colour: Pixels, jaw: Mask, *, bearded: bool, glasses: bool) -> Mask:
    """(S, S) float32 in 0..1: 1 where something rough or glaring, that begins at the outline, hides the skin.

    An eye amid such is no better seen than the skin around it, and belongs to it.

    Args:
        colour: (S, S, 3) uint8 RGB on the canonical mesh.
        jaw: (S, S) float32 in 0..1, where a beard would grow.
        bearded, glasses: whether one does; whether rims are rough beside the eyes.
    """
    small = np.asarray(cv2.resize(colour, (WORK_SIDE, WORK_SIDE), interpolation=cv2.INTER_AREA), np.float32)
    below = cv2.resize(jaw, (WORK_SIDE, WORK_SIDE), interpolation=cv2.INTER_AREA) > 0.5
    beside = _rim_mask(_NEAR_RIM) & ~below & ~forehead_mask()
    rough = measure_roughness(colour) > np.where(beside, _ROUGH_AT_RIM, _ROUGH)
    found = _from_outline((rough & _skin_mask() & ~(below & bearded)) | _find_glare(small))
    for region, around in () if glasses else _eye_regions():
        if found[around].mean() > _AMID:
            found |= region
    grown = cv2.dilate(found.astype(np.uint8), disc(round(_GROWTH * WORK_SIDE)))
    soft = blur(grown.astype(np.float32), 0.5 * _GROWTH * WORK_SIDE)
    return np.asarray(cv2.resize(soft, colour.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _from_outline(found: Choice) -> Choice:
    """(h, w) what of `found` hangs together with the outline."""
    _, labels = cv2.connectedComponents(found.astype(np.uint8), connectivity=8)
    return np.asarray(np.isin(labels, np.unique(labels[found & _rim_mask(_RIM)])) & found)


def _find_glare(colour: Floats) -> Choice:
    """(h, w) hair with light behind it, before forehead, temples and brows: it outshines all of the cheeks."""
    light = average(colour)
    cheeks = np.logical_or.reduce(list(_cheek_masks().values()))
    return np.asarray(_forehead_mask() & (light > _GLARE * np.quantile(light[cheeks], _LIGHTEST)))


def find_curled_half(colour: Pixels, facing: Mask) -> Feature | None:
    """The eye of the half before which curls hang, where the other cheek is bare; arguments as of `find_strands`.

    `facing` is (S, S) in 0..1; a cheek that hardly faces the viewer is not judged.
    """
    rough = measure_roughness(colour)
    seen = cv2.resize(facing, (WORK_SIDE, WORK_SIDE), interpolation=cv2.INTER_AREA) > _SEEN
    if any(seen[cheek].mean() < _MOST for cheek in _cheek_masks().values()):
        return None
    medians: dict[Feature, float] = {name: float(np.median(rough[cheek])) for name, cheek in _cheek_masks().items()}
    curled: Feature = max(medians, key=lambda name: medians[name])
    return curled if medians[curled] > max(_CURLED, _MORE * min(medians.values())) else None


def measure_roughness(colour: Pixels) -> Floats:
    """(WORK_SIDE, WORK_SIDE) contrast of what is as fine as a strand, around each place of a texture."""
    small = cv2.resize(colour, (WORK_SIDE, WORK_SIDE), interpolation=cv2.INTER_AREA)
    light = np.log(average(np.asarray(small, np.float32)) + _DARK).astype(np.float32)
    fine: Floats = blur(light, _FINEST * WORK_SIDE) - blur(light, _FINE * WORK_SIDE)
    return np.sqrt(blur(np.square(fine, dtype=np.float32), _NEAR * WORK_SIDE))


@cache
def _skin_mask() -> Choice:
    """(WORK_SIDE, WORK_SIDE) True on a face, away from its features."""
    features = np.max([fill_texture(ring) for ring in face.FEATURES], axis=0)
    grown = cv2.dilate(features, disc(round(_OFF_FEATURES * WORK_SIDE)))
    return np.asarray((fill_texture(face.OVAL) > 0) & (grown == 0))


@cache
def _rim_mask(width: float) -> Choice:
    """(WORK_SIDE, WORK_SIDE) True inside the outline, up to `width` of the side away from it."""
    return np.asarray((cv2.erode(fill_texture(face.OVAL), disc(round(width * WORK_SIDE))) == 0) & _skin_mask())


@cache
def _cheek_masks() -> dict[Feature, Choice]:
    """(WORK_SIDE, WORK_SIDE) True on the cheek below each eye."""
    right = tuple(int(vertex) for vertex in topology().mirror[list(_CHEEK)])
    cheeks: dict[Feature, tuple[int, ...]] = {"left eye": _CHEEK, "right eye": right}
    masks: dict[Feature, Choice] = {}
    for name, ring in cheeks.items():
        hull, filled = cv2.convexHull(topology().uv[list(ring)] * WORK_SIDE), np.zeros((WORK_SIDE, WORK_SIDE), np.uint8)
        cv2.fillConvexPoly(filled, np.round(hull).astype(np.int32), (1,))
        masks[name] = np.asarray((filled > 0) & _skin_mask())
    return masks


@cache
def _forehead_mask() -> Choice:
    """(WORK_SIDE, WORK_SIDE) True on all that is above the eyes' lower lids, but the eyes."""
    lids = int(topology().uv[[145, 374], 1].max() * WORK_SIDE)
    above = fill_texture(face.OVAL) > 0
    above[lids:] = False
    return np.asarray(above & (fill_texture(face.LEFT_EYE) == 0) & (fill_texture(face.RIGHT_EYE) == 0))


@cache
def _eye_regions() -> tuple[tuple[Choice, Choice], ...]:
    """(WORK_SIDE, WORK_SIDE) True on each eye with its brow, and on the skin beside them, up to the brow's height."""
    regions: list[tuple[Choice, Choice]] = []
    for eye, brow in ((face.LEFT_EYE, face.LEFT_BROW), (face.RIGHT_EYE, face.RIGHT_BROW)):
        filled = np.maximum(fill_texture(eye), fill_texture(brow))
        near, wide = (cv2.dilate(filled, disc(round(r * WORK_SIDE))) > 0 for r in (_OFF_FEATURES, _AMID_REACH))
        wide[: int(topology().uv[list(brow), 1].min() * WORK_SIDE)] = False  # a fringe leaves an eye free
        regions.append((np.asarray(near), np.asarray(wide & _skin_mask())))
    return tuple(regions)
