"""Grain and sharpness: a new face's finest frequencies get the energy that the target's have."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.quantile import median, quantile

GAIN_LIMITS = (0.1, 1.25)  # more gain than this brings out blocks and ringing; the rest comes as grain
SCALES_PX = ((0.7, 5), (1.4, 7))  # sigma and kernel: one band is finer than the first blur, one between the two
ROUNDS = 3  # the bands overlap, so a change of one shows in the other; the gains are tried on the cheeks first
CORRECTION_LIMITS = (0.5, 2.0)
EDGES = 0.97  # the quantile of a band that tells how sharp features are
EDGE_PX = 5  # side of the window in which edges are told from grain
COARSELY_PX = 600  # side from which edges are found on every second pixel
STANDS_OUT = (1.8, 4.0)  # times the grain's deviation, from which a detail is an edge, and surely one
AROUND_PX = 15  # side of the window in which the face's own grain is measured
TILE_PX = 256  # of noise; the eye does not see it repeat
STRIPE_PX = 4 * TILE_PX  # rows that are worked on at once, so that a large face takes little memory
MEASURED_PX = 3_000_000  # as many pixels tell the energies of any face


@dataclass(frozen=True, slots=True, eq=False)
class _Noise:
    """A band of coloured noise: `tile` (256, 256, 3) float32, or (256, 256) of green alone, whose deviation is known.

    Of many pictures and trials, it is measured once.
    """

    tile: Floats
    deviation: float

    @classmethod
    def of(cls, tile: Floats) -> "_Noise":
        return cls(tile, float(cv2.meanStdDev(cv2.extractChannel(tile, 1))[1][0, 0]))

    @property
    def green(self) -> "_Noise":
        return _Noise(_extract_green(self.tile), self.deviation)


@dataclass(frozen=True, eq=False)
class _Band:
    """One band of a face: `values` (H, W, 3), or (H, W) of green alone, and the deviation `own` of its grain.

    What each trial asks for is worked out once.
    """

    values: Floats
    own: float

    @cached_property
    def edges(self) -> Mask:
        """(H, W) float32 in 0..1, how far it stands out of its grain around each pixel."""
        return _find_edges(self.values, self.own)

    @cached_property
    def power(self) -> Floats:
        """(H, W) float32, the mean of its squares around each pixel."""
        green = _extract_green(self.values)
        return np.asarray(cv2.blur(cv2.multiply(green, green), (AROUND_PX, AROUND_PX)), np.float32)


def match_grain(face: Floats, target: Floats | Pixels, weight: Mask, skin: Mask) -> Floats:
    """`face`, (H, W, 3) float32, with the fine-frequency energy of `target`; `face` itself where too little is skin.

    Too sharp a face is softened. Too smooth a face is sharpened within limits, and then gets white noise of the finest
    band's strength and colour. Rejected: the target's own residual, which brings its wrinkles; and more noise in the
    coarser band than white noise has, which looks like sand on a face, not like a camera's.

    Args:
        face: (H, W, 3) float32 RGB, code values 0..255.
        target: (H, W, 3) RGB, uint8 or float32, in the same place.
        weight: (H, W) float32 in 0..1, how far each pixel is changed.
        skin: (H, W) float32 in 0..1; the energies are measured where it is above 0.5.
    """
    measured = skin > 0.5
    if np.count_nonzero(measured) < 64:
        return face
    part = _bound(measured)
    inside, known = measured[part], np.asarray(target[part], np.float32)
    # Energies are those of green: what is tried is tried on green alone.
    small = _extract_green(face[part])
    mine, theirs = _split_bands(small), _split_bands(_extract_green(known))
    have, want = ([_measure_energy(band, inside) for band in bands] for bands in (mine, theirs))
    tried = [_Band(band, own) for band, own in zip(mine, have, strict=True)]
    edges = [_compare_edges(one, other) for one, other in zip(mine, theirs, strict=True)]
    colour = _colour_noise(_split_bands(known, SCALES_PX[:1])[0], inside)
    noise = [_Noise.of(np.asarray(cv2.transform(band, colour.T), np.float32)) for band in _make_noise()]
    greens, aim = [each.green for each in noise], want
    for _ in range(ROUNDS):
        got = [
            _measure_energy(band, inside)
            for band in _split_bands(_apply_grain(small, tried, aim, edges, greens, weight[part]))
        ]
        aim = [a * float(np.clip(w / max(g, 1e-3), *CORRECTION_LIMITS)) for a, w, g in zip(aim, want, got, strict=True)]
    del small, mine, theirs, known, tried
    return _apply_in_stripes(face, have, aim, edges, noise, weight)


def _apply_in_stripes(
    face: Floats, have: list[float], want: list[float], edges: list[float], noise: list[_Noise], weight: Mask
) -> Floats:
    """`_apply_grain` to the whole face, some rows at a time, each with what its blurs need above and below."""
    result, reach = np.empty_like(face), TILE_PX  # a whole tile, so that the noise joins
    for top in range(0, face.shape[0], STRIPE_PX):
        start = max(0, top - reach)
        rows = slice(start, top + STRIPE_PX + reach)
        bands = [_Band(band, own) for band, own in zip(_split_bands(face[rows]), have, strict=True)]
        stripe = _apply_grain(face[rows], bands, want, edges, noise, weight[rows])
        result[top : top + STRIPE_PX] = stripe[top - start : top - start + STRIPE_PX]
    return result


def _apply_grain(
    face: Floats, bands: list[_Band], want: list[float], edges: list[float], noise: list[_Noise], weight: Mask
) -> Floats:
    """`face` with the energy that each of its bands shall have (`want`) instead of its own.

    `face`, `bands` and `noise` are (H, W, 3), or (H, W) of green alone. What stands out of the grain, as lashes and
    lips do, is softened by no more than its factor in `edges`.
    """
    result, most = face.copy(), np.full(face.shape[:2], np.inf, np.float32)
    left, top, width, height = cv2.boundingRect((weight < 1).view(np.uint8))  # mouth and eyes, mostly
    still = slice(top, top + height), slice(left, left + width)
    for each, wanted, edge, grain in zip(bands, want, edges, noise, strict=True):
        band, gain = each.values, float(np.clip(wanted / max(each.own, 1e-3), *GAIN_LIMITS))
        result = np.asarray(cv2.scaleAdd(band, gain - 1, result), np.float32)
        if width:
            result[still] += cv2.multiply(band[still], _spread((1 - gain) * (1 - weight[still]), band))
        if gain < edge:
            kept = (edge - gain) * weight * each.edges
            result += cv2.multiply(band, _spread(kept, band))
        # What a coarser band has beyond white noise is skin's own structure.
        most = np.minimum(most, _measure_lack(each, gain, wanted) / max(grain.deviation, 1e-6))
        result += cv2.multiply(_repeat_tile(grain.tile, face.shape), _spread(most * weight, grain.tile))
    return result


def _extract_green(values: Floats) -> Floats:
    """(H, W) the green of (H, W, 3); what is green alone already as it is."""
    return values if values.ndim == 2 else np.asarray(cv2.extractChannel(values, 1), np.float32)


def _spread(share: Mask, values: Floats) -> Floats:
    """`share` (H, W) once for each channel of `values`."""
    return share if values.ndim == 2 else np.asarray(cv2.merge([share, share, share]), np.float32)


def _bound(measured: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns that hold `measured`, or its middle, and what the widest blur needs beside them."""
    left, top, width, height = cv2.boundingRect(measured.astype(np.uint8))
    reach = SCALES_PX[-1][1]
    if width * height > MEASURED_PX:
        counts = np.cumsum(np.count_nonzero(measured, axis=1))
        rows = MEASURED_PX // width
        top, height = max(top, int(np.searchsorted(counts, counts[-1] / 2)) - rows // 2), rows
    return slice(max(0, top - reach), top + height + reach), slice(max(0, left - reach), left + width + reach)


def _split_bands(values: Floats, scales_px: Sequence[tuple[float, int]] = SCALES_PX) -> list[Floats]:
    """The bands of (H, W) or (H, W, 3) values, finest first; what is coarser than all of them is left out."""
    bands: list[Floats] = []
    finer = values
    for sigma_px, side_px in scales_px:
        coarser = np.asarray(cv2.GaussianBlur(values, (side_px, side_px), sigma_px), np.float32)
        bands.append(finer - coarser)
        finer = coarser
    return bands


def _measure_energy(band: Floats, measured: NDArray[np.bool_]) -> float:
    """Standard deviation of (H, W) by its median: edges and wrinkles, few and strong, do not count."""
    magnitude = np.abs(band[::2, ::2][measured[::2, ::2]])  # a quarter of the pixels tells as much as all
    return median(magnitude) / 0.6745  # of a normal distribution whose deviation is 1


def _compare_edges(mine: Floats, theirs: Floats) -> float:
    """The strength of the strongest details of `theirs` by that of `mine`, (H, W) of the same place; 1 at most.

    Only the upper half counts, from the eyes to the nose: below, a beard may grow.
    """
    own, other = (quantile(np.abs(band[: len(band) // 2 : 2, ::2]), EDGES) for band in (mine, theirs))
    return min(1.0, other / max(own, 1e-3))


def _find_edges(band: Floats, grain: float) -> Mask:
    """(H, W) float32 in 0..1, how far a band stands out of grain of a given deviation around each pixel."""
    green = _extract_green(band)
    power = np.asarray(cv2.blur(cv2.multiply(green, green), (EDGE_PX, EDGE_PX)), np.float32)
    if min(power.shape) > COARSELY_PX:  # every second pixel tells as much, in a quarter of the time
        power = power[::2, ::2]
    above = np.sqrt(np.maximum(power, 0)) / np.float32(max(grain, 1e-3))
    edges = np.clip((above - STANDS_OUT[0]) / (STANDS_OUT[1] - STANDS_OUT[0]), 0, 1)
    return np.asarray(cv2.resize(edges, band.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _measure_lack(band: _Band, gain: float, want: float) -> Floats:
    """(H, W) the energy that a band lacks around each pixel: invented skin is smoother than skin that was seen."""
    return np.asarray(np.sqrt(np.maximum(want * want - gain * gain * band.power, 0)), np.float32)


def _colour_noise(band: Floats, measured: NDArray[np.bool_]) -> Floats:
    """(3, 3) matrix that gives white noise of three channels the colours of a band: some grain is grey, some is not."""
    together = np.cov(band[::2, ::2][measured[::2, ::2]], rowvar=False)
    return np.linalg.cholesky(together + 1e-6 * np.eye(3)).T.astype(np.float32)


@cache
def _make_noise() -> list[Floats]:
    """The bands of white noise, (256, 256, 3) each, on a tile whose edges join."""
    white = np.random.default_rng(0).standard_normal((TILE_PX, TILE_PX, 3), np.float32)
    reach = SCALES_PX[-1][1]
    inside = slice(reach, reach + TILE_PX)
    around = np.asarray(cv2.copyMakeBorder(white, reach, reach, reach, reach, cv2.BORDER_WRAP), np.float32)
    return [band[inside, inside] for band in _split_bands(around)]


def _repeat_tile(tile: Floats, shape: tuple[int, ...]) -> Floats:
    """The tile repeated over (H, W)."""
    height, width = shape[:2]
    more = (0, max(0, height - TILE_PX), 0, max(0, width - TILE_PX))
    return np.asarray(cv2.copyMakeBorder(tile, *more, cv2.BORDER_WRAP)[:height, :width], np.float32)
