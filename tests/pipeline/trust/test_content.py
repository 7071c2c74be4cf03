"""The content check blocks what it should, lets everyday pictures pass, and is closed whenever it cannot tell."""

import hashlib
import shutil
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien_core.errors import CheckUnavailable, ContentBlocked
from mien_daemon.config import Settings
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.registry import ENGINES, parse_options
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.trust import content
from mien_pipeline.trust.check import check as check_picture
from mien_pipeline.trust.content import MODEL_SHA256, OpenNsfw, self_test_picture
from mien_testing.stand_in import returning

pytestmark = pytest.mark.slow

STAGES = ("target", "reference", "result")


class FakeNet:
    """A network that gives one answer, or fails."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked = 0

    def setInput(self, blob: Floats) -> None:  # noqa: N802 - OpenCV's name
        assert blob.shape == (1, 112, 112, 12)

    def forward(self) -> object:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture(scope="module")
def check(models: ModelStore) -> OpenNsfw:
    return OpenNsfw(models.path("content-check"))


def answering(check: OpenNsfw, monkeypatch: pytest.MonkeyPatch, answer: object) -> FakeNet:
    net = FakeNet(answer)
    monkeypatch.setattr(check, "_net", net)
    monkeypatch.setattr(check, "_passed", type(check._passed)())  # pyright: ignore[reportPrivateUsage]
    return net


def picture(side: int = 300) -> Pixels:
    return np.random.default_rng(5).integers(0, 255, (side, side, 3), dtype=np.uint8)


def test_no_everyday_photograph_is_blocked(check: OpenNsfw, photographs: Mapping[str, Pixels]) -> None:
    """Every photograph that the development environment's packages bring along."""
    assert len(photographs) >= 25
    for pixels in photographs.values():
        check.check(pixels, "target")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("side", [200, 640])
def test_a_blocked_picture_is_named_by_its_stage_and_nothing_else(check: OpenNsfw, stage: str, side: int) -> None:
    with pytest.raises(ContentBlocked) as blocked:
        check.check(self_test_picture(side), stage)
    assert blocked.value.fields == {"stage": stage}


def test_a_part_of_an_innocent_picture_is_enough(check: OpenNsfw) -> None:
    """The whole passes and one tile does not."""
    y, x = np.mgrid[0:600, 0:800]
    pixels = np.stack((x // 4, y // 3, 255 - x // 4), axis=2).astype(np.uint8)
    check.check(pixels, "target")
    pixels[:400, :534] = cv2.resize(self_test_picture(256)[16:-16, 16:-16], (534, 400))
    whole = next(iter(content._prepare_views(pixels)))  # pyright: ignore[reportPrivateUsage]
    assert check._score(whole[0]) < content.WHOLE_LIMIT  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(ContentBlocked):
        check.check(pixels, "target")


@pytest.mark.parametrize("shape", [(300, 900, 3), (2000, 100, 3), (1, 1, 3), (3, 5000, 3), (257, 300, 3)])
def test_pictures_of_any_shape_get_a_verdict(check: OpenNsfw, shape: tuple[int, int, int]) -> None:
    check.check(np.full(shape, 240, np.uint8), "target")


class Recorder:
    """A check that remembers what it was shown."""

    def __init__(self) -> None:
        self.seen: list[Pixels] = []

    def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None:
        assert pixels.dtype == np.uint8
        self.seen.append(pixels)


@pytest.mark.parametrize(("colour", "page"), [(0, 255), (255, 0)])
def test_a_shape_that_lies_in_the_transparency_alone_is_seen(colour: int, page: int) -> None:
    """The stored colours are one even black or white; the page behind them shows what is there."""
    shape = np.asarray(cv2.cvtColor(self_test_picture(320), cv2.COLOR_RGB2GRAY), np.uint8)
    recorder = Recorder()
    check_picture(Image(np.full((320, 320, 3), colour, np.uint8), alpha=shape), recorder, "target")
    shown = page + (colour - page) * (shape[..., None] / 255)
    assert min(np.abs(each - shown).mean() for each in recorder.seen) < 1


def test_a_picture_that_only_a_grey_page_shows_is_seen() -> None:
    """On white and on black there is noise; on grey it cancels out. Previews, and many viewers, have such a page."""
    shape = np.asarray(cv2.cvtColor(self_test_picture(320), cv2.COLOR_RGB2GRAY), np.float32)
    noise = np.random.default_rng(2).choice([-60.0, 60.0], (320, 320))
    on_black, on_white = 64 + (shape - 128) / 4 + noise, 191 + (shape - 128) / 4 - noise
    opacity = 1 - (on_white - on_black) / 255
    colours = np.clip(on_black / np.maximum(opacity, 1e-3), 0, 255).astype(np.uint8)
    alpha = np.clip(opacity * 255, 0, 255).astype(np.uint8)
    recorder = Recorder()
    check_picture(Image(np.dstack([colours] * 3), alpha=alpha), recorder, "target")
    shown = 127.5 + (shape - 128) / 4
    errors = [np.abs(each[..., 0] - shown).mean() for each in recorder.seen]
    assert min(errors) < 3
    assert sorted(errors)[1] > 20


def test_an_opaque_picture_is_looked_at_once() -> None:
    recorder = Recorder()
    check_picture(Image(picture()), recorder, "target")
    assert len(recorder.seen) == 1


SIZES = [(400, 400), (480, 640), (400, 711), (300, 1400), (400, 2000), (250, 1000), (64, 64), (70, 100)]
STRIPS = [(400, 16_000), (100, 4000), (60, 2400), (30, 400), (10, 32_000), (3, 15), (200, 1000)]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("size", [*SIZES, *STRIPS])
def test_every_pixel_is_seen_by_some_tile_and_none_is_stretched(size: tuple[int, int], turned: bool) -> None:
    height, width = size[::-1] if turned else size
    seen = np.zeros((height, width), bool)
    for top, bottom, left, right in content._tile_boxes(height, width):  # pyright: ignore[reportPrivateUsage]
        assert 0 <= top < bottom <= height
        assert 0 <= left < right <= width
        tile = content._pad_to_square(np.zeros((bottom - top, right - left, 3), np.uint8))  # pyright: ignore[reportPrivateUsage]
        assert max(tile.shape[:2]) <= content._MOST_SQUASHED * min(tile.shape[:2]) + 1  # pyright: ignore[reportPrivateUsage]
        seen[top:bottom, left:right] = True
    assert seen.all()


@pytest.mark.parametrize("size", [(400, 2000), (400, 16_000), (100, 4000), (480, 640), (400, 600)])
def test_neighbouring_tiles_share_half(size: tuple[int, int]) -> None:
    boxes = content._tile_boxes(*size)  # pyright: ignore[reportPrivateUsage]
    spans = sorted({(left, right) for _, _, left, right in boxes})
    assert all(one[1] - other[0] >= (one[1] - one[0]) // 2 - 1 for one, other in pairwise(spans))


@pytest.mark.parametrize("side", [100, 200, 255, 300])
@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_part_of_a_small_picture_is_enough(check: OpenNsfw, side: int, corner: tuple[int, int]) -> None:
    tile = side * 67 // 100
    pixels = np.full((side, side, 3), 200, np.uint8)
    top, left = (place * (side - tile) for place in corner)
    shape = np.ascontiguousarray(self_test_picture(256)[16:-16, 16:-16])
    pixels[top : top + tile, left : left + tile] = cv2.resize(shape, (tile, tile), interpolation=cv2.INTER_AREA)
    with pytest.raises(ContentBlocked):
        check.check(pixels, "target")


@pytest.mark.parametrize("short", [100, 200, 400])
def test_a_part_of_a_strip_is_enough(check: OpenNsfw, short: int) -> None:
    """Forty times as long as it is high: squashed to a square, nothing in it can be recognised."""
    pixels = np.full((short, 40 * short, 3), 200, np.uint8)
    shape = np.ascontiguousarray(self_test_picture(256)[16:-16, 16:-16])
    pixels[:, 7 * short : 8 * short] = cv2.resize(shape, (short, short))
    with pytest.raises(ContentBlocked):
        check.check(pixels, "target")


def test_a_missing_model_file_is_closed(tmp_path: Path) -> None:
    with pytest.raises(CheckUnavailable) as refused:
        OpenNsfw(tmp_path / "absent.onnx")
    assert refused.value.fields == {"reason": "missing"}


def test_a_model_file_with_one_bit_changed_is_closed(models: ModelStore, tmp_path: Path) -> None:
    copy = tmp_path / "copy.onnx"
    shutil.copyfile(models.path("content-check"), copy)
    with copy.open("r+b") as file:
        file.seek(1_000_000)
        byte = file.read(1)[0]
        file.seek(1_000_000)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(CheckUnavailable) as refused:
        OpenNsfw(copy)
    assert refused.value.fields == {"reason": "replaced"}


def test_a_catalogue_cannot_replace_the_model(models: ModelStore) -> None:
    """The pin is in the code; the catalogue only says where the same file comes from."""
    assert MODEL_SHA256 in {file.sha256 for file in load_catalogue({}).model("content-check").files}


@pytest.mark.parametrize(
    "answer",
    [
        np.array([[np.nan, np.nan]]),
        np.array([[np.inf, 0.0]]),
        np.array([[0.0, 0.0]]),
        np.array([[1.5, -0.5]]),
        np.array([[1.0]]),
        np.zeros((0, 2)),
        np.array([[0.5, 0.2, 0.3]]),
        cv2.error("inference failed"),
        MemoryError(),
    ],
)
def test_no_verdict_is_no_pass(check: OpenNsfw, monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    answering(check, monkeypatch, answer)
    with pytest.raises(CheckUnavailable):
        check.check(picture(), "target")


@pytest.mark.parametrize("pixels", [np.zeros((0, 0, 3), np.uint8), np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3))])
def test_what_is_no_picture_is_no_pass(check: OpenNsfw, pixels: Pixels) -> None:
    with pytest.raises(CheckUnavailable):
        check.check(pixels, "target")


@pytest.mark.parametrize(
    "answer", [*(np.array([[1 - score, score]]) for score in (0.0, 0.5, 0.95, 0.98, 1.0)), cv2.error("failed")]
)
def test_a_network_that_always_says_the_same_fails_its_self_test(
    models: ModelStore, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    """A predictor stored as a constant once passed everything in another program."""

    def read(*_: object) -> FakeNet:
        return FakeNet(answer)

    monkeypatch.setattr(cv2.dnn, "readNetFromONNX", read)
    with pytest.raises(CheckUnavailable):
        OpenNsfw(models.path("content-check"))


def test_a_network_with_one_wrong_layer_fails_its_self_test(
    models: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is: the picture's score is known to a hundredth."""
    data = bytearray(models.path("content-check").read_bytes())
    for place in (5_000_000, 12_000_000, 19_000_000):
        wrong = bytes(data[:place] + bytes(60_000) + data[place + 60_000 :])
        monkeypatch.setattr(content, "MODEL_SHA256", hashlib.sha256(wrong).hexdigest())
        monkeypatch.setattr(Path, "read_bytes", returning(wrong))
        with pytest.raises(CheckUnavailable) as refused:
            OpenNsfw(Path("wrong.onnx"))
        assert refused.value.fields == {"reason": "failed"}


def test_a_view_that_passed_is_not_asked_about_again(check: OpenNsfw, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result is its target outside the face, and each pass takes time."""
    net = answering(check, monkeypatch, np.array([[1.0, 0.0]]))
    pixels = picture(1200)
    check.check(pixels, "target")
    assert net.asked == 5
    changed = pixels.copy()
    changed[1100:, 1100:] = 0
    check.check(changed, "result")
    assert net.asked == 7, "the whole picture and the one tile that differs"


def test_a_blocked_view_is_asked_about_every_time(check: OpenNsfw, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(check, monkeypatch, np.array([[0.0, 1.0]]))
    for _ in range(3):
        with pytest.raises(ContentBlocked):
            check.check(picture(), "target")


def test_a_tile_that_passed_its_own_limit_has_not_passed_the_whole_ones(
    check: OpenNsfw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.6 is enough for a tile and too much for a picture."""
    answering(check, monkeypatch, np.array([[0.4, 0.6]]))
    with pytest.raises(ContentBlocked):
        check.check(picture(), "target")


def test_what_passed_as_a_tile_is_asked_about_again_as_a_whole(
    check: OpenNsfw, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(check, monkeypatch, np.array([[0.4, 0.6]]))
    view, _ = next(iter(content._prepare_views(picture())))  # pyright: ignore[reportPrivateUsage]
    limits = iter((content.TILE_LIMIT, content.WHOLE_LIMIT))

    def views(_: Pixels) -> list[tuple[Pixels, float]]:
        return [(view, next(limits))]

    monkeypatch.setattr(content, "_prepare_views", views)
    check.check(picture(), "target")
    with pytest.raises(ContentBlocked):
        check.check(picture(), "target")


def test_what_is_remembered_is_bounded(check: OpenNsfw, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(check, monkeypatch, np.array([[1.0, 0.0]]))
    monkeypatch.setattr(content, "_REMEMBERED", 64)
    for shade in range(100):
        check.check(np.full((32, 32, 3), shade, np.uint8), "target")
    assert len(check._passed) == 64  # pyright: ignore[reportPrivateUsage]


def test_a_strip_that_passed_is_not_asked_about_again(check: OpenNsfw, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has more tiles than any other picture."""
    net = answering(check, monkeypatch, np.array([[1.0, 0.0]]))
    strip = np.random.default_rng(3).integers(0, 255, (64, 32_000, 3), dtype=np.uint8)
    check.check(strip, "target")
    asked = net.asked
    check.check(strip, "result")
    assert net.asked == asked
    assert asked > 400


def test_there_is_no_switch() -> None:
    """Neither a setting nor an option of any engine, and the constructor takes a file and nothing else."""
    names = set(Settings.model_fields)
    for engine in ENGINES:
        names |= set(type(parse_options({"engine": engine})).model_fields)
    words = ("check", "nsfw", "safe", "filter", "content", "censor", "mark", "credential", "provenance")
    assert not [name for name in names if any(word in name for word in words)]
    with pytest.raises(TypeError):
        OpenNsfw(Path("x"), enabled=False)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
