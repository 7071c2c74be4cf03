"""How clearly a picture shows a face: sharp, large and from the front."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from mien_pipeline.face import Portrait
from mien_pipeline.faces.align import align
from mien_pipeline.image import Floats

_SIDE_PX = 224  # of the aligned crop; a smaller face is enlarged to it and has less detail
_FINE, _COARSE = 1.0, 3.0  # deviations in pixels of the band that lashes and pores are in, and grain hardly is
_CONTRAST = 12.0  # code values: a darker or flatter picture is not clearer for that


def clarity(portrait: Portrait) -> float:
    """0 for a face turned away or without detail; a sharp, frontal one has about .3. Detail is counted by contrast."""
    face = portrait.face
    crop = align(portrait.image.pixels, face.kps, _SIDE_PX).crop
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.float32)
    detail = float((_blur(grey, _FINE) - _blur(grey, _COARSE)).std()) / (float(grey.std()) + _CONTRAST)
    frontal = math.cos(math.radians(face.yaw_deg)) * math.cos(math.radians(face.pitch_deg))
    return detail * max(0.0, frontal) ** 3


def sort_by_clarity(portraits: Sequence[Portrait]) -> list[Portrait]:
    """The portraits, that with the highest `clarity` first; equal ones stay in their order."""
    return list(portraits) if len(portraits) == 1 else sorted(portraits, key=clarity, reverse=True)


def _blur(grey: Floats, deviation: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), deviation), np.float32)
