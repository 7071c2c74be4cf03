"""Several pictures of one person on one texture: each place from the picture that shows it best.

Glasses, fringes and hidden sides vanish where another picture shows them. Eyes and lips come from one picture, or the
gaze of one would meet the smile of another.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.engines.mesh.eyes import Eye
from mien_pipeline.engines.mesh.registration import look_closely, register
from mien_pipeline.engines.mesh.shape import measure_grimaces
from mien_pipeline.engines.mesh.texture import View, read_view, texture_side
from mien_pipeline.face import Mesh, Portrait
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.clarity import clarity
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.skin.light import blur, light_ratio
from mien_pipeline.skin.mask import disc

MOST_VIEWS = 8  # whose textures are read; of a 24-MP close-up each takes 50 MB. Shape comes from all pictures
_WIDE_ENOUGH_PX = 400  # face widths beyond this add little to a texture
_OPEN = 0.2  # an eye whose height by width is this much is open
_FRONTAL = 3  # exponent of the cosine of a head's turn, beside `clarity`'s: at 28° eyes and lips lose a third
_GRIMACE, _CALM = 0.03, 0.015  # face widths that lids, brows and lips are off: as the first one; as a model for others
_LESS_TYPICAL = 0.9  # how much worth a picture keeps by the one before it, which is more like the person
_EYES_COVERED = 0.3  # how much worth a picture keeps as the first one behind glasses, or with one eye hidden
_FIRST = 1.6  # the first picture's weight by that of the others: one picture fits itself best
_CHOICE = 6  # the exponent of the weights: high enough that a place is one picture's, and not a mixture
_SEAM = 0.012  # of the texture's side, over which one picture fades into the next
_FINEST, _DARK, _RIM = 0.008, 8.0, 0.035  # of its side: noise; code values: darker counts less; of its side: outline
# Of the texture's side: light that differs is a matter of at least this, as long as hands may hide a face; and then.
_SHADING, _LIGHT_SIGMA = 0.25, 0.08
_FINER = 0.02  # of the texture's side: what is larger than this has to agree
_AGREES = 0.4  # in natural logarithms of light: who differs more from the others' median is hidden or lit otherwise
_WITNESSES, _WITNESS = 3, 0.2  # how many pictures it takes to say which one is wrong; how clearly they must see
_FEATURE_GROWTH = 0.014  # of the texture's side around eyes and lips


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One picture of the person.

    Attributes:
        portrait: the picture.
        mesh: (468, 3) in its pixels.
        eyes: its eyes.
        before: (H, W) uint8, 255 on hands that hide the face; None without.
    """

    portrait: Portrait
    mesh: Mesh
    eyes: tuple[Eye, Eye]
    before: Pixels | None = None

    @property
    def worth(self) -> float:
        """How well eyes and mouth are seen: sharp, large, from the front, with open eyes."""
        opened = min(min(eye.openness for eye in self.eyes) / _OPEN, 1.0)
        turned = math.radians(math.hypot(self.portrait.face.yaw_deg, self.portrait.face.pitch_deg))
        return math.sqrt(self.detail) * max(opened, 0.05) * math.cos(turned) ** _FRONTAL

    @property
    def detail(self) -> float:
        """How much detail the picture has of the face."""
        return clarity(self.portrait) * math.sqrt(min(1.0, face_width(self.mesh) / _WIDE_ENOUGH_PX))


def read_views(sightings: Sequence[Sighting]) -> tuple[View, Sighting]:
    """What all the pictures show together, and the one that eyes and mouth are from."""
    if len(sightings) == 1:
        only = sightings[0]
        return read_view(only.portrait.image, only.mesh, texture_side(only.mesh), only.before), only
    read = _choose_views(sightings)
    side = max(texture_side(each.mesh) for each in read)
    views = [read_view(each.portrait.image, each.mesh, side, each.before) for each in read]
    worth = _rate(read, views)
    grimaces = measure_grimaces([each.mesh for each in read])
    first = int(np.argmax(worth * np.exp(-((grimaces / _GRIMACE) ** 2))))
    trust = np.exp(-((grimaces / _CALM) ** 2))
    details = np.array([each.detail for each in read])
    return merge(register(views, trust / trust.max()), first, details / details.max()), read[first]


def _rate(sightings: Sequence[Sighting], views: Sequence[View]) -> Floats:
    """(N,) how much eyes and mouth of each picture are worth: seen well, with bare eyes, and as in the others."""
    looks = np.stack([look_closely(view)[_inner_face_mask()] for view in views])
    worth = np.array([each.worth for each in sightings])
    worth *= [_EYES_COVERED if view.glasses or view.half_hidden else 1 for view in views]
    worth *= _LESS_TYPICAL ** np.arange(len(views))
    if len(views) >= _WITNESSES:
        # A hand, a tinted lens or a mesh that does not fit looks unlike the mean of the others.
        worth *= [max(np.corrcoef(look, looks.sum(0) - look)[0, 1], 0.01) for look in looks]
    return worth


def _choose_views(sightings: Sequence[Sighting]) -> Sequence[Sighting]:
    """At most MOST_VIEWS in their order: those that show most, and the one turned furthest to either side."""
    by_worth = sorted(range(len(sightings)), key=lambda place: sightings[place].worth, reverse=True)
    best, rest = by_worth[: MOST_VIEWS - 2], by_worth[MOST_VIEWS - 2 :]
    by_turn = sorted(rest, key=lambda place: sightings[place].portrait.face.yaw_deg)
    return [sightings[place] for place in sorted({*best, *by_turn[:1], *by_turn[-1:]})]


def merge(views: Sequence[View], first: int, detail: Sequence[float]) -> View:
    """One view made of several (S, S) ones, in the light of the first.

    Args:
        views: of one person, at one size.
        first: which of them eyes and lips are from.
        detail: of each view, 1 for the one with most.
    """
    if len(views) == 1:
        return views[0]
    small = [_shrink(view) for view in views]
    clear = np.stack([view.clear for view in small])
    agreement = _measure_agreement(_match_light(small, first, [each.skin for each in small], _SHADING), clear)
    bare = [each.skin * agrees for each, agrees in zip(small, agreement, strict=True)]
    lit = _match_light(small, first, bare, _LIGHT_SIGMA)
    weights = clear**2 * agreement
    weights[first] += 1e-3  # what no picture shows is the first one's
    shares = _plan_shares(weights, first, detail)
    average = _average_coarse(lit, weights, shares)
    side = views[0].colour.shape[0]
    colour = np.zeros((side, side, 3), np.float32)
    masks = np.zeros((side, side, 5), np.float32)
    for view, before, after, share in zip(views, small, lit, shares, strict=True):
        if share.any():
            relit = average * after / (before.light + 1e-6)
            full = _enlarge(np.asarray(np.dstack([share, relit]), np.float32), side)
            colour += full[..., :1] * to_linear(view.colour) * full[..., 1:]
            masks += full[..., :1] * np.dstack([view.seen, view.skin, view.made, view.covered, view.facing])
    seen, skin, made, covered, facing = (np.ascontiguousarray(masks[..., index]) for index in range(5))
    half_hidden, own = all(view.half_hidden for view in views), views[first]
    return View(to_srgb(colour), seen, skin, made, covered, facing, own.glasses, half_hidden, own.hair, own.veil)


@dataclass(frozen=True, slots=True, eq=False)
class _Small:
    """A view at WORK_SIDE: linear light (h, w, 3), and (h, w) in 0..1 how clearly it shows the face, and bare skin."""

    light: Floats
    clear: Mask
    skin: Mask


def _shrink(view: View) -> _Small:
    size = (WORK_SIDE, WORK_SIDE)
    light = np.asarray(cv2.resize(to_linear(view.colour), size, interpolation=cv2.INTER_AREA), np.float32)
    masks = np.asarray(
        cv2.resize(np.dstack([view.clear, view.clear * view.skin]), size, interpolation=cv2.INTER_AREA), np.float32
    )
    return _Small(light, masks[..., 0], masks[..., 1])


def _enlarge(values: Floats, side: int) -> Floats:
    return np.asarray(cv2.resize(values, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def _match_light(views: Sequence[_Small], first: int, bare: Sequence[Mask], sigma: float) -> Sequence[Floats]:
    """The views in the first one's light, (h, w, 3) each, learnt where both show bare skin.

    `bare` are (h, w) 0..1; `sigma`, of the texture's side, is how large the differences are that count as light.
    """
    return [
        view.light * light_ratio(view.light, views[first].light, np.minimum(skin, bare[first]), sigma * WORK_SIDE)
        for view, skin in zip(views, bare, strict=True)
    ]


def _plan_shares(weights: Floats, first: int, detail: Sequence[float]) -> Floats:
    """How much of each place comes from each view: (N, h, w) float32, together 1; a brow comes from one view whole."""
    weights = weights * np.array(detail, np.float32)[:, None, None]
    weights[first] *= _FIRST
    brows = int(np.argmax(weights[:, _brows_mask() > 0.5].mean(1)))
    weights = weights / weights.max(0)
    shares = np.stack([blur(np.asarray(each**_CHOICE, np.float32), _SEAM * WORK_SIDE) for each in weights])
    for owner, mask in ((brows, _brows_mask()), (first, _features_mask())):
        shares *= (1 - mask) / np.maximum(shares.sum(0), 1e-6)
        shares[owner] += mask
    return shares


def _average_coarse(lit: Sequence[Floats], weights: Floats, shares: Floats) -> Floats:
    """(h, w, 3) factor that gives what was chosen the coarse colours that all have on average, but eyes and lips."""
    chosen, mean = (
        np.asarray(sum(part[..., None] * light for part, light in zip(parts, lit, strict=True)), np.float32)
        for parts in (shares, weights / weights.sum(0))
    )
    ratio = light_ratio(chosen, mean, np.asarray(weights.max(0), np.float32), _FINER * WORK_SIDE)
    elsewhere = 1 - np.maximum(_features_mask(), _brows_mask())
    return np.asarray(1 + elsewhere[..., None] * (ratio - 1), np.float32)


def _measure_agreement(lit: Sequence[Floats], clear: Floats) -> Floats:
    """(N, h, w) 1 where a view has the colour that most have there, towards 0 where it differs.

    `lit` are the views in one light, (h, w, 3) each; `clear` (N, h, w) is how clearly they show the face.
    """
    coarse = []
    for light, mask in zip(lit, clear, strict=True):
        weight = mask + 1e-3
        mean = blur(light * weight[..., None], _FINER * WORK_SIDE)
        coarse.append(np.log(mean / blur(weight, _FINER * WORK_SIDE)[..., None] + 0.01))
    colours, seen = np.stack(coarse), clear > _WITNESS
    known = np.where(seen[..., None], colours, np.nan)
    enough = seen.sum(0) >= _WITNESSES
    agreement = np.ones(clear.shape, np.float32)
    median = np.nanmedian(known[:, enough], 0)
    differs = np.abs(colours[:, enough] - median).mean(2)
    agreement[:, enough] = np.exp(-((differs / _AGREES) ** 2))
    return agreement


@cache
def _inner_face_mask() -> NDArray[np.bool_]:
    """(WORK_SIDE, WORK_SIDE) True inside the outline, away from hair."""
    return np.asarray(cv2.erode(fill_texture(face.OVAL), disc(round(_RIM * WORK_SIDE))) > 0)


@cache
def _features_mask() -> Mask:
    """(WORK_SIDE, WORK_SIDE) 1 on eyes and lips, soft around them."""
    rings = np.maximum.reduce([fill_texture(ring) for ring in (face.LEFT_EYE, face.RIGHT_EYE, face.OUTER_LIPS)])
    grown = cv2.dilate(rings, disc(round(_FEATURE_GROWTH * WORK_SIDE)))
    return blur(grown.astype(np.float32), 0.5 * _FEATURE_GROWTH * WORK_SIDE)


@cache
def _brows_mask() -> Mask:
    """(WORK_SIDE, WORK_SIDE) 1 on the brows, soft around them."""
    brows = np.maximum(fill_texture(face.LEFT_BROW), fill_texture(face.RIGHT_BROW))
    grown = cv2.dilate(brows, disc(round(_FEATURE_GROWTH * WORK_SIDE)))
    return blur(grown.astype(np.float32), 0.5 * _FEATURE_GROWTH * WORK_SIDE)
