"""Everything that can be seen of a picture passes the content check, also what only its transparency shows."""

import struct
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import PIL.ExifTags
import PIL.Image
import pytest

from mien_core.errors import ContentBlocked
from mien_models.store import ModelStore
from mien_pipeline.face import Face, Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.decode import decode
from mien_pipeline.trust.check import appearances, check, find_turns, turn_upright
from mien_pipeline.trust.content import OpenNsfw, self_test_picture
from mien_testing.painted import face_at
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

    def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None:
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


# ── upright, as faces tell ──────────────────────────────────────────────────────────────────────────────────────────


def face_with(roll_deg: float, side: int = 20) -> Face:
    return replace(face_at((0, 0, side, side)), roll_deg=roll_deg)


class Unsure:
    """Blocks a picture as it lies, unless it is known to be turned; passes it in every other orientation."""

    def __init__(self, lying: Pixels) -> None:
        self.lying = lying
        self.asked: list[bool] = []

    def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None:
        self.asked.append(is_turned)
        if np.array_equal(pixels, self.lying) and not is_turned:
            raise ContentBlocked("no", stage=stage)


UNEVEN = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


@pytest.mark.parametrize(("roll_deg", "quarters"), [(90, 1), (-88, 3), (179, 2), (-175, 2), (82, 1)])
def test_a_turned_picture_is_looked_at_as_it_lies_and_upright(roll_deg: float, quarters: int) -> None:
    recorder = Recorder()
    check(Image(UNEVEN), recorder, "target", [face_with(roll_deg)])
    lying, upright = recorder.seen
    assert np.array_equal(lying, UNEVEN)
    assert np.array_equal(upright, np.rot90(UNEVEN, quarters))


@pytest.mark.parametrize("rolls_deg", [(), (0,), (-25,), (20, 29)])
def test_a_picture_without_tilted_faces_is_looked_at_once(rolls_deg: tuple[float, ...]) -> None:
    recorder = Recorder()
    check(Image(UNEVEN), recorder, "target", [face_with(roll) for roll in rolls_deg])
    assert len(recorder.seen) == 1


def test_between_quarter_turns_nothing_around_the_picture_is_seen() -> None:
    """The editor's black corners go, and what it turned comes back at its own size."""
    for degrees in (35.0, 45.0, 60.0, 135.0, -140.0):
        plain = np.full((300, 300, 3), 90, np.uint8)
        plain[100:200, 100:200] = 180
        reach = abs(np.cos(np.radians(degrees))) + abs(np.sin(np.radians(degrees)))
        side = round(300 * reach)
        turn = cv2.getRotationMatrix2D((149.5, 149.5), -degrees, 1.0)
        turn[:, 2] += (side - 300) / 2
        upright = turn_upright(np.asarray(cv2.warpAffine(plain, turn, (side, side)), np.uint8), degrees)
        assert upright.shape[:2] == pytest.approx((300, 300), abs=2)
        assert upright[8:-8, 8:-8].min() >= 85, degrees


def test_an_innocent_picture_that_is_blocked_only_because_it_is_turned_passes() -> None:
    unsure = Unsure(UNEVEN)
    check(Image(UNEVEN), unsure, "target", [face_with(91), face_with(84)])
    assert unsure.asked == [False, False, True]


@pytest.mark.parametrize("rolls_deg", [(), (0,), (45,), (0, 180), (180, 10), (90, 59)])
def test_a_refusal_stays_where_any_face_says_that_the_picture_may_be_upright(rolls_deg: tuple[float, ...]) -> None:
    """Or where none says anything: an upside-down face that is put beside an upright one changes nothing."""
    with pytest.raises(ContentBlocked):
        check(Image(UNEVEN), Unsure(UNEVEN), "target", [face_with(roll) for roll in rolls_deg])


def test_a_picture_of_which_the_network_is_sure_stays_blocked_however_its_faces_lie() -> None:
    class Sure(Recorder):
        def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None:
            if np.array_equal(pixels, UNEVEN):
                raise ContentBlocked("no", stage=stage)

    with pytest.raises(ContentBlocked):
        check(Image(UNEVEN), Sure(), "target", [face_with(180)])


def test_every_appearance_of_a_transparent_picture_is_looked_at_upright() -> None:
    recorder = Recorder()
    check(HALF, recorder, "target", [face_with(180)])
    assert len(recorder.seen) == 8
    for lying, upright in zip(recorder.seen[:4], recorder.seen[4:], strict=True):
        assert np.array_equal(upright, np.rot90(lying, 2))


def test_faces_that_lie_several_ways_are_each_asked_and_tiny_ones_are_not() -> None:
    faces = [face_with(90, 20), face_with(100, 30), face_with(180, 25), face_with(-90, 24), face_with(45, 5)]
    assert find_turns(faces) == [100, 180, -90]
    assert find_turns([*faces, face_with(40, 15)]) == [100, 180, -90]


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


@pytest.mark.slow
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turning_a_picture_with_a_face_is_no_way_around_the_check(
    network: OpenNsfw, detector: MeshDetector, astronaut: Portrait, quarters: int
) -> None:
    """What is blocked upright passes on its side and upside down, until its face tells which way is up."""
    shown = self_test_picture(720).copy()
    head = astronaut.image.pixels[60:300, 100:340]
    shown[20:130, 20:130] = cv2.resize(head, (110, 110), interpolation=cv2.INTER_AREA)
    turned = Image(np.ascontiguousarray(np.rot90(shown, quarters)))
    faces = detector.detect(turned)
    assert len(faces) == 1
    check(turned, network, "target")
    with pytest.raises(ContentBlocked):
        check(turned, network, "target", faces)
    with pytest.raises(ContentBlocked):
        check(Image(shown), network, "target", detector.detect(Image(shown)))
