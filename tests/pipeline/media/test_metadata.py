"""A result says what it is, which engine made it, who took the photograph, and nothing that tells on anybody."""

import io

import PIL.Image
import pytest

from mien_pipeline.media import metadata
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import MEDIA_TYPES, encode
from mien_pipeline.media.previews import preview
from mien_pipeline.options import Format


def read(data: bytes) -> dict[str, object]:
    with PIL.Image.open(io.BytesIO(data)) as picture:
        return metadata.read(picture)


@pytest.mark.parametrize("kind", MEDIA_TYPES)
def test_the_photographer_stays_and_everything_private_goes(kind: Format, photograph_with_a_past: bytes) -> None:
    """Position, serial number, owner, maker's note, comment and the thumbnail of the original face."""
    before = read(photograph_with_a_past)
    assert before["private"] == ["maker_note", "owner_name", "position", "serial_number", "thumbnail"]
    result = encode(decode(photograph_with_a_past), kind, metadata.write_packet("Mien (mesh)", metadata.SWAPPED))
    assert b"CANARY" not in result
    after = read(result)
    assert after["artist"] == "Ann Author"
    assert after["copyright"] == "(c) Ann Author"
    assert "private" not in after


@pytest.mark.parametrize("kind", MEDIA_TYPES)
def test_a_result_says_which_engine_made_it_and_that_the_face_is_not_the_targets(
    kind: Format, photograph_with_a_past: bytes
) -> None:
    result = encode(decode(photograph_with_a_past), kind, metadata.write_packet("Mien (mesh)", metadata.SWAPPED))
    said = read(result)
    assert said["ai_system"] == "Mien (mesh)"
    assert "not the face of the person photographed" in str(said["description"])
    assert str(said["digital_source_type"]).endswith("/compositeWithTrainedAlgorithmicMedia")
    assert said["creator_tool"] == "Mien"


def test_a_picture_without_an_author_gets_no_exif_at_all() -> None:
    exif = PIL.Image.Exif()
    exif[0x010F] = "CANARY"
    assert metadata.filter_exif(exif.tobytes()) is None
    assert metadata.filter_exif(None) is None


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"garbage" * 9])
def test_exif_that_cannot_be_read_is_dropped(exif: bytes) -> None:
    assert metadata.filter_exif(exif) is None


def test_an_orientation_is_not_kept_because_the_pixels_were_turned() -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    exif[0x013B] = "Ann"
    block = metadata.filter_exif(exif.tobytes())
    assert block is not None
    kept = PIL.Image.Exif()
    kept.load(block)
    assert dict(kept) == {0x013B: "Ann"}


@pytest.mark.parametrize("kind", MEDIA_TYPES)
def test_a_preview_of_a_result_says_the_same_and_one_of_any_other_picture_says_nothing(
    kind: Format, photograph_with_a_past: bytes
) -> None:
    result = encode(decode(photograph_with_a_past), kind, metadata.write_packet("Mien (mesh)", metadata.SWAPPED))
    told = read(result)
    assert read(preview(result, 64)) == {name: told[name] for name in told if name not in {"artist", "copyright"}}
    assert read(preview(photograph_with_a_past, 64)) == {}
    assert b"CANARY" not in preview(photograph_with_a_past, 64)


def test_words_of_an_engine_cannot_break_out_of_the_packet() -> None:
    packet = metadata.write_packet('"><evil attr="', "<b>&amp;")
    out = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(out, "JPEG", xmp=packet)
    said = read(out.getvalue())
    assert said["ai_system"] == '"><evil attr="'
    assert said["description"] == "<b>&amp;"


@pytest.mark.parametrize(
    "packet",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
        b"<not closed",
        b"",
        b"\xff\xfe\x00",
    ],
)
def test_a_packet_that_is_no_honest_xmp_says_nothing(packet: bytes) -> None:
    out = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(out, "JPEG", xmp=packet)
    assert read(out.getvalue()) == {}
