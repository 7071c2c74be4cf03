"""Sharpness: a new face is no sharper than the picture it is put into, along every direction."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.light import blur

Indices = NDArray[np.intp]

_WORK_WIDTH_PX = 192  # of a face while its blur is measured
_COARSE_PX = 2.5  # deviation of the blur that leaves the gradients of features, which a slight blur hardly changes
# Sharpness of the target's face by the new one's, below which the target is blurred. Faces differ among themselves:
# 88 sharp pairs measured .49 and more, 14 of 16 blurred ones less than .45.
_BLURRED = 0.45
_AIM = 0.7  # of the target's sharpness by the new face's, that a blur leaves: a little more than it, as faces vary
_WIDEST = 0.08  # face widths: the largest deviation of a blur that is copied
_THINNEST_PX = 0.4  # deviation across a blur along one direction: a thinner kernel falls between the pixels
_WIDE_PX, _LONG_PX = 1.3, 3.0  # deviations of a blur, the lesser and the greater, from which a smaller copy is made
_FEWEST_PX = 256  # tell anything
# Face widths squared. Less than this says little: a nose alone, below glasses that stay, is smooth on one face and not
# on another. There it is .024 at most, behind dark glasses .078 at least, on faces that show .13 and more.
_LEAST = 0.04
_ROUNDS = 7  # at most, of the search for a deviation
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
    fine, coarse = (max(float(axis @ part @ axis), 1e-3) for part in sharpness)
    return float(fine / math.sqrt(coarse))


def _compare_gradients(own: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Two unit rows (2, 2) and along each the sharpness `other` by `own`, the lesser ratio first."""
    best, axes = np.inf, np.eye(2, dtype=np.float32)
    for degrees in range(0, 180, 15):
        turn = np.deg2rad(degrees)
        pair = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]], np.float32)
        ratio = _along(other, pair[0]) / _along(own, pair[0])
        if ratio < best:
            best, axes = ratio, pair
    return axes, np.array([_along(other, axis) / _along(own, axis) for axis in axes], np.float32)


def _is_as_sharp(target: Floats, new: Floats, where: Indices) -> bool:
    """Whether the target is as sharp as the new face along every direction."""
    ratios = _compare_gradients(_measure_sharpness(new, where), _measure_sharpness(target, where))[1]
    return bool(ratios.min() >= 1)


def _find_deviation(mine: Floats, where: Indices, axis: Floats, wanted: float, at_first: float) -> float:
    """The deviation of a blur along `axis`, in pixels, that makes `mine` from `at_first` as sharp as `wanted`."""
    across = np.array([-axis[1], axis[0]], np.float32)

    def measure(deviation: float) -> float:
        blurred = blur_along(mine, np.stack([axis, across]), (deviation, 0.0))
        return math.log(_along(_measure_sharpness(blurred, where), axis) / wanted)

    low, above, high, most = 0.0, math.log(at_first / wanted), 1.0, _WIDEST * _WORK_WIDTH_PX
    if above <= 0:
        return 0.0
    while (below := measure(high)) > 0:  # a narrow blur takes a tenth of the time of the widest
        if high >= most:
            return most
        low, above, high = high, below, min(2 * high, most)
    for _ in range(_ROUNDS):
        middle = low + (high - low) * above / (above - below)
        found = measure(middle)
        if abs(found) < _NEAR:
            return middle
        if found > 0:
            low, above = middle, found
        else:
            high, below = middle, found
    return (low + high) / 2
