"""Grey and toned pictures: one colour for each lightness, which a new face has to keep."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.colour import to_lab
from mien_pipeline.media.pyramid import shrink
from mien_pipeline.skin.quantile import quantile

_WORK_PX = 96  # side of the picture in which the tone is looked for
_DEGREE = 3  # of the polynomials that give a and b for L
_LIGHTNESS = (3.0, 98.0)  # of 100: what is nearly black or burnt out has no tone
# Distance from the curve in Lab for a picture that reaches white, root of the mean square. Sepia under JPEG 90 measured
# 1.7 at most; colour photographs, dark ones among them, 3.3 and more.
_TONED = 2.4
_GREY = 1.0  # in Lab: a curve that stays this near to the axis is grey


@dataclass(frozen=True, slots=True, eq=False)
class Tone:
    """The colour of every lightness; `curve` is (4, 2) float32, of a and b by powers of L / 100."""

    curve: Floats

    def mix(self, other: "Tone", share: float) -> "Tone":
        """The tone between two pictures, at `share` 0..1 of the way to the other."""
        return Tone(np.asarray(self.curve + np.float32(share) * (other.curve - self.curve), np.float32))

    def apply(self, pixels: Pixels) -> Pixels:
        """(H, W, 3) uint8 RGB with its own lightness and this tone."""
        lab = _to_lab(pixels)
        colour = np.asarray(_powers(lab[..., 0]) @ self.curve, np.float32)
        if float(np.abs(colour).max(initial=0)) < _GREY:
            return np.asarray(cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
        toned = cv2.cvtColor(np.dstack([lab[..., 0], colour]), cv2.COLOR_LAB2RGB)
        return np.round(np.clip(toned, 0, 1) * 255).astype(np.uint8)


def find_tone(pixels: Pixels) -> Tone | None:
    """The tone of a grey, sepia or otherwise toned picture, (H, W, 3) uint8 RGB; None for one in colour."""
    small = shrink(pixels, (_WORK_PX, _WORK_PX))
    lab = _to_lab(small).reshape(-1, 3)
    told = lab[(lab[:, 0] > _LIGHTNESS[0]) & (lab[:, 0] < _LIGHTNESS[1])]
    if len(told) < _WORK_PX:
        return None
    terms = _powers(told[:, 0])
    # By the normal equations: four rows instead of one a pixel.
    exact = terms.astype(np.float64)
    curve = np.linalg.lstsq(exact.T @ exact, exact.T @ told[:, 1:], rcond=None)[0]
    away = float(np.sqrt(((told[:, 1:] - terms @ curve) ** 2).sum(1).mean()))
    lightest = quantile(told[:, 0], 0.95)
    return Tone(curve.astype(np.float32)) if away * 100 / lightest < _TONED else None


def _to_lab(pixels: Pixels) -> Floats:
    return to_lab(pixels)


def _powers(lightness: Floats) -> Floats:
    """(…, 4) powers of L / 100."""
    powers = np.ones((*lightness.shape, _DEGREE + 1), np.float32)
    for power in range(_DEGREE):
        np.multiply(powers[..., power], lightness / 100, out=powers[..., power + 1])
    return powers
