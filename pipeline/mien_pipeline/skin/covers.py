"""What lies before a face: hands, masks, cups, microphones, scarves, dark glasses.

Four clues say where a cover surely is: the joints of hands, features that do not show, parts of the face whose colour
is unlike skin, and large pale or blue patches. Features that show, and skin around them, say where the face surely is.
Between both, the outline follows the strongest edges (watershed, Meyer 1992). A cover ends sharply; shine, beards and
soft shadows do not, which tells them apart.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from mien_pipeline.faces import topology as face
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.colour import to_linear
from mien_pipeline.skin.cover_edges import (
    DOMAIN,
    find_least_edge,
    measure_gradient,
    shrink_oval,
    split_at_edges,
    to_steps,
)
from mien_pipeline.skin.hand_shapes import draw_hand
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import FaceView, disc, measure_apart

Feature = Literal["left eye", "right eye", "nose", "mouth"]

_NOSTRILS = (98, 2, 327, 4, 1, 48, 278)
_UPPER_FACE = (*face.OVAL[:7], *face.OVAL[30:], *face.LEFT_BROW, *face.RIGHT_BROW)
_LOWER_FACE = (*_NOSTRILS, *face.OVAL[8:29])
_RINGS: dict[Feature, tuple[int, ...]] = {
    "left eye": face.LEFT_EYE,
    "right eye": face.RIGHT_EYE,
    "nose": _NOSTRILS,
    "mouth": face.OUTER_LIPS,
}
_BROWS: dict[Feature, tuple[int, ...]] = {"left eye": face.LEFT_BROW, "right eye": face.RIGHT_BROW}
# What stays of a face around a feature that fingers hide: from an eye to the temple, from the nose to the jaw.
_ZONES: dict[Feature, tuple[int, ...]] = {
    "left eye": (*face.LEFT_EYE, *face.LEFT_BROW, *face.OVAL[26:33], 118, 101),
    "right eye": (*face.RIGHT_EYE, *face.RIGHT_BROW, *face.OVAL[4:11], 347, 330),
    "mouth": _LOWER_FACE,
}
_AROUND_ZONES = 0.02  # face widths
# Face widths around a feature that are the face's where it shows, and the cover's where it does not.
_AROUND_SEEN: dict[Feature, float] = {"left eye": 0.05, "right eye": 0.05, "nose": 0.02, "mouth": 0.045}
_AROUND_HIDDEN: dict[Feature, float] = {"left eye": 0.07, "right eye": 0.07, "nose": 0.0, "mouth": 0.0}

_PALER, _DEVIATIONS, _LEAST_SPREAD = 0.05, 3.0, 0.008  # in chromaticity: a patch that is no skin
_SKIN_DEVIATIONS, _SKIN_LIGHT = 2.5, (0.4, 2.2)  # chromaticity and light of what surely is skin
_BEARD = 0.55  # of the skin's light: hair of a lower face is darker
_SHADE = 0.2  # of the skin's light: around a feature that shows, what is darker may be a cover's edge
_TOO_DARK = 0.05  # of the skin's light: nothing is known of its colour
_PATCH, _OPENING = 0.012, 0.015  # face widths squared of a patch at least; face widths of a thin one
_APART = 25.0  # in Lab, colour counting twice: what hides a feature has another colour than skin
_SHARP_PATCH, _SHARP_UNLIKE, _SHARP_HIDDEN, _SHARP_TWICE = (
    0.6,
    0.3,
    0.3,
    0.1,
)  # of a cover's outline, by what tells of it
_COMPACT = 0.75  # of its convex hull: cups, balls and stripes; a beard is bent around the mouth
_LARGEST, _SMALLEST = 0.8, 0.004  # of the oval
# Fingers beside a finger; face widths that both touch; of the line between; how much of its other edges is sharp.
_FINGERS, _STRETCH, _LINE, _SHARP_NEIGHBOUR = 4, 0.06, 0.03, 0.5
_FINGER_APART = 35.0  # in Lab: the dark line between two fingers belongs to them
_BARE_SHARE = 0.1  # of a part of the face, from which it is bare skin


@dataclass(frozen=True, slots=True, eq=False)
class Covers:
    """What lies before a face.

    Attributes:
        mask: (h, w) bool, the size of the view, where something covers.
        any: whether something does that a viewer would name: no hair, no background.
    """

    mask: Choice
    any: bool


def find_covers(
    small: Pixels, view: FaceView, hands: Sequence[Floats], hidden: Collection[Feature], background: Choice
) -> Covers:
    """What lies before a face.

    Args:
        small: (h, w, 3) uint8 RGB, the picture of the view.
        view: of the face.
        hands: (21, 2) float32 each, joints in the view's pixels.
        hidden: features that do not show where the mesh has them.
        background: (h, w) bool, what is behind the person.
    """
    unlike = _draw_unlike(view)
    patches = _find_patches(small, view, hidden, background)
    blank = _draw_features(view, hidden, _AROUND_HIDDEN)
    drawn = [draw_hand(small.shape, joints) for joints in hands]
    nothing = np.zeros(small.shape[:2], np.bool_)
    sure_hand = np.logical_or.reduce([nothing, *(sure > 0 for sure, _ in drawn)])
    maybe_hand = np.logical_or.reduce([nothing, *(possible > 0 for _, possible in drawn)])
    cover = unlike | patches | blank
    if not (cover.any() or (sure_hand & (view.oval > 0)).any() or (maybe_hand & (view.oval > 0)).any()):
        return Covers(nothing, False)
    bare = _draw_bare(small, view, hidden, cover, maybe_hand, bool(hands))
    gradient = measure_gradient(view.lab)
    least = _SHARP_TWICE if {"nose", "mouth"} <= set(hidden) else _SHARP_HIDDEN
    clues = [sure_hand, blank, *_split_objects(unlike | patches)]
    goes_on = maybe_hand if _hides_in_skin_colour(view, hidden) else maybe_hand | _is_nearer_to_cover(view, hidden)
    regions = _flood(gradient, view, bare, clues, goes_on)
    kept = nothing.copy()
    for number, region in enumerate(regions):
        others = np.logical_or.reduce([nothing, *regions[:number], *regions[number + 1 :]])
        for piece, sharp in _split(region, others, gradient, view):
            by_colour = number > 1 and _is_object(piece, sharp, bool((clues[number] & unlike).any()))
            if number == 0 or (number == 1 and sharp >= least) or by_colour:
                kept |= piece
    if (kept & blank).any():
        kept |= _find_neighbours(kept, bare, gradient, view)
    if not sure_hand.any():
        kept |= _draw_zones(view, hidden)
    inside = np.count_nonzero(kept & (shrink_oval(view) > 0))
    return Covers(kept, bool(inside > _SMALLEST * np.count_nonzero(view.oval)))


def _draw_zones(view: FaceView, hidden: Collection[Feature]) -> Choice:
    """(h, w) a wide part of the face around each feature that something hides in about the colour of skin.

    The outline of fingers before skin is faint, and fingers cut off look worse than a part of the face that stays. Two
    hidden eyes have shut.
    """
    zones, shut = np.zeros(view.oval.shape, np.bool_), set(_BROWS) <= set(hidden)
    for feature in hidden:
        if feature in _ZONES and not (shut and feature in _BROWS) and _hides_in_skin_colour(view, (feature,)):
            zones |= view.fill(_ZONES[feature], _AROUND_ZONES) > 0
    return zones


def _draw_unlike(view: FaceView) -> Choice:
    """(h, w) the parts of the face that should be bare and are unlike skin."""
    none = np.zeros(view.oval.shape, np.bool_)
    return np.asarray(np.logical_or.reduce([none, *view.bare_groups[1]]))


def _draw_features(view: FaceView, features: Collection[Feature], around: dict[Feature, float]) -> Choice:
    """(h, w) the features, each with what is around it."""
    none = np.zeros(view.oval.shape, np.uint8)
    filled = [view.fill(_RINGS[feature], around[feature]) for feature in features]
    return np.asarray(np.maximum.reduce([none, *filled]) > 0)


def _find_patches(small: Pixels, view: FaceView, hidden: Collection[Feature], background: Choice) -> Choice:
    """(h, w) large patches inside the oval that are paler, bluer or greener than this face's skin.

    Lips and blush are redder and do not count; features that show are left out: eyes are white, teeth too.
    """
    away, spread, light = _compare_with_skin(small, view)
    red, green = cv2.split(away)
    far = cv2.magnitude(red, green) > _PALER
    unusual = cv2.magnitude(red / spread[0], green / spread[1]) > _DEVIATIONS
    redder = (red > 0) & (green < 0)
    seen: list[Feature] = [feature for feature in _RINGS if feature not in hidden]
    features = _draw_features(view, seen, dict.fromkeys(_RINGS, 0.0)) | _draw_features(
        view, [feature for feature in seen if feature in _BROWS], dict.fromkeys(_RINGS, 0.03)
    )
    for feature in _BROWS:
        if feature not in hidden:
            features |= view.fill(_BROWS[feature], 0.015) > 0
    if "mouth" not in hidden:  # a beard around a mouth that shows
        features |= (light < _BEARD) & (view.fill(_LOWER_FACE) > 0)
    features |= view.fill(_UPPER_FACE) > 0  # hair, which is told from skin elsewhere
    features |= cv2.dilate(background.astype(np.uint8), disc(max(2, round(_OPENING * view.width)))) > 0
    found = far & unusual & ~redder & (light > _TOO_DARK) & (view.oval > 0) & ~features
    radius = max(1, round(_OPENING * view.width))
    opened = np.asarray(cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, disc(radius)), np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    large = stats[:, cv2.CC_STAT_AREA] > _PATCH * view.width**2
    large[0] = False
    return np.asarray(large[np.asarray(labels, np.int32)], np.bool_)


def _split_objects(found: Choice) -> list[Choice]:
    """The pieces of (h, w), those that nearly touch as one."""
    joined = cv2.dilate(found.astype(np.uint8), disc(1))
    count, labels = cv2.connectedComponents(joined)
    return [np.asarray((labels == label) & found) for label in range(1, count)]


def _is_object(piece: Choice, sharp: float, has_unlike: bool) -> bool:
    """Whether a piece (h, w) ends sharply and, where only its colour tells of it, is compact: beards are not."""
    if has_unlike:
        return sharp >= _SHARP_UNLIKE
    outline, _ = cv2.findContours(piece.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    hull = cv2.contourArea(cv2.convexHull(np.concatenate(outline)))
    return bool(sharp >= _SHARP_PATCH and np.count_nonzero(piece) >= _COMPACT * hull)


def _compare_with_skin(small: Pixels, view: FaceView) -> tuple[Floats, Floats, Floats]:
    """How far each pixel's chromaticity is from the skin's, (h, w, 2); the skin's spread (2,); light by the skin's.

    Shade changes light and leaves chromaticity.
    """
    linear = to_linear(np.asarray(cv2.GaussianBlur(small, (0, 0), 1.0), np.uint8)) + np.float32(0.004)
    red, green, blue = cv2.split(linear)
    total = np.asarray(red + green + blue, np.float32)
    chromaticity = np.asarray(cv2.merge([red / total, green / total]), np.float32)
    seed = view.seed
    if not seed.any():
        return np.zeros_like(chromaticity), np.ones(2, np.float32), np.ones_like(total)
    middle = np.median(chromaticity[seed], axis=0)
    spread = np.maximum(1.5 * np.median(np.abs(chromaticity[seed] - middle), axis=0), _LEAST_SPREAD)
    light = total / max(float(np.median(total[seed])), 1e-6)
    return (chromaticity - middle).astype(np.float32), spread.astype(np.float32), np.asarray(light, np.float32)


def _draw_bare(
    small: Pixels, view: FaceView, hidden: Collection[Feature], cover: Choice, maybe_hand: Choice, has_hands: bool
) -> Choice:
    """(h, w) where the face itself surely shows."""
    seen: list[Feature] = [feature for feature in _RINGS if feature not in hidden]
    away, spread, light = _compare_with_skin(small, view)
    bare = _draw_features(view, seen, _AROUND_SEEN) & (light > _SHADE)
    bare |= _draw_features(view, seen, dict.fromkeys(_RINGS, 0.0))
    for feature in seen:
        if feature in _BROWS:
            bare |= view.fill(_BROWS[feature]) > 0
    reach = disc(2)
    near = cv2.dilate(cover.astype(np.uint8), reach) > 0
    if not _hides_in_skin_colour(view, hidden):
        alike = np.hypot(*np.moveaxis(away / spread, 2, 0)) < _SKIN_DEVIATIONS
        alike &= ~_is_nearer_to_cover(view, hidden)
        lit = (light > _SKIN_LIGHT[0]) & (light < _SKIN_LIGHT[1])
        bare |= cv2.erode((alike & lit & ~near).astype(np.uint8), reach) > 0
        if has_hands:
            bare |= ~near
    else:
        far = cv2.dilate(cover.astype(np.uint8), disc(max(2, round(0.3 * view.width)))) == 0
        bare |= view.seed & far
    return np.asarray(bare & ~near & ~maybe_hand & (view.oval > 0))


def _hides_in_skin_colour(view: FaceView, hidden: Collection[Feature]) -> bool:
    """Whether what hides a feature has about the colour of skin: then skin's colour says nothing."""
    skin = _find_skin_colour(view)
    for feature in hidden:
        core = view.fill(_RINGS[feature]) > 0
        if not core.any():
            continue
        apart = measure_apart(np.median(view.lab[core], axis=0), skin)
        if apart < _APART:
            return True
    return False


def _find_skin_colour(view: FaceView) -> Floats:
    """(3,) float32 in OpenCV's 8-bit Lab."""
    seed = view.seed
    return np.median(view.lab[seed], axis=0).astype(np.float32) if seed.any() else np.zeros(3, np.float32)


def _is_nearer_to_cover(view: FaceView, hidden: Collection[Feature]) -> Choice:
    """(h, w) whose colour is nearer to what hides a feature than to skin."""
    nearer = np.zeros(view.oval.shape, np.bool_)
    skin = _find_skin_colour(view)
    for feature in hidden:
        core = view.fill(_RINGS[feature]) > 0
        if core.any():
            cover = np.median(view.lab[core], axis=0)
            to_skin, to_cover = (np.abs(view.lab - colour) @ np.array([0.5, 2, 2]) for colour in (skin, cover))
            nearer |= to_cover < to_skin
    return nearer


def _flood(gradient: Floats, view: FaceView, bare: Choice, clues: Sequence[Choice], goes_on: Choice) -> list[Choice]:
    """(h, w) for each clue what floods from it before it floods from `bare`, the lowest gradient first.

    Where clues overlap, the first counts. Outside the oval it floods only what `goes_on` (h, w).
    """
    domain = cv2.dilate(view.oval, disc(max(1, round(DOMAIN * view.width)))) > 0
    labels = np.zeros(gradient.shape, np.int32)
    labels[bare] = 1
    for number, clue in reversed(list(enumerate(clues, 3))):
        labels[clue] = number
    labels[~(domain | goes_on)] = 2
    cv2.watershed(to_steps(gradient), labels)
    # The lines between regions are one pixel wide and belong to none: those beside bare skin are the face's.
    beside = cv2.dilate((labels == 1).astype(np.uint8), disc(1)) > 0
    return [
        np.asarray(
            (labels == number)
            | ((labels == -1) & (cv2.dilate((labels == number).astype(np.uint8), disc(1)) > 0) & ~beside)
        )
        for number in range(3, 3 + len(clues))
    ]


def _split(region: Choice, others: Choice, gradient: Floats, view: FaceView) -> list[tuple[Choice, float]]:
    """The pieces of a region that reach into the oval, each with how much of its outline in there is sharp.

    What borders on `others` (h, w), other covers, does not count.
    """
    inner = shrink_oval(view) > 0
    steepest = np.asarray(cv2.dilate(gradient, disc(1)), np.float32)
    least = find_least_edge(gradient, view, region | others)
    most = _LARGEST * np.count_nonzero(view.oval)
    count, labels = cv2.connectedComponents(region.astype(np.uint8))
    found: list[tuple[Choice, float]] = []
    for label in range(1, count):
        piece = np.asarray(labels == label)
        outline = (cv2.dilate(piece.astype(np.uint8), disc(1)) > 0) & ~piece & inner & ~others
        if np.count_nonzero(piece & inner) and np.count_nonzero(piece & (view.oval > 0)) < most:
            found.append((piece, float((steepest[outline] > least).mean()) if outline.any() else 1.0))
    return found


def _find_neighbours(kept: Choice, bare: Choice, gradient: Floats, view: FaceView) -> Choice:
    """(h, w) what lies beside a cover and has its colour: the next finger, the rest of a cup.

    It borders on the cover along a stretch, the rest of its outline is sharp, and no bare skin is in it.
    """
    least = find_least_edge(gradient, view, kept)
    basins = split_at_edges(gradient, view)
    sizes, bare_sizes = (np.bincount(part, minlength=int(basins.max()) + 1) for part in (basins.ravel(), basins[bare]))
    known = set(np.flatnonzero(bare_sizes > _BARE_SHARE * sizes).tolist()) | {0}
    inner, stretch, found = shrink_oval(view) > 0, _STRETCH * view.width, kept.copy()
    steepest = np.asarray(cv2.dilate(gradient, disc(1)), np.float32)
    for _ in range(_FINGERS):
        colour = np.median(view.lab[found], axis=0).astype(np.float32)
        beside = (cv2.dilate(found.astype(np.uint8), disc(max(2, round(_LINE * view.width)))) > 0) & ~found
        touched, lengths = np.unique(basins[beside], return_counts=True)
        before = np.count_nonzero(found)
        for label, length in zip(touched.tolist(), lengths.tolist(), strict=True):
            if label in known or length < stretch:
                continue
            piece = np.asarray((basins == label) & ~found)
            outline = (cv2.dilate(piece.astype(np.uint8), disc(1)) > 0) & ~piece & inner & ~found & ~beside
            ends = float((steepest[outline] > least).mean()) if outline.any() else 1.0
            apart = measure_apart(np.median(view.lab[piece], axis=0), colour)
            if ends >= _SHARP_NEIGHBOUR and apart < _FINGER_APART:
                found |= np.asarray(cv2.dilate(piece.astype(np.uint8), disc(1)) > 0) & ~bare
        if np.count_nonzero(found) == before:
            break
    return found
