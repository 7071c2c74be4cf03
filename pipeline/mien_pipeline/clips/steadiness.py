"""What is decided for a whole track: where the face is without the jitter, and how much of a swap each picture shows.

Parameters come from the analysis, smoothed both ways in time; no state runs from picture to picture, so a result does
not depend on where a run began.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mien_pipeline.faces.unroll import covered_texels
from mien_pipeline.image import Floats, Pixels

# Jitter of the landmarks fell to a fifth on calm and moving clips, flicker inside the face from 2.0 to 1.3 of the
# clip's own; a wider window lags behind fast heads.
SIGMA, RADIUS = 1.2, 3
FADE = 5  # pictures over which a swap comes and goes
FADE_YAW_DEG = 40.0  # from here on the swap fades; four degrees further the track ends
# A texel deviates from the track's usual face by this part of the face's middle lightness; a face is covered where this
# share of them does. Of uncovered pictures 0–.05 did, of covers over a quarter to a half of a face .12–.31.
_DEVIATION, _COVERED_SHARE = 0.25, 0.1
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

    A detector, not a mask: a hand is skin too. It cannot tell where a face is covered in most of the pictures.

    Args:
        textures: n of (s, s) uint8 luma, unrolled.
    """
    count, side = len(textures), textures[0].shape[0]
    inside = covered_texels(side) > 0
    chosen = np.linspace(0, count - 1, min(count, _MEDIAN_OF)).astype(int)
    usual = np.median([_by_middle(textures[number], inside) for number in chosen], axis=0)
    shares = [_measure_deviation(_by_middle(texture, inside), usual) for texture in textures]
    return np.array(shares) > _COVERED_SHARE


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


def _by_middle(texture: Pixels, inside: NDArray[np.bool_]) -> Floats:
    """(k,) the texels of the face, by their middle one: a change of light as a whole is left out."""
    values = texture[inside].astype(np.float32)
    return np.asarray(values / max(float(np.median(values)), 1.0), np.float32)


def _measure_deviation(values: Floats, usual: Floats) -> float:
    """The share of texels that are unlike the usual ones, whatever of the face is covered and moves the middle."""
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
