"""The texture that a face's skin has and lacks, band by band, and more of it grown from a patch of that skin."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Affine, Floats, Image, Mask, Pixels
from mien_pipeline.skin.mask import face_mask, smooth_step

# Pores and fine lines: from the finest that a picture shows to a fortieth of the face's width, an octave a band.
COARSEST = 1 / 40
FINEST_PX = 0.7
# Energy is looked at in windows of this share of the face's width; the least-smoothed skin is the top of them.
WINDOW = 1 / 12
OWN_QUANTILE = 0.7
# Root mean square of luminance in a band, in code values, that skin is given at least: what is aimed for where the
# whole face has been smoothed. A tenth of the skin of a sharp portrait (Eileen Collins, face 94 px wide) has less than
# 2.0 in the two finest bands; half of it has more than 2.6, and of an older face on grainy film more than 5.2.
NATURAL_SKIN = (2.0, 2.0, 1.0)
# The finest band's root mean square over the next one's on skin that was not smoothed: 0.99 and 1.00 on the two sharp
# portraits of the demo, faces 94 and 187 px wide. An image has about equal energy in every octave (Field 1987).
SHARP_RATIO = 1.0
# Smoothing is undone to this share of what is left, and no further: below it, most is the rounding to code values,
# whose own root mean square in the finest band is this.
LEAST_LEFT = 0.15
ROUNDING = 0.27
# How much of what is lacking each band gets: the coarser, the more of its energy is shape rather than texture.
BAND_SHARE = (1.0, 0.8, 0.4)
# A value beyond this many deviations of its band is a wrinkle, a lash or an edge, not texture.
OUTLIER = 2.5
# ITU-R BT.601 luma.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# Texture is made of light: there is less of it in shadow and none where a highlight is burnt out.
DARK, BURNT = 25.0, 250.0


@dataclass(frozen=True, slots=True, eq=False)
class SkinRegion:
    """The part of a picture around a face.

    Attributes:
        rows, columns: where it is.
        pixels: (h, w, 3) uint8; luminance: (h, w) float32 code values.
        skin: (h, w) float32 in 0..1, 1 on plain skin: without eyes, brows, lips and nostrils.
        face_px: the face's width.
    """

    rows: slice
    columns: slice
    pixels: Pixels
    luminance: Floats
    skin: Mask
    face_px: float

    @classmethod
    def around(cls, image: Image, mesh: Mesh) -> "SkinRegion":
        """The face of `mesh`, in pixels of `image`, with a quarter of its width around it."""
        width = face_width(mesh)
        margin = 0.25 * width
        low = np.floor(mesh[:, :2].min(0) - margin).astype(int)
        high = np.ceil(mesh[:, :2].max(0) + margin).astype(int) + 1
        rows = slice(max(0, int(low[1])), max(0, min(image.height, int(high[1]))))
        columns = slice(max(0, int(low[0])), max(0, min(image.width, int(high[0]))))
        pixels = image.pixels[rows, columns]
        local = mesh.copy()
        local[:, :2] -= (columns.start, rows.start)
        return cls(rows, columns, pixels, luminance_of(pixels), plain_skin(pixels, local), width)

    @property
    def affine(self) -> Affine:
        """(2, 3) float32, image → region."""
        return np.array([[1, 0, -self.columns.start], [0, 1, -self.rows.start]], np.float32)


def luminance_of(pixels: Pixels) -> Floats:
    """(h, w) float32 BT.601 luma in 0..255 of (h, w, 3) uint8 RGB."""
    return (pixels.astype(np.float32) @ LUMA).astype(np.float32)


def plain_skin(pixels: Pixels, mesh: Mesh) -> Mask:
    """(h, w) float32 in 0..1: the face's skin without its features, soft at every border; `mesh` in these pixels."""
    width = face_width(mesh)
    features = np.zeros(pixels.shape[:2], np.uint8)
    nostrils = (48, 115, 220, 45, 4, 275, 440, 344, 278, 294, 327, 2, 98, 64)
    for vertices in (
        topology.LEFT_EYE,
        topology.RIGHT_EYE,
        topology.LEFT_BROW,
        topology.RIGHT_BROW,
        topology.OUTER_LIPS,
        nostrils,
    ):
        hull = cv2.convexHull(np.round(mesh[list(vertices), :2]).astype(np.int32))
        cv2.fillConvexPoly(features, hull, (1,))
    distance = np.asarray(cv2.distanceTransform(1 - features, cv2.DIST_L2, 3), np.float32)
    away = smooth_step((distance / (0.05 * width) - 0.3).astype(np.float32))
    return np.minimum(face_mask(pixels, mesh), away).astype(np.float32)


def split_bands(luminance: Floats, width: float) -> list[Floats]:
    """Octaves of detail, the finest first: differences of Gaussians up to a fortieth of the face's width."""
    found: list[Floats] = []
    finer, sigma = luminance, FINEST_PX
    while len(found) < len(NATURAL_SKIN) and (not found or sigma <= COARSEST * width):
        coarser = np.asarray(cv2.GaussianBlur(luminance, (0, 0), sigma), np.float32)
        found.append((finer - coarser).astype(np.float32))
        finer, sigma = coarser, 2 * sigma
    return found


def local_energy(band: Floats, weight: Mask, radius: float) -> Floats:
    """(h, w): the local root mean square of a band's texture where `weight` is, edges left out."""
    inside = weight > 0.5
    limit = OUTLIER * float(np.sqrt(np.mean(np.square(band[inside])))) if inside.any() else 0.0
    power = np.square(np.minimum(np.abs(band), max(limit, 1e-3))) * weight
    mean = smooth(power, radius) / np.maximum(smooth(weight, radius), 1e-3)
    return np.sqrt(np.maximum(mean, 0)).astype(np.float32)


def smooth(values: Floats, radius: float) -> Floats:
    """A Gaussian mean over `radius` pixels, taken on a smaller picture where that shows no difference."""
    height, width = values.shape
    size = max(1, round(width * min(1.0, 6 / radius))), max(1, round(height * min(1.0, 6 / radius)))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    mean = cv2.GaussianBlur(small, (0, 0), radius * size[0] / width)
    return np.asarray(cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def find_missing_texture(luminance: Floats, skin: Mask, width: float) -> Floats:
    """(h, w) code values: what the skin lacks of its own texture, to be added to the luminance."""
    inside = skin > 0.5
    result = np.zeros_like(luminance)
    if np.count_nonzero(inside) < 64:
        return result
    grown = split_bands(synthesise(luminance, skin, width), width)
    energies = [local_energy(own, skin, WINDOW * width) for own in split_bands(luminance, width)]
    usual = [float(np.median(have[inside])) for have in energies]
    left = share_left(usual)
    for index, (have, new) in enumerate(zip(energies, grown, strict=True)):
        least = max(float(np.quantile(have[inside], OWN_QUANTILE)), NATURAL_SKIN[index])
        # More than usual is the foot of an edge, where texture would stand out.
        want = np.maximum(least, np.minimum(have, usual[index]) / left[index])
        lacking = BAND_SHARE[index] * np.sqrt(np.maximum(want**2 - have**2, 0.0))
        result += new / max(float(np.sqrt(np.mean(np.square(new[inside])))), 1e-3) * lacking
    lit = smooth_step((luminance - DARK / 2) / DARK) * smooth_step((BURNT - luminance) / DARK)
    return (result * lit).astype(np.float32)


def share_left(energies: Sequence[float]) -> list[float]:
    """What smoothing left of each band, in 0..1, as if it had been one Gaussian blur of the whole face.

    Smoothing takes most from the finest band, so the two finest say how strong it was; see `SHARP_RATIO`.

    Args:
        energies: root mean square of each band in code values, the finest first.
    """
    if len(energies) < 2:
        return [1.0] * len(energies)
    finest = np.sqrt(max(energies[0] ** 2 - ROUNDING**2, 0.0))
    ratio = finest / max(energies[1], 1e-3) / SHARP_RATIO
    sigmas = np.linspace(0, 3, 61, dtype=np.float32)
    gains = _gains_of_blurs(sigmas, len(energies))
    nearest = int(np.abs(gains[:, 0] / gains[:, 1] - ratio).argmin()) if ratio < 1 else 0
    return [max(LEAST_LEFT, float(gain)) for gain in gains[nearest]]


def _gains_of_blurs(sigmas: Floats, bands: int) -> Floats:
    """(N, bands): what Gaussian blurs of N `sigmas` in pixels leave of each band's root mean square.

    The picture has equal energy in every octave: in two dimensions its power falls with the square of the frequency.
    """
    frequencies = np.linspace(0.005, 0.5, 200, dtype=np.float32)

    def blur(sigma: float) -> Floats:
        return np.asarray(np.exp(-2 * np.square(np.pi * sigma * frequencies)), np.float32)

    edges = [np.ones_like(frequencies), *(blur(FINEST_PX * 2**band) for band in range(bands))]
    power = np.stack([np.square(finer - coarser) / frequencies for finer, coarser in pairwise(edges)])
    left = np.stack([np.square(blur(float(sigma))) for sigma in sigmas]) @ power.T
    return np.asarray(np.sqrt(left / power.sum(1)), np.float32)


def synthesise(luminance: Floats, skin: Mask, width: float) -> Floats:
    """(h, w): texture with the spectrum of the face's best patch of skin, without its features.

    White noise filtered by the patch: a random-phase texture, Galerne, Gousseau & Morel 2011 (Random phase textures),
    section 4. Pores and grain are such textures; wrinkles are not, and are left out of the patch.
    """
    detail = fine_detail(luminance, width) * skin
    patch = best_patch(detail, skin, width)
    noise = np.random.default_rng(0).standard_normal(luminance.shape).astype(np.float32)
    spectrum = np.fft.rfft2(noise) * np.fft.rfft2(patch, luminance.shape)
    made = np.fft.irfft2(spectrum, luminance.shape).astype(np.float32)
    # A patch without any texture has nothing to say: then it is the noise itself, which its bands will shape.
    spread = float(made.std())
    return noise + (made / spread if spread > 1e-3 else np.zeros_like(made))


def fine_detail(luminance: Floats, width: float) -> Floats:
    """(h, w): what is finer than `COARSEST`."""
    return luminance - np.asarray(cv2.GaussianBlur(luminance, (0, 0), COARSEST * width), np.float32)


def best_patch(detail: Floats, skin: Mask, width: float) -> Floats:
    """The square of skin with the most even texture, windowed and without outliers."""
    side = int(max(8, min(width / 5, *detail.shape)))
    covered = cv2.boxFilter(skin, -1, (side, side))
    power = np.maximum(cv2.boxFilter(np.square(detail), -1, (side, side)), 0)
    peak = np.maximum(cv2.boxFilter(np.square(np.square(detail)), -1, (side, side)), 1e-6)
    # Even texture has a low fourth moment for its second; an edge has a high one.
    even = np.where(covered > 0.97 * covered.max(), power**1.5 / peak**0.5, 0.0)
    half = side // 2
    inner = even[half : even.shape[0] - half, half : even.shape[1] - half]
    if inner.size == 0 or inner.max() <= 0:
        return np.zeros((side, side), np.float32)
    row, column = np.unravel_index(int(inner.argmax()), inner.shape)
    patch = detail[row : row + side, column : column + side]
    limit = OUTLIER * float(patch.std())
    window = np.outer(np.hanning(patch.shape[0]), np.hanning(patch.shape[1]))
    return np.asarray(np.clip(patch - patch.mean(), -limit, limit) * window, np.float32)


def add_detail(pixels: Pixels, detail: Floats, amount: float) -> Pixels:
    """`pixels` with `amount` of `detail` on all three channels alike: light changes, colour differences do not."""
    values = pixels.astype(np.float32) + np.float32(amount) * detail[..., None]
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
