"""Every refusal of a picture says what is wrong: in a sentence of its own, and in a word for programs."""

import io
from typing import get_args

import PIL.Image
import pytest

from mien_core.errors import InvalidImage
from mien_pipeline.media.damage import Damage
from mien_pipeline.media.decode import decode
from mien_testing.files import FORMATS, archive, encoded, gradient, photograph


def flip(data: bytes, at: float) -> bytes:
    changed = bytearray(data)
    changed[int(len(data) * at)] ^= 0x5A
    return bytes(changed)


def refuse(data: bytes) -> InvalidImage | None:
    try:
        decode(data)
    except InvalidImage as refused:
        return refused
    return None


def floats() -> bytes:
    return encoded(PIL.Image.fromarray(gradient()).convert("L").convert("F"), "TIFF")


def animation() -> bytes:
    out = io.BytesIO()
    picture = PIL.Image.fromarray(gradient())
    picture.save(out, "WEBP", save_all=True, append_images=[picture.rotate(180)])
    return out.getvalue()


def cut_jpeg(part: float, **options: object) -> bytes:
    """A JPEG with an end marker after a part of its scans."""
    data = encoded(PIL.Image.fromarray(gradient(480, 64)), "JPEG", quality=95, **options)
    start = data.index(b"\xff\xda")
    return data[: start + int((len(data) - start) * part)] + b"\xff\xd9"


def first_scan() -> bytes:
    data = photograph("JPEG", progressive=True)
    return data[: data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)] + b"\xff\xd9"


REASONS = {
    "ends-early": photograph("WEBP")[:-9],
    "checksum": flip(photograph("PNG"), 0.7),
    "rows-missing": cut_jpeg(0.5),
    "scans-missing": first_scan(),
    "bad-header": photograph("WEBP")[:12] + bytes(len(photograph("WEBP")) - 12),
    "bad-data": flip(photograph("TIFF", compression="tiff_adobe_deflate"), 0.5),
    "empty": b"",
    "other-format": b"%PDF-1.7\n",
    "several-pictures": animation(),
    "two-formats": photograph("PNG") + archive(),
    "wide-channels": floats(),
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_refusal_says_what_is_wrong_in_one_word(reason: str) -> None:
    with pytest.raises(InvalidImage) as refused:
        decode(REASONS[reason])
    assert refused.value.fields["reason"] == reason


def test_each_reason_has_a_sentence_of_its_own() -> None:
    said = set[str]()
    for data in REASONS.values():
        with pytest.raises(InvalidImage) as refused:
            decode(data)
        said.add(str(refused.value).partition("damaged:")[2] or str(refused.value))
    assert len(said) == len(REASONS)
    assert set(get_args(Damage)) <= REASONS.keys()


@pytest.mark.parametrize("kind", FORMATS)
def test_no_sentence_tells_of_the_program_that_could_not_read_the_file(kind: str) -> None:
    """Pillow's own words name objects and addresses in memory."""
    data = photograph(kind)
    for broken in (data[:12], data[:40], data[:-5], flip(data, 0.02), flip(data, 0.1), flip(data, 0.6)):
        refused = refuse(broken)
        if refused is not None:  # some flips leave a picture
            assert " object at 0x" not in str(refused)
            assert refused.fields["reason"]
