"""No string of a target's metadata reaches a result, a preview, a report or a refusal, in any format or encoding."""

import base64
import io
import json
import logging
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien_core.errors import InvalidImage
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.media import metadata
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import MEDIA_TYPES, encode
from mien_pipeline.media.previews import preview
from mien_pipeline.options import Format
from mien_pipeline.progress import Stopwatch
from mien_pipeline.report import Edit, ModelUse, describe
from mien_pipeline.swap import Components, edit_picture, prepare
from mien_pipeline.swap_image import FaceSwap
from mien_pipeline.trust.authority import Authority, Signatory
from mien_pipeline.trust.credentials import sign
from mien_pipeline.trust.marking import media_type_of
from mien_testing.painted import MIDDLE, Detector, Embedder, FakeCheck, Marker, Painter
from mien_testing.planted import AUTHOR, KINDS, WORD, find_words, pixels, plant

EDIT = Edit("swap", "mesh", MeshOptions(), [ModelUse("face-mesh", "12" * 32)])


@pytest.fixture(scope="module")
def signatory(tmp_path_factory: pytest.TempPathFactory) -> Signatory:
    return Authority(tmp_path_factory.mktemp("state")).signatory()


@pytest.fixture(scope="module")
def targets() -> dict[str, bytes]:
    pytest.importorskip("pillow_heif").register_heif_opener()
    return {kind: plant(kind) for kind in KINDS}


def make_result(target: bytes, output: Format, signatory: Signatory) -> bytes:
    """As `ResultMarker` does, with the watermark left out: it is in the pixels alone."""
    xmp = metadata.write_packet("Mien (mesh)", metadata.SWAPPED)
    encoded = encode(decode(target), output, xmp)
    return sign(encoded, MEDIA_TYPES[output], target, media_type_of(target), EDIT, signatory)


@pytest.mark.parametrize("output", MEDIA_TYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_planted_reaches_a_result(
    kind: str, output: Format, targets: dict[str, bytes], signatory: Signatory
) -> None:
    result = make_result(targets[kind], output, signatory)
    assert not find_words(result)
    with PIL.Image.open(io.BytesIO(result)) as opened:
        assert opened.size == (128, 96)
        found = metadata.read(opened)
    if kind not in {"BMP"}:
        assert (found["artist"], found["copyright"]) == (AUTHOR, f"(c) {AUTHOR}"), "whose work it is stays"
    assert "private" not in found


@pytest.mark.parametrize("kind", KINDS)
def test_the_plants_are_there_and_are_found(kind: str, targets: dict[str, bytes]) -> None:
    """Else the test above would promise nothing."""
    data = targets[kind]
    found = find_words(data)
    assert "plain" in found
    if kind not in {"BMP"}:
        assert {"UTF-16", "UTF-16, big end first"} <= found
        assert any(name.startswith("base64") for name in found)
    if kind == "PNG":
        assert "plain, compressed" in found
    assert np.abs(decode(data).pixels.astype(int) - pixels()).mean() < 6


@pytest.mark.parametrize(
    "encoded",
    [
        WORD.encode().hex().encode(),
        WORD.lower().encode(),
        WORD.encode("utf-32-le"),
        b"%43%41%4E%41%52%59",
        zlib.compress(b"x" * 50 + WORD.encode()),
        *(base64.b64encode(b"y" * shift + WORD.encode() + b"z") for shift in range(4)),
    ],
)
def test_the_search_finds_a_word_however_it_is_written(encoded: bytes) -> None:
    assert find_words(b"before " + encoded + b" after")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_planted_reaches_a_preview(kind: str, targets: dict[str, bytes]) -> None:
    made = preview(targets[kind], 64)
    assert not find_words(made)
    assert AUTHOR.encode() not in made


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_swapped_again_brings_nothing_along(
    kind: str, targets: dict[str, bytes], signatory: Signatory, tmp_path: Path
) -> None:
    """A second install edits the first one's result, whose credentials it takes over."""
    once = make_result(targets[kind], "jpeg", signatory)
    assert not find_words(make_result(once, "png", Authority(tmp_path).signatory()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_says_nothing_of_what_is_planted(kind: str, targets: dict[str, bytes]) -> None:
    data = targets[kind]
    for part in (0.1, 0.3, 0.5, 0.7, 0.9):
        try:
            decode(data[: int(len(data) * part)])
        except InvalidImage as refused:
            said = json.dumps([str(refused), refused.fields], default=str).encode()
            assert not find_words(said)


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_and_the_log_say_nothing_of_what_is_planted(
    kind: str, targets: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    parts = Components(Detector(), Embedder(), FakeCheck(), Marker())
    with caplog.at_level(logging.DEBUG):
        reference = prepare([targets[kind]], Painter(), replace(parts, detector=Detector(MIDDLE)), Stopwatch())
        edit = FaceSwap(Painter(), [reference], MeshOptions(), Embedder())
        done = edit_picture(targets[kind], edit, parts, Stopwatch())
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("mien")]
    said = json.dumps([describe(done), ours]).encode()
    assert not find_words(said)
    assert AUTHOR.encode() not in said
