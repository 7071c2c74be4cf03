"""What is decided for a whole track: where the face is without the jitter, and how much of a swap each picture shows.

Parameters come from the analysis, smoothed both ways in time; no state runs from picture to picture, so a result does
not depend on where a run began.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.faces.topology import INNER_LIPS, topology
from mien_pipeline.faces.unroll import covered_texels
from mien_pipeline.image import Floats, Pixels

# Jitter of the landmarks fell to a fifth on calm and moving clips, flicker inside the face from 2.0 to 1.3 of the
# clip's own; a wider window lags behind fast heads.
SIGMA, RADIUS = 1.2, 3
FADE = 5  # pictures over which a swap comes and goes
FADE_YAW_DEG = 40.0  # from here on the swap fades; four degrees further the track ends
# A texel deviates from the track's usual face by this part of the face's middle lightness; a face is covered where this
# share of what is seen of it does, and more than in most of its pictures by far. Of a speech 0–.03 did, of a patch in
# the colour of skin over a mouth .08. Of a singer on a stage, who turns, .12–.30, half of the pictures above .18.
_DEVIATION, _COVERED_SHARE, _STANDING_OUT = 0.25, 0.07, 1.7
_MEDIAN_OF = 100  # pictures at most
# From one picture to the next. Of a speech at 12 pictures a second 1 % of the pictures had more, and .027 at most; a
# strip of cloth that passes the chin of a face, at 30 a second, .026–.075.
_STIRRED_SHARE = 0.02


def smooth(meshes: Floats) -> Floats:
    """(n, 468, 3) float32 without jitter: a Gaussian over time that shrinks towards both ends, so that nothing lags."""
    count = len(meshes)
    smoothed = np.empty_like(meshes)
    for number in range(count):
        reach = min(RADIUS, number, count - 1 - number)
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SIGMA) ** 2)
        part = meshes[number - reach : number + reach + 1]
        smoothed[number] = np.tensordot(weights / weights.sum(), part, axes=1)
    return smoothed


def find_covered(textures: Sequence[Pixels]) -> NDArray[np.bool_]:
    """(n,) where something is over the face: its texture is unlike that of most pictures of its track.

    A detector, not a mask: a hand is skin too. It cannot tell where a face is covered in most of the pictures. The
    mouth is left out: it opens. A singer on a stage looks different in every picture; there a cover counts only if it
    changes the face more than that. The engine looks at each of these pictures, and finds smaller covers itself.

    Args:
        textures: n of (s, s) uint8 luma, unrolled; 0 where the face is not seen.
    """
    count, skin = len(textures), _find_skin(textures[0].shape[0])
    chosen = np.linspace(0, count - 1, min(count, _MEDIAN_OF)).astype(int)
    usual = _find_usual(np.stack([_by_middle(textures[number], skin) for number in chosen]))
    shares = np.array([_measure_deviation(_by_middle(texture, skin), usual) for texture in textures])
    usually = float(np.median(shares))
    return np.asarray(shares > max(_COVERED_SHARE, _STANDING_OUT * usually), np.bool_)


def find_stirred(textures: Sequence[Pixels]) -> NDArray[np.bool_]:
    """(n,) where a face's texture, as in `find_covered`, is unlike that of the picture before or of the one after.

    What is found in other pictures and interpolated between them is not true there.
    """
    inside = covered_texels(textures[0].shape[0]) > 0
    values = (_by_middle(texture, inside) for texture in textures)  # two at a time: a track has thousands
    moved = [_measure_deviation(after, before) > _STIRRED_SHARE for before, after in pairwise(values)]
    return np.asarray(np.logical_or([False, *moved], [*moved, False]), np.bool_)


def find_drifted(textures: Sequence[Pixels]) -> NDArray[np.bool_]:
    """(n,) where a face's texture has become unlike that of the last such picture, or of the first, as in
    `find_stirred`.

    Between two pictures of a stretch without one, all that is found in them is alike.
    """
    inside = covered_texels(textures[0].shape[0]) > 0
    drifted, last = np.zeros(len(textures), np.bool_), _by_middle(textures[0], inside)
    for number, texture in enumerate(textures):
        now = _by_middle(texture, inside)
        if _measure_deviation(now, last) > _STIRRED_SHARE:
            drifted[number], last = True, now
    return drifted


def _find_usual(values: Floats) -> Floats:
    """(s, s) float32: of each texel of (n, s, s) the median of those pictures that show it; 0 where none does."""
    ordered, seen = np.sort(values, axis=0), (values > 0).sum(0)
    place = len(values) - np.maximum((seen + 1) // 2, 1)  # those that do not show it come first, as 0
    return np.asarray(np.take_along_axis(ordered, place[None], 0)[0], np.float32)


@cache
def _find_skin(side: int) -> NDArray[np.bool_]:
    """(s, s) where the face is, without the mouth."""
    mouth = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mouth, [np.rint(topology().uv[list(INNER_LIPS)] * side - 0.5).astype(np.int32)], 1)
    return np.asarray((covered_texels(side) > 0) & (cv2.dilate(mouth, np.ones((3, 3), np.uint8)) == 0), np.bool_)


def _by_middle(texture: Pixels, inside: NDArray[np.bool_]) -> Floats:
    """(s, s) the texels by their middle one; 0 where the face is not seen or not asked for."""
    values = texture * inside
    middle = float(np.median(values[values > 0])) if values.any() else 1.0
    return values.astype(np.float32) / np.float32(middle)


def _measure_deviation(values: Floats, usual: Floats) -> float:
    """The share of the texels seen in both that are unlike the usual ones, whatever of the face is covered and moves
    the middle."""
    both = (values > 0) & (usual > 0)
    if not both.any():
        return 0.0
    values, usual = values[both], usual[both]
    gain = float(np.median(values / np.maximum(usual, 0.05)))
    return float((np.abs(values / max(gain, 0.05) - usual) > _DEVIATION).mean())


def plan_shares(hidden: NDArray[np.bool_], *, opens: bool, closes: bool) -> Floats:
    """(n,) float32 in 0..1: how much of the swap each picture of a track shows.

    Args:
        hidden: (n,) where the face must not be painted over.
        opens, closes: the track begins, ends in the middle of a shot, so that the swap has to come and go softly.
    """
    count = len(hidden)
    places = np.flatnonzero(hidden).astype(float)
    ends = [*([-1.0] if opens else []), *places, *([float(count)] if closes else [])]
    if not ends:
        return np.ones(count, np.float32)
    numbers = np.arange(count, dtype=float)
    distance = np.abs(numbers[:, None] - np.array(ends)[None]).min(1)
    return np.asarray(np.minimum(distance / (FADE + 1), 1), np.float32)
