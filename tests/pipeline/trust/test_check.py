"""Everything that can be seen of a picture passes the content check, also what only its transparency shows."""

import struct
from collections.abc import Callable

import numpy as np
import PIL.ExifTags
import PIL.Image
import pytest

from mien_core.errors import ContentBlocked
from mien_models.store import ModelStore
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.decode import decode
from mien_pipeline.trust.check import appearances, check
from mien_pipeline.trust.content import OpenNsfw, self_test_picture
from mien_testing.profiles import (
    exchanging_profile,
    inverting_profile,
    save,
    srgb_profile,
    tables_profile,
    with_chunks,
)


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


# ── what a file may hide, with the real network ──────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def network(models: ModelStore) -> OpenNsfw:
    return OpenNsfw(models.path("content-check"))


def turned(pixels: Pixels) -> bytes:
    """Lies on its side, and EXIF says so."""
    exif = PIL.Image.Exif()
    exif[PIL.ExifTags.Base.Orientation] = 6
    return save(np.rot90(pixels), "PNG", exif=exif.tobytes())


def laid_under(pixels: Pixels) -> bytes:
    """Stored in full, and as good as transparent."""
    return save(np.dstack((pixels, np.full(pixels.shape[:2], 1, np.uint8))), "PNG")


def exchange(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[..., ::-1])


CHROMATICITIES = struct.pack(">8I", 31270, 32900, 15000, 6000, 30000, 60000, 64000, 33000)
HIDING: dict[str, Callable[[Pixels], bytes]] = {
    "a profile that exchanges": lambda shown: save(exchange(shown), "PNG", icc_profile=exchanging_profile()),
    "tables that exchange": lambda shown: save(exchange(shown), "PNG", icc_profile=tables_profile()),
    "tables behind sRGB": lambda shown: save(exchange(shown), "TIFF", icc_profile=tables_profile(srgb_profile())),
    "a negative": lambda shown: save(255 - shown, "TIFF", icc_profile=inverting_profile()),
    "a webp": lambda shown: save(exchange(shown), "WEBP", lossless=True, icc_profile=exchanging_profile()),
    "a jpeg": lambda shown: save(exchange(shown), "JPEG", quality=98, icc_profile=exchanging_profile()),
    "an avif": lambda shown: save(exchange(shown), "AVIF", quality=98, icc_profile=exchanging_profile()),
    "chromaticities": lambda shown: with_chunks(save(exchange(shown), "PNG"), (b"cHRM", CHROMATICITIES)),
    "an orientation": turned,
    "transparency": laid_under,
}


@pytest.mark.slow
@pytest.mark.parametrize("way", HIDING)
def test_what_a_file_hides_from_a_look_at_its_pixels_is_blocked(network: OpenNsfw, way: str) -> None:
    with pytest.raises(ContentBlocked):
        check(decode(HIDING[way](self_test_picture(320))), network, "target")


@pytest.mark.slow
def test_the_pixels_alone_would_have_passed(network: OpenNsfw) -> None:
    """So the profile is what the test above is about."""
    shown = self_test_picture(320)
    for stored in (exchange(shown), 255 - shown, np.ascontiguousarray(np.rot90(shown))):
        check(Image(stored), network, "target")
