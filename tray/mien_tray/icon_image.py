"""The icon's state and its picture, which is readable at 16 pixels.

A panel may be dark or light, and cannot be asked which: every colour has a contrast of at least 3 to black and to white
(WCAG 2.2, 1.4.11), and no state is told by colour alone.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image, ImageDraw

from mien_tray.status import Phase, Status

SIDE = 64  # panels show 16 to 32 px, twice that on dense screens
OVERSAMPLED = 4
STEP_PERCENT = 5  # finer is not seen at 22 px, and every new picture costs a panel a redraw

CORAL = (205, 96, 54)
GREY = (122, 122, 122)
BLUE = (38, 128, 214)
AMBER = (184, 116, 0)
DARK = (42, 18, 8)
CREAM = (255, 244, 236)
WHITE = (255, 255, 255)

# The right half of the mark's face, forehead to chin, as two cubic Bézier curves, in units of the side.
FACE_RIGHT = (
    ((0.5, 0.17), (0.665, 0.17), (0.765, 0.295), (0.765, 0.455)),
    ((0.765, 0.455), (0.765, 0.66), (0.645, 0.83), (0.5, 0.83)),
)
CURVE_STEPS = 32  # a straight piece of an icon of 1024 px is then shorter than it is seen


class Symbol(StrEnum):
    """What the icon tells at a glance."""

    IDLE = "idle"
    BUSY = "busy"
    DOWNLOADING = "downloading"
    ATTENTION = "attention"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class IconState:
    """A symbol; `percent` belongs to busy and downloading, in steps of `STEP_PERCENT`."""

    symbol: Symbol
    percent: int = 0


def choose_icon_state(status: Status) -> IconState:
    """The most pressing thing wins: not running, then what waits for the person, then what is being done."""
    if status.daemon.phase is Phase.STARTING:
        return IconState(Symbol.IDLE)
    if status.daemon.phase is not Phase.RUNNING:
        return IconState(Symbol.STOPPED)
    if status.pairing.id is not None or status.degraded or status.unseen_failures:
        return IconState(Symbol.ATTENTION)
    if status.running:
        return IconState(Symbol.BUSY, clamp_to_step(100 * status.running[0].progress))
    if status.downloading:
        total = sum(model.size_bytes for model in status.downloading)
        done = sum(model.done_bytes for model in status.downloading)
        return IconState(Symbol.DOWNLOADING, clamp_to_step(100 * done / total) if total else 0)
    return IconState(Symbol.IDLE)


def clamp_to_step(percent: float) -> int:
    return min(100, max(0, int(percent) // STEP_PERCENT * STEP_PERCENT))


def draw(state: IconState, side: int = SIDE) -> Image.Image:
    """The picture, RGBA, `side` × `side` pixels, transparent round the symbol."""
    large = side * OVERSAMPLED
    picture = Image.new("RGBA", (large, large))
    pen = Pen(ImageDraw.Draw(picture), large)
    match state.symbol:
        case Symbol.IDLE:
            pen.tile(CORAL)
            pen.face(DARK, CREAM)
        case Symbol.STOPPED:
            pen.tile(GREY)
            pen.cross(WHITE)
        case Symbol.ATTENTION:
            pen.tile(AMBER)
            pen.exclamation(WHITE)
        case Symbol.BUSY:
            pen.ring(CORAL, state.percent)
            pen.face(CORAL, CORAL, scale=0.62)
        case Symbol.DOWNLOADING:
            pen.arrow(BLUE)
            pen.bar(BLUE, state.percent)
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def trace_face() -> Iterator[tuple[float, float]]:
    """Points along `FACE_RIGHT`, in units of the side."""
    for curve in FACE_RIGHT:
        for step in range(CURVE_STEPS + 1):
            t = step / CURVE_STEPS
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
            x, y = (sum(w * point[axis] for w, point in zip(weights, curve, strict=True)) for axis in (0, 1))
            yield x, y


class Pen:
    """Draws in units of the picture's side, so that every size looks the same."""

    def __init__(self, on: ImageDraw.ImageDraw, side: int) -> None:
        self._on = on
        self._side = side

    def tile(self, colour: tuple[int, int, int]) -> None:
        """The rounded square behind the symbols without progress."""
        self._on.rounded_rectangle(self._box(0.02, 0.02, 0.98, 0.98), 0.27 * self._side, fill=colour)

    def face(self, left: tuple[int, int, int], right: tuple[int, int, int], scale: float = 1.0) -> None:
        """A face in two halves: one in place of another."""
        for colour, mirrored in ((left, -scale), (right, scale)):
            outline = [self._at(0.5 + mirrored * (x - 0.5), 0.5 + scale * (y - 0.5)) for x, y in trace_face()]
            self._on.polygon(outline, fill=colour)

    def ring(self, colour: tuple[int, int, int], percent: int) -> None:
        """Progress, clockwise from the top. A thin line shows the rest, so that 0 % is visible too."""
        self._arc(colour, 0, 360, 0.05, 0.445)
        self._arc(colour, 0, 3.6 * percent, 0.17, 0.405)

    def arrow(self, colour: tuple[int, int, int]) -> None:
        self._line(colour, 0.2, (0.5, 0.12), (0.5, 0.4))
        self._on.polygon([self._at(0.18, 0.36), self._at(0.82, 0.36), self._at(0.5, 0.7)], fill=colour)

    def bar(self, colour: tuple[int, int, int], percent: int) -> None:
        """Progress, from left to right below the arrow."""
        self._line(colour, 0.06, (0.1, 0.87), (0.9, 0.87))
        if percent:
            self._line(colour, 0.2, (0.1, 0.87), (0.1 + 0.8 * percent / 100, 0.87))

    def cross(self, colour: tuple[int, int, int]) -> None:
        self._line(colour, 0.13, (0.3, 0.3), (0.7, 0.7))
        self._line(colour, 0.13, (0.7, 0.3), (0.3, 0.7))

    def exclamation(self, colour: tuple[int, int, int]) -> None:
        self._line(colour, 0.16, (0.5, 0.24), (0.5, 0.54))
        self._dot(colour, (0.5, 0.76), 0.09)

    def _arc(self, colour: tuple[int, int, int], start: float, end: float, width: float, radius: float) -> None:
        """An arc with round ends, in degrees from the top; `radius` is that of its middle line."""
        if end <= start:
            return
        outer = radius + width / 2
        box = self._box(0.5 - outer, 0.5 - outer, 0.5 + outer, 0.5 + outer)
        self._on.arc(box, start - 90, end - 90, fill=colour, width=round(width * self._side))
        for degrees in (start, end):
            angle = math.radians(degrees - 90)
            self._dot(colour, (0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle)), width / 2)

    def _line(
        self, colour: tuple[int, int, int], width: float, start: tuple[float, float], end: tuple[float, float]
    ) -> None:
        self._on.line([self._at(*start), self._at(*end)], fill=colour, width=round(width * self._side))
        self._dot(colour, start, width / 2)
        self._dot(colour, end, width / 2)

    def _dot(self, colour: tuple[int, int, int], middle: tuple[float, float], radius: float) -> None:
        x, y = middle
        self._on.ellipse(self._box(x - radius, y - radius, x + radius, y + radius), fill=colour)

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return x * self._side, y * self._side

    def _box(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        return left * self._side, top * self._side, right * self._side, bottom * self._side
