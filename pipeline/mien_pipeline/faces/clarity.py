"""How clearly a picture shows a face: sharp, large and from the front."""

import math
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from mien_pipeline.face import Portrait
from mien_pipeline.faces.align import align
from mien_pipeline.image import Floats, Pixels

_SIDE_PX = 224  # of the aligned crop; a smaller face is enlarged to it and has less detail
_FINE, _COARSE = 1.0, 3.0  # deviations in pixels of the band that lashes and pores are in, and grain hardly is
# What a band of detail has by the next coarser one, one octave, in a picture without any detail and in a sharp one: of
# 29 photographs each has .57 and .62 at least, blurred by .012 face widths they have .37 and .54 at most.
_BLURRED, _SHARP = (0.3, 0.35), (0.57, 0.6)
_LEAST = 0.1  # of a face's width, that is resolved at least
_CONTRAST = 12.0  # code values: a darker or flatter picture is not clearer for that


def clarity(portrait: Portrait) -> float:
    """0 for a face turned away or without detail; a sharp, frontal one has about .3. Detail is counted by contrast."""
    face = portrait.face
    crop = align(portrait.image.pixels, face.kps, _SIDE_PX).crop
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.float32)
    detail = float((_blur(grey, _FINE) - _blur(grey, _COARSE)).std()) / (float(grey.std()) + _CONTRAST)
    frontal = math.cos(math.radians(face.yaw_deg)) * math.cos(math.radians(face.pitch_deg))
    return detail * max(0.0, frontal) ** 3


def resolved_width(pixels: Pixels, kps: Floats, width_px: float) -> float:
    """The width in pixels of a sharp face that has as much detail: less than its own where it is out of focus.

    `pixels` is (H, W, 3) uint8 RGB, `kps` (5, 2) float32 in its pixels.
    """
    crop = align(pixels, kps, _SIDE_PX).crop
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.float32)
    blurs = [_blur(grey, deviation) for deviation in (1.0, 2.0, 4.0, 8.0)]
    fine, middle, coarse = (float((one - wider).std()) + 1e-3 for one, wider in pairwise(blurs))
    measured = zip((fine / middle, middle / coarse), _BLURRED, _SHARP, strict=True)
    shares = [(ratio - none) / (full - none) for ratio, none, full in measured]
    return width_px * float(np.clip(max(min(shares), 0.0) ** 2, _LEAST, 1))


def sort_by_clarity(portraits: Sequence[Portrait]) -> list[Portrait]:
    """The portraits, that with the highest `clarity` first; equal ones stay in their order."""
    return list(portraits) if len(portraits) == 1 else sorted(portraits, key=clarity, reverse=True)


def _blur(grey: Floats, deviation: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), deviation), np.float32)
