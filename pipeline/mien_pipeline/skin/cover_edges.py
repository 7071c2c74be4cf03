"""Edges that covers end at: how steep a place is, from where that is sharp, and the parts between edges."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Floats, Pixels
from mien_pipeline.skin.light import average
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import FaceView, disc

_EDGE, _EDGE_TO_SKIN = 5.0, 2.0  # gradient of a sharp edge: in levels of Lab a pixel; in medians of the skin's own
_RIM, DOMAIN = 0.03, 0.05  # face widths inside the oval that tell no edges; outside it, as far as covers are followed
_VALLEY = 0.03  # face widths in which an edge is the steepest place


def measure_gradient(lab: Floats) -> Floats:
    """(h, w) the change of colour a pixel, in levels of Lab; a and b count twice."""
    smooth = np.asarray(cv2.GaussianBlur(lab, (0, 0), 1.0), np.float32) * np.array([1, 2, 2], np.float32)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, dx, dy, scale=1 / 8) for dx, dy in ((1, 0), (0, 1)))
    return np.asarray(np.sqrt(3 * average(np.asarray(across**2 + down**2, np.float32))), np.float32)


def find_least_edge(gradient: Floats, view: FaceView, covers: Choice) -> float:
    """The gradient from which an edge is sharp, on this face's skin."""
    plain = view.seed & ~covers
    own = float(np.median(gradient[plain])) if plain.any() else 0.0
    return max(_EDGE, _EDGE_TO_SKIN * own)


def split_at_edges(gradient: Floats, view: FaceView) -> NDArray[np.int32]:
    """(h, w) a number for each part of the face and what is close around, split at edges; 0 outside."""
    around = np.asarray(cv2.dilate(gradient, disc(max(2, round(_VALLEY * view.width)))), np.float32)
    domain = cv2.dilate(view.oval, disc(max(1, round(DOMAIN * view.width)))) > 0
    valleys = (gradient < np.float32(0.5) * around) & domain
    _, markers = cv2.connectedComponents(valleys.astype(np.uint8), connectivity=4)
    labels = np.asarray(markers, np.int32)
    outside = int(labels.max()) + 1
    labels[~domain] = outside
    cv2.watershed(to_steps(gradient), labels)
    labels[(labels == outside) | (labels < 0)] = 0
    return labels


def to_steps(gradient: Floats) -> Pixels:
    """(h, w, 3) uint8, the order in which a watershed floods; steps are finer where edges are faint."""
    steps = np.clip(np.sqrt(gradient) * 40, 0, 255).astype(np.uint8)
    return np.asarray(cv2.merge([steps, steps, steps]), np.uint8)


def shrink_oval(view: FaceView) -> Pixels:
    """(h, w) 1 inside the outline of the face, where edges tell of covers; beside it they may be the face's."""
    return np.asarray(cv2.erode(view.oval, disc(max(1, round(_RIM * view.width)))), np.uint8)
