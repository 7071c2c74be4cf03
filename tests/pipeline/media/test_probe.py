"""The probe names a file's format and size from its header, and refuses by name what Mien does not read."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien_core.errors import ImageTooLarge, InvalidImage
from mien_pipeline.media import kinds, probe
from mien_pipeline.media.decode import decode
from mien_testing.files import FORMATS, archive, encoded, gradient, photograph, png_of


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "svg"),
        (b"\xef\xbb\xbf\n<SVG>", "svg"),
        (b"<!doctype html><script>", "markup"),
        (b"%PDF-1.7\n", "pdf"),
        (b"GIF89a\x01\0\x01\0", "gif"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (archive(), "zip"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
        (b"RIFF\x10\0\0\0WAVE", "riff"),
        (b"\xff\x0a\x01", "jpeg-xl"),
        (b"just text", "unknown"),
        (b"", "nothing"),
    ],
)
def test_what_is_not_a_picture_mien_reads_is_named(data: bytes, found: str) -> None:
    with pytest.raises(InvalidImage) as refused:
        decode(data)
    assert refused.value.fields["found"] == found


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "JPEG"])
def test_a_signature_over_foreign_content_is_refused(kind: str) -> None:
    """The first bytes choose the parser, and no other parser is tried."""
    head = photograph(kind)[:8]
    with pytest.raises(InvalidImage):
        decode(head + photograph("WEBP"))


@pytest.mark.slow
def test_frames_count_towards_the_limit() -> None:
    """2 kB that would be 160 megapixels: ten frames of 4000 × 4000."""
    frames = [PIL.Image.new("RGB", (4000, 4000), (25 * shade, 0, 0)) for shade in range(10)]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], method=0)
    with pytest.raises(ImageTooLarge) as refused:
        decode(data)
    assert refused.value.fields["frames"] == 10


@pytest.mark.parametrize("size", [(probe.MAX_SIDE + 1, 10), (12_000, 10_001)])
def test_the_limits_are_a_pixel_count_and_a_side(size: tuple[int, int]) -> None:
    with pytest.raises(ImageTooLarge) as refused:
        probe.probe(png_of(*size))
    assert (refused.value.fields["width"], refused.value.fields["height"]) == size


def test_a_108_megapixel_photograph_is_within_the_limits() -> None:
    assert probe.probe(png_of(12_032, 9_024)).width == 12_032


def test_more_bytes_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "MAX_FILE_BYTES", 1000)
    with pytest.raises(ImageTooLarge) as refused:
        probe.probe(photograph("BMP"))
    assert refused.value.fields["limit_bytes"] == 1000


@pytest.mark.parametrize("kind", FORMATS)
def test_the_probe_tells_format_and_size_of_a_file_or_of_bytes(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(photograph(kind))
    expected = probe.PictureInfo(kind.lower(), 64, 48)
    assert probe.probe(path) == expected
    assert probe.probe(path.read_bytes()) == expected


def test_the_probe_refuses_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.touch()
    with pytest.raises(InvalidImage):
        probe.probe(path)


def test_the_probe_reads_no_pixels() -> None:
    """The body may be missing altogether."""
    data = photograph("JPEG")
    scan = data.index(b"\xff\xda")
    assert probe.probe(data[: scan + 20]).width == 64


@pytest.fixture
def without_pillow_heif(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    readable: Callable[..., bool] = kinds.heif_is_readable
    cache_clear: Callable[[], None] = readable.cache_clear  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    cache_clear()
    return cache_clear


def test_heic_without_its_package_names_the_package(without_pillow_heif: Callable[[], None]) -> None:
    with pytest.raises(InvalidImage, match="pillow-heif") as refused:
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    readable = refused.value.fields["readable"]
    assert isinstance(readable, list)
    assert "heif" not in readable
    without_pillow_heif()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "TIFF"])
def test_animations_and_picture_collections_are_refused_by_name(kind: str) -> None:
    frames = [PIL.Image.fromarray(np.roll(gradient(), shift, axis=1)) for shift in (0, 9, 18)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(InvalidImage) as refused:
        decode(data)
    assert refused.value.fields["found"] == f"animated {kind.lower()}"
