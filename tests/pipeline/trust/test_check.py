"""Everything that can be seen of a picture passes the content check, also what only its transparency shows."""

import numpy as np
import pytest

from mien_core.errors import ContentBlocked
from mien_pipeline.image import Image, Pixels
from mien_pipeline.trust.check import appearances, check


class Recorder:
    """Keeps what it is shown; stops at the picture of that number."""

    def __init__(self, stops_at: int | None = None) -> None:
        self.seen: list[Pixels] = []
        self.stages: list[str] = []
        self.stops_at = stops_at

    def check(self, pixels: Pixels, stage: str) -> None:
        self.seen.append(pixels)
        self.stages.append(stage)
        if len(self.seen) == self.stops_at:
            raise ContentBlocked("no", stage=stage)


COLOURS = np.full((2, 2, 3), 100, np.uint8)
HALF = Image(COLOURS, alpha=np.array([[0, 255], [51, 128]], np.uint8))


def test_an_opaque_picture_is_looked_at_once_as_it_is() -> None:
    (seen,) = appearances(Image(COLOURS))
    assert seen is COLOURS


def test_a_transparent_one_is_looked_at_as_stored_and_on_three_pages() -> None:
    stored, on_white, on_black, on_grey = appearances(HALF)
    assert np.array_equal(stored, COLOURS)
    assert on_white[..., 0].tolist() == [[255, 100], [224, 177]]
    assert on_black[..., 0].tolist() == [[0, 100], [20, 50]]
    assert on_grey[..., 0].tolist() == [[128, 100], [122, 114]]
    assert on_white.dtype == on_black.dtype == np.uint8


@pytest.mark.parametrize("stops_at", [1, 2, 3, 4])
def test_a_refusal_of_any_appearance_stops_the_picture(stops_at: int) -> None:
    recorder = Recorder(stops_at)
    with pytest.raises(ContentBlocked) as refused:
        check(HALF, recorder, "reference")
    assert refused.value.fields == {"stage": "reference"}
    assert recorder.stages == ["reference"] * stops_at


def test_a_picture_that_passes_is_left_as_it_is() -> None:
    before = COLOURS.copy()
    check(HALF, Recorder(), "target")
    assert np.array_equal(COLOURS, before)
