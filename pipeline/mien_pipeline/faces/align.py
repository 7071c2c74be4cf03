"""Face → crop and affine: the five points, the ArcFace template, and resampling that does not alias."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.face import Kps, Mesh
from mien_pipeline.image import Affine, Floats, Pixels

# ArcFace's 112×112 template (Deng et al. 2019, arXiv:1801.07698): eyes, nose, mouth corners, viewer's left first.
ARCFACE_TEMPLATE: Floats = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    np.float32,
)

# Mesh vertices that average to an eye's centre: its corners and the middle of its lids.
_LEFT_EYE, _RIGHT_EYE = (33, 133, 159, 145), (263, 362, 386, 374)
_NOSE_TIP, _LEFT_MOUTH_CORNER, _RIGHT_MOUTH_CORNER = 1, 61, 291


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """An aligned face: `crop` (size, size, 3) uint8 RGB and `affine` (2, 3) float32, image → crop."""

    crop: Pixels
    affine: Affine


def five_points(mesh: Mesh) -> Kps:
    """ArcFace's five points, (5, 2) float32, of a (468, 3) or (468, 2) mesh, in the mesh's own frame."""
    xy = mesh[:, :2]
    return np.stack(
        [
            xy[list(_LEFT_EYE)].mean(0),
            xy[list(_RIGHT_EYE)].mean(0),
            xy[_NOSE_TIP],
            xy[_LEFT_MOUTH_CORNER],
            xy[_RIGHT_MOUTH_CORNER],
        ]
    ).astype(np.float32)


def arcface_template(size: int) -> Kps:
    """Where a crop of `size` pixels has the five points, (5, 2) float32, crop pixels.

    The 112-px template scaled; for multiples of 128 it is moved 8 px (of 128) to the right, as the 128-px networks
    were trained.
    """
    if size % 128 == 0:
        return np.asarray((ARCFACE_TEMPLATE + np.array([8, 0])) * (size / 128), np.float32)
    return (ARCFACE_TEMPLATE * (size / 112)).astype(np.float32)


def similarity_transform(source: Floats, destination: Floats) -> Affine:
    """The rotation, scale and shift, (2, 3) float32, that best takes `source` (N, 2) to `destination` (N, 2).

    It never mirrors.

    Source: Umeyama 1991, least-squares estimation of transformation parameters between two point patterns.
    """
    source_mean, destination_mean = source.mean(0), destination.mean(0)
    a, b = source - source_mean, destination - destination_mean
    u, singular, vt = np.linalg.svd(b.T @ a / len(source))
    flip = np.diag([1.0, np.sign(np.linalg.det(u @ vt))])
    scale = float((singular * np.diag(flip)).sum() / max(float(a.var(0).sum()), 1e-12))
    rotation = scale * (u @ flip @ vt)
    return np.hstack([rotation, (destination_mean - rotation @ source_mean)[:, None]]).astype(np.float32)


def align(pixels: Pixels, kps: Kps, size: int = 112) -> Aligned:
    """The face in the ArcFace pose, a crop of (size, size, 3) uint8 RGB; what lies outside the picture is black.

    `pixels` is (H, W, 3) uint8 RGB, `kps` (5, 2) float32 in its pixels.
    """
    return align_to(pixels, kps, arcface_template(size), size)


def align_to(pixels: Pixels, kps: Kps, points: Kps, size: int) -> Aligned:
    """The face with its five points at `points` (5, 2), crop pixels; else as `align`."""
    affine = similarity_transform(kps, points)
    return Aligned(warp(pixels, affine, (size, size)), affine)


def warp(
    pixels: Pixels, affine: Affine, size: tuple[int, int], border: int = cv2.BORDER_CONSTANT, cubic: bool = False
) -> Pixels:
    """`pixels` resampled to (height, width) or (height, width, C) uint8, averaged first where it shrinks below half.

    A linear kernel reads two pixels a side however far it shrinks; below half size those in between would alias.

    Args:
        pixels: (H, W) or (H, W, C) uint8, any colour order.
        affine: (2, 3) float32, a point of `pixels` to a point of the result.
        size: (width, height) of the result.
        border: what lies outside `pixels`, one of OpenCV's border types.
        cubic: read with a cubic kernel where it does not shrink below half.
    """
    scale = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    if scale >= 0.5:
        interpolation = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
        return _as_pixels(cv2.warpAffine(pixels, affine, size, flags=interpolation, borderMode=border))
    x1, y1, x2, y2 = _find_region(affine, size, pixels.shape)
    if x2 - x1 < 1 or y2 - y1 < 1:
        return np.zeros((size[1], size[0], *pixels.shape[2:]), np.uint8)
    if scale < 0.2:  # OpenCV's area filter is several times as fast at an exact half
        shift = affine[:, :2] @ np.array([x1 + 0.5, y1 + 0.5]) + affine[:, 2]
        doubled = np.hstack([affine[:, :2] * 2, shift[:, None]]).astype(np.float32)
        return warp(_halve(pixels[y1:y2, x1:x2]), doubled, size, border)
    step = max(1, int(0.8 / scale))
    region = pixels[y1:y2, x1:x2]
    smaller = cv2.resize(
        region, (max(1, region.shape[1] // step), max(1, region.shape[0] // step)), interpolation=cv2.INTER_AREA
    )
    ratio = np.array([region.shape[1] / smaller.shape[1], region.shape[0] / smaller.shape[0]])
    # A pixel's centre is at +0.5: `smaller` (i + 0.5) × ratio = `region` (j + 0.5).
    inner = affine[:, :2] * ratio
    shift = affine[:, :2] @ (np.array([x1, y1]) + (ratio - 1) / 2) + affine[:, 2]
    reduced = np.hstack([inner, shift[:, None]]).astype(np.float32)
    return _as_pixels(cv2.warpAffine(smaller, reduced, size, flags=cv2.INTER_LINEAR, borderMode=border))


def warp_halves(pixels: Pixels, affine: Affine, size: tuple[int, int], border: int = cv2.BORDER_CONSTANT) -> Pixels:
    """As `warp`, averaged over squares of two, four, eight: a third of the time where a picture shrinks to a tenth.

    Its last rows and columns that make no whole square are left out.
    """
    times = int(-math.log2(max(float(np.sqrt(abs(np.linalg.det(affine[:, :2])))), 1e-6)))
    x1, y1, x2, y2 = (edge >> max(times, 0) << max(times, 0) for edge in _find_region(affine, size, pixels.shape))
    if times < 1 or x2 - x1 < 1 or y2 - y1 < 1:
        return warp(pixels, affine, size, border)
    smaller = pixels[y1:y2, x1:x2]
    for _ in range(times):
        smaller = _halve(smaller)
    shift = affine[:, :2] @ (np.array([x1, y1]) + (2**times - 1) / 2) + affine[:, 2]
    reduced = np.hstack([affine[:, :2] * 2**times, shift[:, None]]).astype(np.float32)
    return _as_pixels(cv2.warpAffine(smaller, reduced, size, flags=cv2.INTER_LINEAR, borderMode=border))


def resample(values: NDArray[Any], places: Floats | tuple[Floats, Floats], cubic: bool = False) -> NDArray[Any]:
    """`values` (H, W) or (H, W, C), any dtype, read at `places`: (h, w) or (h, w, C) of the same dtype.

    `places` is (h, w, 2) float32, x and y in pixels of `values`, below 2**15; or x and y by themselves, (h, w) each.
    Outside, the border's last pixel repeats.
    """
    interpolation = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    # In whole pixels and 32nds of one, a cubic kernel takes half the time that it takes with float places.
    x, y = places if isinstance(places, tuple) else (places, np.empty(0, np.float32))
    whole, part = cv2.convertMaps(x, y, cv2.CV_16SC2)
    return np.asarray(cv2.remap(values, whole, part, interpolation, borderMode=cv2.BORDER_REPLICATE))


def invert(affine: Affine) -> Affine:
    """The (2, 3) float32 map that undoes `affine` (2, 3)."""
    return np.asarray(cv2.invertAffineTransform(affine), np.float32)


def transform(points: Floats, affine: Affine) -> Floats:
    """`points` (N, 2) through `affine` (2, 3): (N, 2) float32 in the frame that `affine` leads to."""
    return (points @ affine[:, :2].T + affine[:, 2]).astype(np.float32)


def _find_region(affine: Affine, size: tuple[int, int], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The part of a picture of `shape` that a result of `size` reads: x1, y1, x2, y2 with a margin."""
    width, height = size
    corners = transform(np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32), invert(affine))
    low, high = np.floor(corners.min(0)).astype(int) - 2, np.ceil(corners.max(0)).astype(int) + 2
    return max(0, int(low[0])), max(0, int(low[1])), min(shape[1], int(high[0])), min(shape[0], int(high[1]))


def _halve(pixels: Pixels) -> Pixels:
    """Each pixel the mean of four; an odd last row or column is left out, unless it is the only one."""
    height, width = max(1, pixels.shape[0] // 2), max(1, pixels.shape[1] // 2)
    return _as_pixels(cv2.resize(pixels[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA))


def _as_pixels(array: NDArray[np.generic]) -> Pixels:
    return np.asarray(array, np.uint8)
