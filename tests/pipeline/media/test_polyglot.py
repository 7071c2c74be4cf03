"""A picture that is another program's file as well is refused; harmless trailers pass."""

import numpy as np
import pytest

from mien_core.errors import InvalidImage
from mien_pipeline.media.decode import decode
from mien_testing.files import archive, photograph

TAILS = {
    "zip": archive(),
    "markup": b"\n<html><script>alert(1)</script>",
    "pdf": b"%PDF-1.4 trailer",
    "png": photograph("PNG"),
    "gif": b"GIF89a....",
}


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "HEIF"])
def test_a_picture_that_is_something_else_as_well_is_refused(kind: str, tail: str) -> None:
    with pytest.raises(InvalidImage) as refused:
        decode(photograph(kind) + TAILS[tail])
    assert refused.value.fields["found"] == f"polyglot {kind.lower()}"
    assert refused.value.fields["also"] == tail


def test_a_tiff_with_an_archive_behind_it_is_refused() -> None:
    with pytest.raises(InvalidImage, match="something else"):
        decode(photograph("TIFF") + archive())


def test_a_pdf_that_hides_in_a_jpegs_comment_is_refused() -> None:
    with pytest.raises(InvalidImage, match="something else"):
        decode(photograph("JPEG", comment=b"%PDF-1.4\n1 0 obj"))


def test_markup_after_a_stretch_of_zeros_is_still_seen() -> None:
    with pytest.raises(InvalidImage, match="something else"):
        decode(photograph("JPEG") + b"\x01" * 4000 + b"<script>")


def test_the_film_behind_a_moving_picture_passes() -> None:
    film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + np.random.default_rng(7).bytes(500_000)
    assert decode(photograph("JPEG") + film).width == 64
