"""The icon can be told apart at 16 pixels, on a dark panel and on a light one."""

from dataclasses import replace
from itertools import combinations

import pytest
from PIL import Image, ImageChops

from mien_tray.icon_image import AMBER, BLUE, CORAL, GREY, IconState, Symbol, choose_icon_state, draw
from mien_tray.status import DaemonState, JobSummary, ModelSummary, PairingSummary, Phase, Status

RUNNING = Status(DaemonState(Phase.RUNNING))
JOB = JobSummary("a", "swap", True, 0.43)
MODEL = ModelSummary("m", "M", "downloading", 200, 90)
LOOKS = [IconState(mark) for mark in Symbol] + [IconState(Symbol.BUSY, 50), IconState(Symbol.DOWNLOADING, 50)]


def luminance(colour: tuple[int, int, int]) -> float:
    """WCAG 2.2, "relative luminance"."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (one / 255 for one in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [CORAL, GREY, BLUE, AMBER])
def test_every_mark_stands_out_on_black_and_on_white(colour: tuple[int, int, int]) -> None:
    """A contrast of 3, which WCAG 2.2 asks of graphics (1.4.11)."""
    assert (luminance(colour) + 0.05) / 0.05 >= 3
    assert 1.05 / (luminance(colour) + 0.05) >= 3


@pytest.mark.parametrize("panel", [(24, 24, 24), (245, 245, 245)], ids=["dark", "light"])
@pytest.mark.parametrize(("one", "other"), list(combinations(LOOKS, 2)))
def test_two_states_differ_at_16_pixels_without_their_colours(
    one: IconState, other: IconState, panel: tuple[int, int, int]
) -> None:
    """In grey, on either panel: a tenth of the pixels or more differ by a sixth of the range or more."""
    first, second = (seen(look, panel) for look in (one, other))
    differing = sum(value > 40 for value in ImageChops.difference(first, second).tobytes())
    assert differing >= 0.1 * 16 * 16


def seen(look: IconState, panel: tuple[int, int, int]) -> Image.Image:
    """As a panel shows it: scaled down onto its own colour, and then without hues."""
    small = draw(look).resize((16, 16), Image.Resampling.BILINEAR)
    shown = Image.new("RGB", (16, 16), panel)
    shown.paste(small, mask=small)
    return shown.convert("L")


@pytest.mark.parametrize("mark", [Symbol.BUSY, Symbol.DOWNLOADING])
def test_progress_is_seen(mark: Symbol) -> None:
    inked = [sum(draw(IconState(mark, percent)).getchannel("A").tobytes()) for percent in range(0, 101, 20)]
    assert inked == sorted(inked)
    assert inked[-1] > 1.25 * inked[0]


@pytest.mark.parametrize("side", [16, 22, 32, 64])
def test_the_picture_is_as_large_as_asked_and_its_corners_are_clear(side: int) -> None:
    picture = draw(IconState(Symbol.ATTENTION), side)
    assert (picture.size, picture.mode) == ((side, side), "RGBA")
    assert picture.getchannel("A").tobytes()[0] <= 2


PRESSING = {
    "starting": (Status(DaemonState(Phase.STARTING)), IconState(Symbol.IDLE)),
    "stopped": (Status(DaemonState(Phase.STOPPED), jobs=[JOB]), IconState(Symbol.STOPPED)),
    "silent": (Status(DaemonState(Phase.SILENT)), IconState(Symbol.STOPPED)),
    "gave up": (Status(DaemonState(Phase.FAILED)), IconState(Symbol.STOPPED)),
    "idle": (RUNNING, IconState(Symbol.IDLE)),
    "waiting jobs only": (replace(RUNNING, jobs=[replace(JOB, running=False)], paused=True), IconState(Symbol.IDLE)),
    "busy, in steps": (replace(RUNNING, jobs=[JOB], models=[MODEL]), IconState(Symbol.BUSY, 40)),
    "downloading": (replace(RUNNING, models=[MODEL]), IconState(Symbol.DOWNLOADING, 45)),
    "of unknown size": (replace(RUNNING, models=[replace(MODEL, size_bytes=0)]), IconState(Symbol.DOWNLOADING, 0)),
    "a browser that asks to be paired": (
        replace(RUNNING, jobs=[JOB], pairing=PairingSummary(True, "p")),
        IconState(Symbol.ATTENTION),
    ),
    "an open pairing window": (replace(RUNNING, pairing=PairingSummary(True)), IconState(Symbol.IDLE)),
    "degraded": (replace(RUNNING, degraded=True), IconState(Symbol.ATTENTION)),
    "a failure nobody saw": (replace(RUNNING, unseen_failures=1), IconState(Symbol.ATTENTION)),
}


@pytest.mark.parametrize(("status", "look"), PRESSING.values(), ids=PRESSING)
def test_the_most_pressing_thing_is_shown(status: Status, look: IconState) -> None:
    assert choose_icon_state(status) == look
