"""Which pixels of a face are its own: the oval, less hair, glasses and other covers."""

import math
from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_lab_codes
from mien_pipeline.media.pyramid import shrink
from mien_pipeline.skin.likelihood import Choice, learn_skin

WORK_WIDTH_PX = 144  # of a face while its skin is learnt; the edges come back from the full picture
OVAL_FEATHER = 0.03  # of the face's width, inwards from the oval's edge
COVERED = 0.5  # a feature counts as covered when this share of it is
PAINTED_EYE = 0.75  # the same for eyes and brows where paint that touches a lock of hair must not count as hair

_STRAND = 0.025  # face widths: skin seen between strands is narrower than twice this
_SMALLEST_ISLAND = 0.006  # face widths squared: freckles, highlights and nostrils are no covers
# Face widths squared of plain skin (outside eyes, brows, nose and mouth) that a cover hides before it may hide those.
_SMALLEST_COVER = 0.02
_GUIDE_RADIUS, _GUIDE_EPSILON = 0.02, 1e-3  # of the guided filter, He et al. 2013; the radius in face widths
_SEED_DISTANCE = 40.0  # in Lab, colour counting twice
# Skin of 430 faces: hue 50° in Lab, 32° either side; chroma .16 of its lightness. Below 3 a hue says nothing.
_SKIN_HUE_DEG, _SKIN_HUE_SPREAD_DEG, _SKIN_SATURATION, _NO_CHROMA = 50.0, 32.0, 0.16, 3.0
# A part of the face with less than this of the best part's likeness is covered; where no part has any, all count.
_LIKE_THE_BEST, _LEAST_LIKENESS = 0.55, 0.07
_UNLIKE = 40.0  # by `measure_apart`: shine is pale too, but nearer to skin

_CHEEK = (117, 118, 101, 36, 205, 187, 123, 50)
_UNDER_EYE = (117, 118, 119, 120, 121, 110, 230, 229, 228)
_NOSE_RIDGE = (6, 197, 195, 5, 4, 45, 275, 51, 281)
_LOW_FOREHEAD = (8, 9, 55, 285, 107, 336, 66, 296)
_NOSE_HULL = (168, 114, 343, 217, 437, 198, 420, 48, 278, 98, 327, 2, 64, 294)


@dataclass(frozen=True, eq=False)
class FaceView:
    """The face at working size, WORK_WIDTH_PX wide at most.

    Attributes:
        lab: (h, w, 3) float32, OpenCV's 8-bit Lab.
        points: (468, 2) float32, the mesh in its pixels.
        width: of the face, in its pixels.
        covered_eye: the share of an eye or a brow from which it counts as covered.
    """

    lab: Floats
    points: Floats
    width: float
    covered_eye: float

    def fill(self, vertices: tuple[int, ...], margin: float = 0.0) -> Pixels:
        """(h, w) 1 inside the convex hull of the vertices, `margin` face widths larger all around."""
        hull = cv2.convexHull(self.points[list(vertices)])
        return self._fill_polygon(np.round(hull * 16).astype(np.int32), margin)

    @cached_property
    def oval(self) -> Pixels:
        """(h, w) 1 inside the face's outline."""
        return self._fill_polygon(np.round(self.points[list(face.OVAL)] * 16).astype(np.int32), 0)

    @cached_property
    def bare_groups(self) -> tuple[list[Choice], list[Choice]]:
        """Where skin is surest, (h, w) each: what looks like skin beside the rest, and what does not.

        A mask, a scarf or a cup may cover most of the face: what counts is which of them is the most like skin.
        """
        filled = [self.fill(group) > 0 for group in (*plain_skin(), _LOW_FOREHEAD, *under_eyes())]
        seen = [group for group in filled if group.any()]
        colours = [np.median(self._read(group), axis=0) for group in seen]
        likeness = [resemble_skin(colour) for colour in colours]
        least = max(likeness, default=0.0) * _LIKE_THE_BEST
        if least < _LEAST_LIKENESS:  # a grey picture, or coloured light
            return seen, []
        skin = np.median([colour for colour, like in zip(colours, likeness, strict=True) if like >= least], axis=0)
        groups = list(zip(seen, colours, likeness, strict=True))
        unlike = [like < least and measure_apart(colour, skin) > _UNLIKE for _, colour, like in groups]
        return (
            [group for group, other in zip(seen, unlike, strict=True) if not other],
            [group for group, other in zip(seen, unlike, strict=True) if other],
        )

    @cached_property
    def seed(self) -> Choice:
        """(h, w) the surest skin: cheeks, the nose's ridge, between the brows, less what something covers."""
        asked = np.zeros(self.lab.shape[:2], np.bool_)
        for group in self.bare_groups[0]:
            asked |= group
        if not asked.any():
            return asked
        # The bar of dark glasses or a lock of hair may lie across: leave out what is far from most of it.
        away = np.asarray(np.abs(self.lab - np.median(self.lab[asked], axis=0)), np.float32)
        distance = np.asarray(cv2.transform(away, np.array([[1, 2, 2]], np.float32)), np.float32)
        near = distance <= max(_SEED_DISTANCE, 3 * float(np.median(distance[asked])))
        return np.asarray(asked & near)

    @cached_property
    def feature_masks(self) -> list[tuple[Choice, float]]:
        """Eyes, brows, nose and mouth: part of the face, other colours; each with the share that covers it."""
        sizes = (
            (face.LEFT_EYE, 0.03, self.covered_eye),
            (face.RIGHT_EYE, 0.03, self.covered_eye),
            (face.LEFT_BROW, 0.015, self.covered_eye),
            (face.RIGHT_BROW, 0.015, self.covered_eye),
            (_NOSE_HULL, 0.0, COVERED),
            (face.OUTER_LIPS, 0.01, COVERED),
        )
        return [(self.fill(vertices, margin) > 0, share) for vertices, margin, share in sizes]

    @cached_property
    def features(self) -> Choice:
        """(h, w) all of `feature_masks`."""
        return np.asarray(np.logical_or.reduce([inside for inside, _ in self.feature_masks]))

    def _read(self, group: Choice) -> Floats:
        """(N, 3) the colours of a small part of the view."""
        left, top, width, height = cv2.boundingRect(group.view(np.uint8))
        part = slice(top, top + height), slice(left, left + width)
        return self.lab[part][group[part]]

    def _fill_polygon(self, polygon: NDArray[np.int32], margin: float) -> Pixels:
        filled = np.zeros(self.lab.shape[:2], np.uint8)
        cv2.fillPoly(filled, [polygon], (1,), shift=4)
        radius = round(margin * self.width)
        return np.asarray(cv2.dilate(filled, disc(radius)), np.uint8) if radius > 0 else filled


def face_mask(pixels: Pixels, mesh: Mesh) -> Mask:
    """(H, W) float32 in 0..1: the soft oval, less everything in it that is not the face's own.

    `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) in its pixels.
    """
    return np.minimum(oval_mask(pixels.shape[:2], mesh), skin_mask(pixels, mesh))


def oval_mask(shape: tuple[int, ...], mesh: Mesh, feather: float = OVAL_FEATHER) -> Mask:
    """(H, W) float32 in 0..1: 0 outside the mesh's outline, rising to 1 over `feather` face widths inside it.

    `shape` begins with H and W; `mesh` is (468, 3) in that picture's pixels.
    """
    filled = np.zeros(shape[:2], np.uint8)
    outline = cv2.convexHull(mesh[list(face.OVAL), :2].astype(np.float32))
    cv2.fillPoly(filled, [np.round(outline * 16).astype(np.int32)], (1,), shift=4)
    depth = np.asarray(cv2.distanceTransform(filled, cv2.DIST_L2, 3), np.float32)
    return smooth_step(depth / max(feather * face_width(mesh), 1.0))


def below_hairline(shape: tuple[int, ...], mesh: Mesh, feather: float) -> Mask:
    """(H, W) float32 in 0..1: 0 above the upper end of the mesh, rising to 1 over `feather` face widths down the face.

    `shape` begins with H and W; `mesh` is (468, 3) in that picture's pixels.
    """
    points = mesh[:, :2].astype(np.float32)
    up = points[face.OVAL[0]] - points[face.NOSE[0]]
    up /= max(float(np.linalg.norm(up)), 1e-6)
    rows, columns = np.arange(shape[0], dtype=np.float32)[:, None], np.arange(shape[1], dtype=np.float32)
    below = float((points[list(face.OVAL)] @ up).max()) - (columns * up[0] + rows * up[1])
    return smooth_step(np.asarray(below / max(feather * face_width(mesh), 1.0), np.float32))


def skin_mask(pixels: Pixels, mesh: Mesh, covered_eye: float = PAINTED_EYE) -> Mask:
    """(H, W) float32 in 0..1: 1 on this face's own skin, eyes, brows and lips, 0 on what covers or frames them.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        mesh: (468, 3) float32 in its pixels.
        covered_eye: the share of an eye or a brow from which it counts as covered.
    """
    small, view = view_face(pixels, mesh, covered_eye)
    return skin_in_view(pixels, small, view, np.zeros(small.shape[:2], np.bool_))


def skin_in_view(pixels: Pixels, small: Pixels, view: FaceView, covers: Choice) -> Mask:
    """As `skin_mask`, of what `view_face` made of `pixels`; `covers` (h, w) bool is known to be no part of the face."""
    return _enlarge(_find_skin(view, covers), small, pixels, max(1, round(_GUIDE_RADIUS * view.width)))


def view_face(pixels: Pixels, mesh: Mesh, covered_eye: float = PAINTED_EYE) -> tuple[Pixels, FaceView]:
    """The picture at working size, (h, w, 3) uint8 RGB, and the view of the face in it; arguments as `skin_mask`."""
    scale = min(1.0, WORK_WIDTH_PX / max(face_width(mesh), 1.0))
    size = max(8, round(pixels.shape[1] * scale)), max(8, round(pixels.shape[0] * scale))
    small = shrink(pixels, size)
    points = ((mesh[:, :2] + 0.5) * scale - 0.5).astype(np.float32)
    lab = np.asarray(to_lab_codes(small), np.float32)
    return small, FaceView(lab, points, face_width(mesh) * scale, covered_eye)


def resemble_skin(lab: Floats) -> float:
    """0..1, how much a colour is like human skin of any shade: its hue, and how strong that is for its lightness.

    `lab` is (3,), OpenCV's 8-bit Lab. White, black and grey things are too pale, blue and green ones far in hue.
    """
    lightness, a, b = float(lab[0]) * 100 / 255, float(lab[1]) - 128, float(lab[2]) - 128
    chroma = math.hypot(a, b)
    hue = math.exp(-(((math.degrees(math.atan2(b, a)) - _SKIN_HUE_DEG) / _SKIN_HUE_SPREAD_DEG) ** 2))
    return hue * min(1.0, chroma / max(lightness, 1.0) / _SKIN_SATURATION) * chroma / (chroma + _NO_CHROMA)


def covers_features(skin: Mask, mesh: Mesh) -> bool:
    """Whether something covers an eye, the nose or the mouth.

    `skin` is the face's own mask, (H, W) float32 in 0..1; `mesh` is (468, 3) in its pixels.
    """
    for ring in (face.LEFT_EYE, face.RIGHT_EYE, _NOSE_HULL, face.OUTER_LIPS):
        inside = np.zeros(skin.shape, np.uint8)
        hull = cv2.convexHull(mesh[list(ring), :2].astype(np.float32))
        cv2.fillConvexPoly(inside, np.round(hull).astype(np.int32), (1,))
        seen = skin[inside > 0]
        if len(seen) and float(seen.mean()) < 1 - COVERED:
            return True
    return False


def measure_apart(one: Floats, other: Floats) -> float:
    """How far two colours (3,) of OpenCV's 8-bit Lab are apart: hue counts four times what lightness does."""
    return float(np.abs(one - other) @ np.array([0.5, 2, 2]))


def cheek_mask(shape: tuple[int, ...], mesh: Mesh) -> Mask:
    """(H, W) float32: 1 on both cheeks, the plainest skin of a face, else 0.

    `shape` begins with H and W; `mesh` is (468, 3) in that picture's pixels.
    """
    filled = np.zeros(shape[:2], np.uint8)
    for side in (_CHEEK, _mirror(_CHEEK)):
        hull = cv2.convexHull(mesh[list(side), :2].astype(np.float32))
        cv2.fillConvexPoly(filled, np.round(hull).astype(np.int32), (1,))
    return filled.astype(np.float32)


def upper_face_mask(shape: tuple[int, ...], mesh: Mesh) -> Mask:
    """(H, W) float32: 1 on brows, eyes and nose, where no beard grows, else 0; arguments as for `cheek_mask`."""
    filled = np.zeros(shape[:2], np.uint8)
    hull = cv2.convexHull(mesh[list(face.LEFT_BROW + face.RIGHT_BROW + _NOSE_HULL), :2].astype(np.float32))
    cv2.fillConvexPoly(filled, np.round(hull).astype(np.int32), (1,))
    return filled.astype(np.float32)


@cache
def plain_skin() -> tuple[tuple[int, ...], ...]:
    """Vertices around the surest bare skin of a face: both cheeks, and the nose's ridge."""
    return _CHEEK, _mirror(_CHEEK), _NOSE_RIDGE


@cache
def under_eyes() -> tuple[tuple[int, ...], ...]:
    """Vertices below both eyes, which masks and scarves leave free."""
    return _UNDER_EYE, _mirror(_UNDER_EYE)


def smooth_step(x: Floats) -> Floats:
    """float32 of any shape: 0 where `x` is below 0, 1 where it is above 1, rising with level ends between."""
    t = np.clip(x, 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def rise(value: float, span: tuple[float, float]) -> float:
    """0 at the first of `span`, 1 at the second, which may be the smaller; level at both ends."""
    return float(smooth_step(np.asarray((value - span[0]) / (span[1] - span[0]), np.float32)))


def disc(radius: int) -> Pixels:
    """A round structuring element, (D, D) uint8 of 0 and 1, where D is 2 · radius + 1."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def _mirror(vertices: tuple[int, ...]) -> tuple[int, ...]:
    """The same vertices on the other side of the face."""
    return tuple(int(vertex) for vertex in topology().mirror[list(vertices)])


def _find_skin(view: FaceView, covers: Choice) -> Mask:
    """(h, w) likelihood of skin at working size, features included."""
    oval = view.oval
    unlike = np.zeros(oval.shape, np.bool_)
    for group in view.bare_groups[1]:
        unlike |= group
    known = unlike | covers
    seed = view.seed & ~known
    likely = learn_skin(view.lab, view.points, view.width, oval, seed, view.features, unlike)
    cover = ((likely < 0.4) & (oval > 0)).astype(np.uint8)
    cover = np.asarray(cv2.morphologyEx(cover, cv2.MORPH_OPEN, disc(max(1, round(0.012 * view.width)))), np.uint8)
    large = _find_covers(cover, view.features, _SMALLEST_COVER * view.width**2) | known
    for inside, share in view.feature_masks:
        if np.count_nonzero(large & inside) < share * np.count_nonzero(inside):
            likely[inside] = 1
    likely = _fill_islands(likely, oval, _SMALLEST_ISLAND * view.width**2)
    likely = np.minimum(likely, _keep_one_piece(likely, seed, view.width))
    likely[covers] = 0
    return likely


def _keep_one_piece(likely: Mask, seed: Choice, width: float) -> Mask:
    """(h, w) 1 on what joins the cheeks by more than a strand: skin between locks of hair does not count."""
    reach = disc(max(1, round(_STRAND * width)))
    solid = cv2.morphologyEx((likely > 0.5).astype(np.uint8), cv2.MORPH_OPEN, reach)
    _, labels = cv2.connectedComponents(solid, connectivity=4)
    wanted = np.unique(labels[seed & (labels > 0)])
    piece = np.isin(labels, wanted).astype(np.uint8)
    return np.asarray(cv2.blur(cv2.dilate(piece, reach).astype(np.float32), (3, 3)), np.float32)


def _find_covers(cover: Pixels, features: Choice, area: float) -> Choice:
    """(h, w) whole pieces of `cover` that hide more than `area` of plain skin: fringe, hand, cup, dark glasses."""
    _, labels = cv2.connectedComponents(cover, connectivity=8)
    outside = np.bincount(labels[~features], minlength=int(labels.max()) + 1)
    large = outside > area
    large[0] = False
    return np.asarray(large[np.asarray(labels, np.int32)], np.bool_)


def _fill_islands(likely: Mask, oval: Pixels, area: float) -> Mask:
    """`likely` where specks below `area`, of skin or of anything else, become what surrounds them."""
    result = likely.copy()
    for value, speck in ((1.0, (likely < 0.5) & (oval > 0)), (0.0, (likely >= 0.5) & (oval > 0))):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(speck.astype(np.uint8), connectivity=8)
        small = stats[:, cv2.CC_STAT_AREA] < area
        small[0] = False
        result[small[np.asarray(labels, np.int32)]] = value
    return result


def _enlarge(likely: Mask, small: Pixels, full: Pixels, radius: int) -> Mask:
    """`likely` at the size of `full`, its edges moved to the picture's edges by the fast guided filter."""
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
