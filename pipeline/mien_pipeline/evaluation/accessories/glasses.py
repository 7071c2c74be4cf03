"""Glasses drawn onto a face: frames of several shapes, lenses from clear to opaque and mirrored."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.face import Mesh
from mien_pipeline.faces.topology import LEFT_EYE, RIGHT_EYE, face_width, head_axes
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb

Shape = Literal["round", "square", "pilot", "narrow", "shield"]
Lens = Literal["black", "brown", "fading", "sky", "silver", "tinted", "clear"]

SHAPES: tuple[Shape, ...] = ("round", "square", "pilot", "narrow", "shield")
OPAQUE: tuple[Lens, ...] = ("black", "brown", "fading", "sky", "silver")

# Lens: how much light from behind it passes at its upper and its lower edge, and what it reflects there (RGB 0..1,
# linear). The last two show the eyes.
_LENSES: dict[Lens, tuple[float, float, tuple[float, float, float], tuple[float, float, float]]] = {
    "black": (0.0, 0.0, (0.012, 0.012, 0.014), (0.006, 0.006, 0.006)),
    "brown": (0.02, 0.03, (0.05, 0.03, 0.015), (0.03, 0.018, 0.01)),
    "fading": (0.01, 0.12, (0.03, 0.035, 0.04), (0.015, 0.015, 0.015)),
    "sky": (0.0, 0.0, (0.35, 0.55, 0.9), (0.12, 0.16, 0.1)),
    "silver": (0.02, 0.02, (0.75, 0.77, 0.8), (0.3, 0.3, 0.31)),
    "tinted": (0.45, 0.65, (0.01, 0.01, 0.012), (0.005, 0.005, 0.005)),
    "clear": (0.96, 0.96, (0.004, 0.004, 0.004), (0.004, 0.004, 0.004)),
}
# Half a lens's width in widths of its eye, half its height in face widths, and how far it is squared off (1 is not).
_SIZES: dict[Shape, tuple[float, float, float]] = {
    "round": (0.85, 0.125, 1.0),
    "square": (0.95, 0.115, 0.3),
    "pilot": (1.0, 0.145, 0.75),
    "narrow": (0.9, 0.075, 0.45),
    "shield": (1.0, 0.11, 0.35),
}
_BELOW = 0.02  # face widths by which a lens's middle is lower than the eye's
_FRAME = (26, 24, 26)
_FINE = 4  # binary digits of a pixel in which outlines are drawn


def draw_glasses(
    pixels: Pixels, mesh: Mesh, shape: Shape = "square", lens: Lens = "black", frame: float = 0.018
) -> Pixels:
    """The picture (H, W, 3) with glasses on the face of `mesh`; `frame` is how thick theirs is, in face widths."""
    width = face_width(mesh)
    outlines = [_draw_outline(mesh, ring, shape) for ring in (LEFT_EYE, RIGHT_EYE)]
    if shape == "shield":  # one lens before both eyes
        outlines = [np.asarray(cv2.convexHull(np.concatenate(outlines)), np.float32)[:, 0]]
    filled = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(filled, [_to_fine(outline) for outline in outlines], (255,), cv2.LINE_AA, _FINE)
    worn = _lay_lens(pixels, np.asarray(filled / 255, np.float32), outlines, lens)
    thick = max(1, round(frame * width))
    for outline in outlines:
        cv2.polylines(worn, [_to_fine(outline)], True, _FRAME, thick, cv2.LINE_AA, _FINE)
    for ends in _list_bars(mesh, outlines):
        start, end = (tuple(int(value * 2**_FINE) for value in point) for point in ends)
        cv2.line(worn, start, end, _FRAME, thick, cv2.LINE_AA, _FINE)
    return worn


def _list_bars(mesh: Mesh, outlines: list[Floats]) -> list[tuple[Floats, Floats]]:
    """The ends, (2,) each, of both arms and, between two lenses, of the bridge."""
    across, _ = head_axes(mesh)
    left, right = outlines[0], outlines[-1]
    bars = [(left[np.argmin(left @ across)], mesh[127, :2]), (right[np.argmax(right @ across)], mesh[356, :2])]
    if len(outlines) == 2:
        bars.append((left[np.argmax(left @ across)], right[np.argmin(right @ across)]))
    return bars


def _draw_outline(mesh: Mesh, ring: tuple[int, ...], shape: Shape) -> Floats:
    """(N, 2) around one eye, held as the head is."""
    along, down = head_axes(mesh)
    half_width, half_height, power = _SIZES[shape]
    eye = mesh[list(ring), :2]
    span = float(np.ptp(eye @ along))
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False, dtype=np.float32)
    cos, sin = (np.sign(value) * np.abs(value) ** power for value in (np.cos(turn), np.sin(turn)))
    if shape == "pilot":  # drops
        cos = cos * (0.8 - 0.2 * sin)
    width = face_width(mesh)
    middle = eye.mean(0) + down * _BELOW * width
    return np.asarray(
        middle + cos[:, None] * along * half_width * span + sin[:, None] * down * half_height * width, np.float32
    )


def _lay_lens(pixels: Pixels, inside: Mask, outlines: list[Floats], lens: Lens) -> Pixels:
    through, through_below, above, below = _LENSES[lens]
    points = np.concatenate(outlines)
    top, bottom = float(points[:, 1].min()), float(points[:, 1].max())
    rows = np.arange(pixels.shape[0], dtype=np.float32)
    share = np.clip((rows - top) / max(bottom - top, 1.0), 0, 1)[:, None, None]
    if lens in ("sky", "silver"):  # a horizon
        share = np.clip((share - 0.45) * 8, 0, 1)
    passed = through + (through_below - through) * share
    reflected = np.array(above) + (np.array(below) - np.array(above)) * share
    seen = to_linear(pixels) * passed + reflected
    cover = inside[..., None]
    return to_srgb(np.asarray(to_linear(pixels) * (1 - cover) + seen * cover, np.float32))


def _to_fine(outline: Floats) -> NDArray[np.int32]:
    return np.asarray(np.round(outline * 2**_FINE), np.int32)
