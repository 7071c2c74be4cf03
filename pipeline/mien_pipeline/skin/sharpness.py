"""Sharpness: a new face is no sharper than the picture it is put into, along every direction."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.light import blur

Indices = NDArray[np.intp]

_TURNS = np.deg2rad(np.arange(0, 180, 15))
_DIRECTIONS: Floats = np.stack([np.cos(_TURNS), np.sin(_TURNS)], 1).astype(np.float32)  # along which blur is looked for

_WORK_WIDTH_PX = 192  # of a face while its blur is measured
_COARSE_PX = 2.5  # deviation of the blur that leaves the gradients of features, which a slight blur hardly changes
# Sharpness of the target's face by the new one's, below which the target is blurred. Faces differ among themselves:
# 88 sharp pairs measured .49 and more, 14 of 16 blurred ones less than .45.
_BLURRED = 0.45
_AIM = 0.7  # of the target's sharpness by the new face's, that a blur leaves: a little more than it, as faces vary
_WIDEST = 0.08  # face widths: the largest deviation of a blur that is copied
_THINNEST_PX = 0.4  # deviation across a blur along one direction: a thinner kernel falls between the pixels
# Deviations of a blur, the lesser and the greater, from which a smaller copy is made. From there on OpenCV filters by a
# Fourier transform, which takes ten times as long.
_WIDE_PX, _LONG_PX = 1.5, 1.8
_FEWEST_PX = 256  # tell anything
# Face widths squared. Less than this says little: a nose alone, below glasses that stay, is smooth on one face and not
# on another. There it is .024 at most, behind dark glasses .078 at least, on faces that show .13 and more.
_LEAST = 0.04
_ROUNDS = 8  # at most, of the search for a deviation
_BEND = 1.4  # by pixels squared, see `_find_deviation`: of faces of that width, with which the search begins
_NEAR = 0.03  # of the wanted sharpness: it is near enough


def match_blur(new: Floats, target: Floats | Pixels, own: Mask, upper: Mask, width: float) -> Floats:
    """`new`, blurred along each direction in which `target` is much less sharp; `new` itself where it is not.

    Motion blurs one direction, a lens all of them. Both are taken for Gaussian, along and across the direction in
    which sharpness differs most: the energy of the finest gradients by the root of that of coarse ones, so that strong
    features are not taken for sharp ones. Measured is the upper face, where no beard grows. Of one that hardly shows,
    all of it counts too, drawn or not: a target that is as sharp there is not blurred.

    Args:
        new: (H, W, 3) float32 RGB, code values 0..255.
        target: the same, or (H, W, 3) uint8 RGB, in the same place.
        own: (H, W) float32 in 0..1, where the new face will show.
        upper: the same, 1 on the upper face.
        width: of the face, in pixels.
    """
    scale = min(1.0, _WORK_WIDTH_PX / max(width, 1.0))
    size = max(8, round(new.shape[1] * scale)), max(8, round(new.shape[0] * scale))
    whole, where = (cv2.resize(weight, size, interpolation=cv2.INTER_AREA) > 0.9 for weight in (upper, own * upper))
    if np.count_nonzero(where) < _FEWEST_PX:
        return new
    part = _bound(whole, math.ceil(3 * _WIDEST * _WORK_WIDTH_PX / 4))
    mine, theirs = (_shrink_grey(picture, size)[part] for picture in (new, target))
    upper_part, shown = np.flatnonzero(whole[part]), np.flatnonzero(where[part])
    if len(shown) < _LEAST * (scale * width) ** 2 and _is_as_sharp(theirs, mine, upper_part):
        return new
    drawn, other = _measure_sharpness(mine, shown), _measure_sharpness(theirs, shown)
    along, ratios = _compare_gradients(drawn, other)
    deviations = [0.0, 0.0]
    for axis in (0, 1):
        if ratios[axis] < _BLURRED:
            wanted, at_first = (_along(sharpness, along[axis]) for sharpness in (other, drawn))
            deviations[axis] = _find_deviation(mine, shown, along[axis], wanted / _AIM, at_first)
    if not any(deviations):
        return new
    return blur_along(new, along, (deviations[0] / scale, deviations[1] / scale))


def blur_along(values: Floats, axes: Floats, deviations_px: tuple[float, float]) -> Floats:
    """(H, W, C) or (H, W) float32 after a Gaussian blur with a deviation along each of two axes, (2, 2) unit rows.

    A wide one is made small, as `light.blur` is: the work grows with the square of the deviations.
    """
    narrowest = min(deviations_px)
    if narrowest < _WIDE_PX or max(deviations_px) < _LONG_PX:
        return _filter_along(values, axes, deviations_px)
    step = max(2, int(narrowest / 2))
    height, width = values.shape[:2]
    size = -(-width // step), -(-height // step)
    padded = cv2.copyMakeBorder(
        values, 0, size[1] * step - height, 0, size[0] * step - width, borderType=cv2.BORDER_REFLECT
    )
    small = np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA), np.float32)
    # Averaging over squares and interpolating between them blur too: by a quarter of a small pixel squared.
    along, across = (math.sqrt((deviation / step) ** 2 - 0.25) for deviation in deviations_px)
    blurred = _filter_along(small, axes, (along, across))
    large = cv2.resize(blurred, (size[0] * step, size[1] * step), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(large[:height, :width], np.float32)


def _filter_along(values: Floats, axes: Floats, deviations_px: tuple[float, float]) -> Floats:
    """As `blur_along`, at the values' own size."""
    deviations = np.maximum(deviations_px, _THINNEST_PX)
    reach = max(1, round(3 * max(deviations_px)))
    at = np.arange(-reach, reach + 1, dtype=np.float32)
    first, second = (
        np.add.outer(axis[1] * at, axis[0] * at) / each for axis, each in zip(axes, deviations, strict=True)
    )
    kernel = np.exp(-(first * first + second * second) / 2)
    return np.asarray(cv2.filter2D(values, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT), np.float32)


def _bound(where: np.ndarray, margin: int) -> tuple[slice, slice]:
    """The rows and columns of (h, w) bool that hold it, and so many pixels around: what a usual blur draws upon."""
    left, top, width, height = cv2.boundingRect(where.astype(np.uint8))
    rows = slice(max(0, top - margin), top + height + margin)
    return rows, slice(max(0, left - margin), left + width + margin)


def _shrink_grey(pixels: Floats | Pixels, size: tuple[int, int]) -> Floats:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)


def _gradients(grey: Floats, where: Indices) -> Floats:
    """(2, 2) mean outer product of the gradients at the pixels that are asked for, by their numbers."""
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order).ravel().take(where) for order in ((1, 0), (0, 1)))
    mixed = float(across @ down)
    return np.array([[across @ across, mixed], [mixed, down @ down]], np.float32) / np.float32(len(where))


def _measure_sharpness(grey: Floats, where: Indices) -> tuple[Floats, Floats]:
    """The gradients (2, 2) of a picture and of what `_COARSE_PX` leaves of it."""
    return _gradients(grey, where), _gradients(blur(grey, _COARSE_PX), where)


def _along(sharpness: tuple[Floats, Floats], axis: Floats) -> float:
    """How sharp the picture is along an axis."""
    return float(_along_each(sharpness, axis[None])[0])


def _along_each(sharpness: tuple[Floats, Floats], axes: Floats) -> Floats:
    """(N,) how sharp the picture is along each of (N, 2) unit axes."""
    fine, coarse = (np.maximum(((axes @ part) * axes).sum(1), 1e-3) for part in sharpness)
    return np.asarray(fine / np.sqrt(coarse), np.float32)


def _compare_gradients(own: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Two unit rows (2, 2) and along each the sharpness `other` by `own`, the lesser ratio first."""
    ratios = _along_each(other, _DIRECTIONS) / _along_each(own, _DIRECTIONS)
    least = int(np.argmin(ratios))
    across = (least + len(_DIRECTIONS) // 2) % len(_DIRECTIONS)
    return _DIRECTIONS[[least, across]], ratios[[least, across]]


def _is_as_sharp(target: Floats, new: Floats, where: Indices) -> bool:
    """Whether the target is as sharp as the new face along every direction."""
    ratios = _compare_gradients(_measure_sharpness(new, where), _measure_sharpness(target, where))[1]
    return bool(ratios.min() >= 1)


def _find_deviation(mine: Floats, where: Indices, axis: Floats, wanted: float, at_first: float) -> float:
    """The deviation of a blur along `axis`, in pixels, that makes `mine` from `at_first` as sharp as `wanted`.

    Of edges, a blur with the variance v leaves (1 + bend · v)^-½ of the sharpness: two measurements mostly do.
    """
    axes = np.stack([axis, np.array([-axis[1], axis[0]], np.float32)])

    def measure(variance: float) -> float:
        blurred = blur_along(mine, axes, (math.sqrt(variance), 0.0))
        return math.log(_along(_measure_sharpness(blurred, where), axis) / wanted)

    above, most, bend = math.log(at_first / wanted), (_WIDEST * _WORK_WIDTH_PX) ** 2, _BEND
    if above <= 0:
        return 0.0
    sharper, softer, variance = (0.0, above), (math.inf, -math.inf), math.expm1(2 * above) / bend
    for _ in range(_ROUNDS):
        variance = min(variance, most)
        found = measure(variance)
        if abs(found) < _NEAR or (found > 0 and variance == most):
            break
        sharper, softer = ((variance, found), softer) if found > 0 else (sharper, (variance, found))
        bend = max(math.expm1(2 * (above - found)) / variance, 1e-6)
        variance = _interpolate_bent(sharper, softer, bend) if softer[0] <= most else math.expm1(2 * above) / bend
    return math.sqrt(min(variance, most))


def _interpolate_bent(sharper: tuple[float, float], softer: tuple[float, float], bend: float) -> float:
    """The variance between two at which the logarithm of the sharpness, above 0 and below, is about 0."""
    low, high = (math.log1p(bend * variance) for variance, _ in (sharper, softer))
    return math.expm1(low + (high - low) * sharper[1] / (sharper[1] - softer[1])) / bend
