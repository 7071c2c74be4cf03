"""Which pixels of a face are its own: the oval, less hair, glasses and whatever else covers the skin.

There is no parsing network. Skin is learnt from each face anew: its colours on cheeks, nose and brow against those
around the head, a two-class histogram in Lab after Jones & Rehg 1999 (statistical color models), with the place in
the oval as prior.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Pixels

WORK_WIDTH_PX = 144  # faces are looked at this wide; the edges come back from the full picture
OVAL_FEATHER = 0.03  # of the face's width, inwards from the oval's edge

_BINS = 32  # a channel
_TEXTURE_BINS = 32
# What a colour that nobody has met counts for: as skin by its distance from the skin that is known, in bins of
# lightness and of either hue; as something else, anything.
_SHADE, _SHADE_BINS, _NEVER, _ANYTHING = 1e-4, (4.4, 3.0, 3.0), 1e-9, 1e-5
_ROUNDS = 3
_STRAND = 0.025  # face widths: skin seen between strands is narrower than twice this
_PRIOR_AT_EDGE, _PRIOR_INSIDE, _PRIOR_DEPTH = 0.55, 0.98, 0.16
_RING = (0.02, 0.22)  # where hair and background are learnt, face widths outside the oval
_SMALLEST_ISLAND = 0.006  # face widths squared: freckles, highlights and nostrils are no occlusions
_SMALLEST_COVER = 0.02  # face widths squared outside eyes, brows, nose and mouth before something covers these too
COVERED = 0.5  # of a feature, before something covers it
PAINTED_EYE = 0.75  # the same for eyes and brows where paint that touches a lock of hair must not count as hair
_GUIDE_RADIUS, _GUIDE_EPSILON = 0.02, 1e-3  # of the guided filter, He et al. 2013

_SEED_DISTANCE = 40.0  # in Lab, colour counting twice

_CHEEK = (117, 118, 101, 36, 205, 187, 123, 50)
_NOSE_RIDGE = (6, 197, 195, 5, 4, 45, 275, 51, 281)
_LOW_FOREHEAD = (8, 9, 55, 285, 107, 336, 66, 296)
_NOSE_HULL = (168, 114, 343, 217, 437, 198, 420, 48, 278, 98, 327, 2, 64, 294)


@dataclass(frozen=True, eq=False)
class _View:
    """The face at working size: `lab` (h, w, 3), `points` (468, 2), its `width` in px, and when an eye is covered."""

    lab: Floats
    points: Floats
    width: float
    covered_eye: float

    def fill(self, vertices: tuple[int, ...], margin: float = 0.0) -> NDArray[np.uint8]:
        """1 inside the convex hull of the vertices grown by `margin` face widths."""
        hull = cv2.convexHull(self.points[list(vertices)])
        return self._fill_polygon(np.round(hull * 16).astype(np.int32), margin)

    @cached_property
    def oval(self) -> Pixels:
        return self._fill_polygon(np.round(self.points[list(face.OVAL)] * 16).astype(np.int32), 0)

    @cached_property
    def seed(self) -> NDArray[np.bool_]:
        """What is skin if anything is: cheeks, the nose's ridge, between the brows."""
        filled = [self.fill(group) for group in (_CHEEK, _other_side(_CHEEK), _NOSE_RIDGE, _LOW_FOREHEAD)]
        asked = np.asarray(np.maximum.reduce(filled) > 0)
        if not asked.any():
            return asked
        # The bar of dark glasses or a lock of hair may lie across: what is far from most of it is none of it.
        distance = np.abs(self.lab - np.median(self.lab[asked], axis=0)) @ np.array([1, 2, 2])
        near = distance <= max(_SEED_DISTANCE, 3 * float(np.median(distance[asked])))
        return np.asarray(asked & near)

    @cached_property
    def feature_masks(self) -> list[tuple[NDArray[np.bool_], float]]:
        """Eyes, brows, nose and mouth, not of skin's colour and part of the face all the same; and when not."""
        grown = (
            (face.LEFT_EYE, 0.03, self.covered_eye),
            (face.RIGHT_EYE, 0.03, self.covered_eye),
            (face.LEFT_BROW, 0.015, self.covered_eye),
            (face.RIGHT_BROW, 0.015, self.covered_eye),
            (_NOSE_HULL, 0.0, COVERED),
            (face.OUTER_LIPS, 0.01, COVERED),
        )
        return [(self.fill(vertices, margin) > 0, share) for vertices, margin, share in grown]

    @cached_property
    def features(self) -> NDArray[np.bool_]:
        return np.asarray(np.logical_or.reduce([inside for inside, _ in self.feature_masks]))

    def _fill_polygon(self, polygon: NDArray[np.int32], margin: float) -> NDArray[np.uint8]:
        filled = np.zeros(self.lab.shape[:2], np.uint8)
        cv2.fillPoly(filled, [polygon], (1,), shift=4)
        radius = round(margin * self.width)
        return np.asarray(cv2.dilate(filled, disc(radius)), np.uint8) if radius > 0 else filled


def face_mask(pixels: Pixels, mesh: Floats) -> Floats:
    """(H, W) float32 in 0..1: the soft oval of a mesh in a crop's coordinates, less all that is not its skin."""
    return np.minimum(oval_mask(pixels.shape[:2], mesh), skin_mask(pixels, mesh))


def oval_mask(shape: tuple[int, ...], mesh: Floats, feather: float = OVAL_FEATHER) -> Floats:
    """(H, W) float32: 0 outside the mesh's outline, rising to 1 over `feather` face widths inside it."""
    filled = np.zeros(shape[:2], np.uint8)
    outline = cv2.convexHull(mesh[list(face.OVAL), :2].astype(np.float32))
    cv2.fillPoly(filled, [np.round(outline * 16).astype(np.int32)], (1,), shift=4)
    depth = np.asarray(cv2.distanceTransform(filled, cv2.DIST_L2, 3), np.float32)
    return smooth_step(depth / max(feather * face_width(mesh), 1.0))


def skin_mask(pixels: Pixels, mesh: Floats, covered_eye: float = PAINTED_EYE) -> Floats:
    """(H, W) float32: 1 on this face's own skin, eyes, brows and lips, 0 on what covers or frames them.

    An eye or a brow counts as covered when `covered_eye` of it is.
    """
    scale = min(1.0, WORK_WIDTH_PX / max(face_width(mesh), 1.0))
    size = max(8, round(pixels.shape[1] * scale)), max(8, round(pixels.shape[0] * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    points = ((mesh[:, :2] + 0.5) * scale - 0.5).astype(np.float32)
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32)
    view = _View(lab, points, face_width(mesh) * scale, covered_eye)
    return _enlarge(_find_skin(view), small, pixels, max(1, round(_GUIDE_RADIUS * view.width)))


def covers_features(skin: Floats, mesh: Floats) -> bool:
    """Whether something lies over an eye, the nose or the mouth, by the face's own `skin` mask."""
    for ring in (face.LEFT_EYE, face.RIGHT_EYE, _NOSE_HULL, face.OUTER_LIPS):
        inside = np.zeros(skin.shape, np.uint8)
        hull = cv2.convexHull(mesh[list(ring), :2].astype(np.float32))
        cv2.fillConvexPoly(inside, np.round(hull).astype(np.int32), (1,))
        seen = skin[inside > 0]
        if len(seen) and float(seen.mean()) < 1 - COVERED:
            return True
    return False


def cheek_mask(shape: tuple[int, ...], mesh: Floats) -> Floats:
    """(H, W) 1 on both cheeks, the plainest skin of a face."""
    filled = np.zeros(shape[:2], np.uint8)
    for side in (_CHEEK, _other_side(_CHEEK)):
        hull = cv2.convexHull(mesh[list(side), :2].astype(np.float32))
        cv2.fillConvexPoly(filled, np.round(hull).astype(np.int32), (1,))
    return filled.astype(np.float32)


def smooth_step(x: Floats) -> Floats:
    """0 below 0, 1 above 1, with level ends."""
    t = np.clip(x, 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def disc(radius: int) -> NDArray[np.uint8]:
    """A round structuring element."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def _other_side(vertices: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(vertex) for vertex in topology().mirror[list(vertices)])


def _find_skin(view: _View) -> Floats:
    """Probability of skin at working size, features included."""
    likely = _learn_skin(view)
    oval = view.oval
    cover = ((likely < 0.4) & (oval > 0)).astype(np.uint8)
    cover = np.asarray(cv2.morphologyEx(cover, cv2.MORPH_OPEN, disc(max(1, round(0.012 * view.width)))), np.uint8)
    large = _find_covers(cover, view.features, _SMALLEST_COVER * view.width**2)
    for inside, share in view.feature_masks:
        if np.count_nonzero(large & inside) < share * np.count_nonzero(inside):
            likely[inside] = 1
    likely = _fill_islands(likely, oval, _SMALLEST_ISLAND * view.width**2)
    return np.minimum(likely, _keep_one_piece(likely, view.seed, view.width))


def _learn_skin(view: _View) -> Floats:
    """(h, w) probability by colour, texture and place, learnt from this face in a few rounds."""
    bins, grain = _bin_colours(view), _bin_textures(view)
    oval = view.oval
    depth = np.asarray(cv2.distanceTransform(oval, cv2.DIST_L2, 5), np.float32) / view.width
    prior = _PRIOR_AT_EDGE + (_PRIOR_INSIDE - _PRIOR_AT_EDGE) * np.clip(depth / _PRIOR_DEPTH, 0, 1)
    seed, ring = view.seed.astype(np.float32), _find_ring(view)
    inside = (oval > 0) & ~view.features
    skin, other = seed, ring
    likely = np.zeros_like(prior)
    shades, anything = _expect_unseen(bins, view.seed), np.full(_BINS**3, _ANYTHING, np.float64)
    for _ in range(_ROUNDS):
        of_skin = _count_colours(bins, skin, shades)[bins] * _count_textures(grain, skin)[grain]
        of_other = _count_colours(bins, other, anything)[bins] * _count_textures(grain, other)[grain]
        ratio = of_skin / (of_skin + of_other)
        likely = prior * ratio / (prior * ratio + (1 - prior) * (1 - ratio))
        skin = np.maximum(seed, likely * (inside & (likely > 0.5)))
        # Ears and a bare scalp lie in the ring too: what looks like skin there teaches nothing about hair.
        other = np.where(inside, (1 - likely) * (likely < 0.3), ring * (1 - ratio))
    return np.asarray(cv2.GaussianBlur(likely.astype(np.float32), (0, 0), 0.8), np.float32)


def _keep_one_piece(likely: Floats, seed: NDArray[np.bool_], width: float) -> Floats:
    """What hangs together with the cheeks by more than a strand: locks between hair are not skin."""
    reach = disc(max(1, round(_STRAND * width)))
    solid = cv2.morphologyEx((likely > 0.5).astype(np.uint8), cv2.MORPH_OPEN, reach)
    _, labels = cv2.connectedComponents(solid, connectivity=4)
    wanted = np.unique(labels[seed & (labels > 0)])
    piece = np.isin(labels, wanted).astype(np.uint8)
    return np.asarray(cv2.blur(cv2.dilate(piece, reach).astype(np.float32), (3, 3)), np.float32)


def _bin_colours(view: _View) -> NDArray[np.int32]:
    """(h, w) number of each pixel's Lab bin; lightness relative to this face's own skin."""
    middle = float(np.median(view.lab[..., 0][view.seed])) if view.seed.any() else 128.0
    lightness = np.clip(view.lab[..., 0] * (150 / max(middle, 1.0)), 0, 255)
    # Skin and hair differ by less in a and b than the 8 bits span.
    a, b = (np.clip((view.lab[..., i] - 128) * 2 + 128, 0, 255) for i in (1, 2))
    steps = [np.asarray(channel // (256 // _BINS), np.int32) for channel in (lightness, a, b)]
    return (steps[0] * _BINS + steps[1]) * _BINS + steps[2]


def _bin_textures(view: _View) -> NDArray[np.int32]:
    """(h, w) number of each pixel's bin of local contrast, in steps of a third of an octave."""
    lightness = view.lab[..., 0]
    detail = lightness - np.asarray(cv2.GaussianBlur(lightness, (0, 0), 0.015 * view.width), np.float32)
    energy = np.asarray(cv2.GaussianBlur(detail * detail, (0, 0), 0.015 * view.width), np.float32)
    steps = np.log2(np.sqrt(energy) / (lightness + 8) + 1e-3) * 3 + 30
    return np.asarray(np.clip(steps, 0, _TEXTURE_BINS - 1), np.int32)


def _expect_unseen(bins: NDArray[np.int32], seed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(32768,) how far a colour that was not seen on the seed may be its skin in another light."""
    channels = np.stack(np.unravel_index(bins[seed], (_BINS, _BINS, _BINS)))
    middle = np.median(channels, axis=1) if seed.any() else np.full(3, _BINS / 2)
    away = (np.arange(_BINS) - middle[:, None]) / np.array(_SHADE_BINS)[:, None]
    lightness, a, b = np.exp(-(away**2) / 2)
    near = lightness[:, None, None] * a[:, None] * b
    return np.asarray(_SHADE * near.ravel() + _NEVER, np.float64)


def _count_colours(bins: NDArray[np.int32], weight: Floats, unseen: NDArray[np.float64]) -> Floats:
    """(32768,) smoothed probability of each Lab bin, where `unseen` is what those have that `weight` never met."""
    counts = np.asarray(np.bincount(bins.ravel(), weight.ravel(), _BINS**3), np.float64).reshape(_BINS, _BINS, _BINS)
    for axis in range(3):
        for _ in range(2):
            counts = (np.roll(counts, 1, axis) + 2 * counts + np.roll(counts, -1, axis)) / 4
    total = max(float(counts.sum()), 1e-6)
    return np.asarray((counts.ravel() / total + unseen) / (1 + unseen.sum()), np.float32)


def _count_textures(bins: NDArray[np.int32], weight: Floats) -> Floats:
    """(32,) smoothed probability of each bin of contrast."""
    counts = np.asarray(np.bincount(bins.ravel(), weight.ravel(), _TEXTURE_BINS), np.float64)
    for _ in range(3):
        counts = (np.roll(counts, 1) + 2 * counts + np.roll(counts, -1)) / 4
    total = max(float(counts.sum()), 1e-6)
    return ((counts + 0.01 * total) / (total * (1 + 0.01 * _TEXTURE_BINS))).astype(np.float32)


def _find_ring(view: _View) -> Floats:
    """1 around the head, above the mouth."""
    away = np.asarray(cv2.distanceTransform(1 - view.oval, cv2.DIST_L2, 5), np.float32) / view.width
    between = (away > _RING[0]) & (away <= _RING[1])
    up = view.points[10] - view.points[152]
    mouth = view.points[[61, 291]].mean(0)
    rows, columns = np.mgrid[: between.shape[0], : between.shape[1]]
    above = (columns - mouth[0]) * up[0] + (rows - mouth[1]) * up[1] > 0
    return np.asarray(between * above, np.float32)


def _find_covers(cover: Pixels, features: NDArray[np.bool_], area: float) -> NDArray[np.bool_]:
    """What covers more than `area` of plain skin, all of it: fringe, hand, cup, dark glasses."""
    _, labels = cv2.connectedComponents(cover, connectivity=8)
    outside = np.bincount(labels[~features], minlength=int(labels.max()) + 1)
    large = outside > area
    large[0] = False
    return np.asarray(large[np.asarray(labels, np.int32)], np.bool_)


def _fill_islands(likely: Floats, oval: NDArray[np.uint8], area: float) -> Floats:
    """Specks of either kind become what surrounds them."""
    result = likely.copy()
    for value, speck in ((1.0, (likely < 0.5) & (oval > 0)), (0.0, (likely >= 0.5) & (oval > 0))):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(speck.astype(np.uint8), connectivity=8)
        small = stats[:, cv2.CC_STAT_AREA] < area
        small[0] = False
        result[small[np.asarray(labels, np.int32)]] = value
    return result


def _enlarge(likely: Floats, small: Pixels, full: Pixels, radius: int) -> Floats:
    """`likely` at the size of `full`, its edges put where the picture's edges are: the fast guided filter."""
    guide = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(values: NDArray[np.floating]) -> Floats:
        return np.asarray(cv2.blur(np.asarray(values, np.float32), window), np.float32)

    guide_mean, likely_mean = mean(guide), mean(likely)
    slope = (mean(guide * likely) - guide_mean * likely_mean) / (mean(guide * guide) - guide_mean**2 + _GUIDE_EPSILON)
    offset = likely_mean - slope * guide_mean
    size = (full.shape[1], full.shape[0])
    fine_slope, fine_offset = (np.asarray(cv2.resize(mean(part), size), np.float32) for part in (slope, offset))
    fine_guide = np.asarray(cv2.cvtColor(full, cv2.COLOR_RGB2GRAY), np.float32) / 255
    return np.asarray(np.clip(fine_slope * fine_guide + fine_offset, 0, 1), np.float32)
