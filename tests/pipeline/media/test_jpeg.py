"""A JPEG that lost its last bytes is read and said to be incomplete; one that lost more is refused, and says where."""

import contextlib
import io
from collections.abc import Callable

import numpy as np
import PIL.Image
import pytest

from mien_core.errors import InvalidImage
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.decode import decode
from mien_pipeline.media.jpeg import END
from mien_testing.files import encoded
from mien_testing.refusals import refusal

ROWS, COLUMNS = 1600, 320
KINDS: dict[str, dict[str, object]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "with restarts": {"restart_marker_rows": 1},
    "optimised": {"optimize": True},
}
MODES = ["RGB", "L", "CMYK"]


def picture() -> Pixels:
    """Noise that was smoothed: every block has something to say."""
    noise = np.random.default_rng(0).integers(0, 255, (ROWS // 4, COLUMNS // 4, 3), dtype=np.uint8)
    return np.asarray(PIL.Image.fromarray(noise).resize((COLUMNS, ROWS), PIL.Image.Resampling.BICUBIC))


PICTURE = picture()


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    return encoded(PIL.Image.fromarray(PICTURE).convert(mode), "JPEG", **options)


def rows_that_differ(one: Image, other: Image) -> int:
    differing = np.flatnonzero((one.pixels != other.pixels).any((1, 2)))
    return ROWS - int(differing[0]) if len(differing) else 0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_that_lacks_its_last_bytes_is_read_and_the_missing_part_is_counted(kind: str, mode: str) -> None:
    data = jpeg(mode, **KINDS[kind])
    whole = decode(data)
    assert whole.missing_rows is None
    assert decode(data[:-1]).missing_rows == 0
    assert decode(data[:-2]).missing_rows == 0
    cut = decode(data[:-40])
    assert cut.missing_rows is not None
    # The row above is smoothed together with what is missing.
    assert 0 < rows_that_differ(whole, cut) <= cut.missing_rows + 2 <= ROWS // 50 + 2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_that_lacks_more_is_refused_with_or_without_an_end_marker(kind: str, mode: str) -> None:
    data = jpeg(mode, **KINDS[kind])
    for part in (0.3, 0.6, 0.9):
        cut = data[: int(len(data) * part)]
        assert refusal(cut)["found"] == "jpeg"
        assert refusal(cut + END)["found"] == "jpeg"


def test_the_refusal_names_the_row() -> None:
    data = jpeg()
    start = data.index(b"\xff\xda")
    fields = refusal(data[: start + (len(data) - start) // 2])
    assert fields["reason"] == "ends-early"
    assert fields["rows"] == ROWS
    assert 0.4 * ROWS < int(str(fields["row"])) < 0.6 * ROWS
    assert refusal(data[: start + (len(data) - start) // 2] + END)["reason"] == "rows-missing"


def test_a_progressive_jpeg_without_its_detail_is_refused_and_one_without_its_last_bit_says_so() -> None:
    data = jpeg(progressive=True)
    scans = [at for at in range(len(data)) if data.startswith(b"\xff\xda", at)]
    assert refusal(data[: scans[1]] + END)["reason"] == "scans-missing"
    assert refusal(data[: scans[4]] + END)["reason"] == "scans-missing"
    last = max(at for at in range(scans[-1]) if data.startswith(b"\xff\xc4", at))
    assert decode(data[: last if last > scans[-2] else scans[-1]] + END).missing_rows == 0


def test_an_end_marker_inside_the_pixels_is_not_taken_for_the_end() -> None:
    data = bytearray(jpeg())
    at = (data.index(b"\xff\xda") + len(data)) // 2
    data[at : at + 2] = END
    assert refusal(bytes(data))["reason"] == "rows-missing"


def test_a_hole_between_two_restart_markers_is_refused() -> None:
    data = jpeg(restart_marker_rows=1)
    first, second = data.index(b"\xff\xd3"), data.index(b"\xff\xd4")
    assert refusal(data[: first + 40] + data[second:])["reason"] == "rows-missing"


@pytest.mark.parametrize(
    "tail",
    [b"\0" * 5000, b"\0\0\0\x18ftypmp42" + bytes(4000), END, b"SEFT" * 99],
    ids=["zeros", "film", "end", "words"],
)
def test_what_follows_the_picture_is_no_damage(tail: bytes) -> None:
    whole = decode(jpeg())
    decoded = decode(jpeg() + tail)
    assert decoded.missing_rows is None
    assert np.array_equal(decoded.pixels, whole.pixels)


def test_bytes_too_many_before_the_end_are_no_damage() -> None:
    data = jpeg()
    assert decode(data[:-2] + b"abc" + END).missing_rows is None


def test_a_telephones_picture_whose_second_part_is_cut_is_whole() -> None:
    first = PIL.Image.fromarray(PICTURE)
    out = io.BytesIO()
    first.save(out, "MPO", save_all=True, append_images=[first])
    data = out.getvalue()
    assert decode(data[: len(data) * 3 // 4]).missing_rows is None
    assert refusal(data[: len(data) // 4])["found"] == "jpeg"


def test_every_flip_leaves_a_picture_of_full_height_or_a_named_refusal() -> None:
    """No checksum covers a JPEG: a flip may change pixels, and may not end the picture early unsaid."""
    whole = jpeg()
    draw = np.random.default_rng(3)
    for _ in range(25):
        data = bytearray(whole)
        data[int(draw.integers(700, len(data) - 2))] ^= int(draw.integers(1, 256))
        image = None
        with contextlib.suppress(InvalidImage):
            image = decode(bytes(data))
        if image is None:
            continue
        flat = np.ptp(image.pixels[::-1].astype(int), axis=1).max(1) == 0
        missing = int(np.argmin(flat)) if not flat.all() else ROWS
        assert missing <= (image.missing_rows or 0) + 2


@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_another_thread_looks_through_is_the_same(kind: str, says: bool) -> None:
    data = jpeg("RGB", **KINDS[kind])
    one, other = decode(data, lambda: says), decode(data)
    assert np.array_equal(one.pixels, other.pixels)
    assert (one.missing_rows, one.format) == (other.missing_rows, other.format)


def missing_or_refused(data: bytes, is_whole: Callable[[], bool] | None) -> object:
    """How many rows are missing, or what the refusal says."""
    with contextlib.suppress(InvalidImage):
        return decode(data, is_whole).missing_rows
    with pytest.raises(InvalidImage) as refused:
        decode(data, is_whole)
    return refused.value.fields


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.995])
def test_a_damaged_picture_that_another_thread_looked_through_is_refused_or_repaired_as_any(
    part: float, kind: str
) -> None:
    whole = jpeg("RGB", **KINDS[kind])
    data = whole[: int(part * len(whole))]
    assert missing_or_refused(data, lambda: False) == missing_or_refused(data, None)
