"""A result leaves marked in every way, or not at all; read back by the official C2PA reader and by Pillow."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import c2pa
import numpy as np
import PIL.Image
import pytest
from pydantic import Field

from mien_core.errors import InvalidImage, InvalidOptions, MarkingFailed
from mien_models.store import ModelStore
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import MEDIA_TYPES
from mien_pipeline.options import Format, RestoreOptions, SwapOptions
from mien_pipeline.report import Edit, ModelUse
from mien_pipeline.trust import marking
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.manifests import ASSERTION
from mien_pipeline.trust.marking import ResultMarker
from mien_pipeline.trust.verify import Inspector
from mien_testing.profiles import srgb_profile

pytestmark = pytest.mark.slow

MODELS = [ModelUse("face-mesh", "12" * 32)]
SWAP = Edit("swap", "mesh", MeshOptions(), MODELS)


def as_bytes(pixels: Pixels, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", MEDIA_TYPES)
def test_every_format_carries_all_three_marks(
    kind: Format, marker: ResultMarker, inspector: Inspector, portrait: bytes
) -> None:
    marked = marker.mark(decode(portrait), portrait, SWAP, kind)
    assert marked.media_type == MEDIA_TYPES[kind]
    assert marked.provenance.c2pa
    assert marked.provenance.watermark == "strong"
    found = inspector.inspect(marked.data)
    assert (found.credentials.state, found.credentials.trusted, found.credentials.problems) == ("valid", True, ())
    assert found.watermark is not None
    assert found.watermark.strength == "strong"
    assert found.metadata["ai_system"] == "Mien (mesh)"


@pytest.mark.parametrize("changed", [np.s_[60:180, 60:180], np.s_[:, :]])
def test_a_result_that_was_expected_is_marked_as_strongly_however_much_of_it_is_new(
    changed: tuple[slice, slice], marker: ResultMarker, inspector: Inspector, portrait: bytes
) -> None:
    original = decode(portrait)
    pixels = original.pixels.copy()
    pixels[changed] = pixels[changed][:, ::-1]
    marked = marker.expect(original).mark(replace(original, pixels=pixels), portrait, SWAP)
    assert marked.provenance.watermark == "strong"
    found = inspector.inspect(marked.data).watermark
    assert found is not None
    assert found.strength == "strong"


def test_a_result_has_the_targets_format_unless_another_is_wanted(marker: ResultMarker, portrait: bytes) -> None:
    image = decode(portrait)
    assert marker.mark(image, portrait, SWAP).media_type == "image/jpeg"
    bmp = as_bytes(image.pixels, "BMP")
    assert marker.mark(decode(bmp), bmp, SWAP).media_type == "image/png"


def test_a_result_has_the_quality_that_was_asked_for(marker: ResultMarker, portrait: bytes) -> None:
    low, high = (Edit("restore", "vivid", RestoreOptions(quality=quality)) for quality in (40, 100))
    image = decode(portrait)
    assert len(marker.mark(image, portrait, low, "jpeg").data) < len(marker.mark(image, portrait, high, "jpeg").data)


@pytest.mark.parametrize("quality", [1, 20, 100])
def test_a_result_says_of_its_watermark_what_its_file_still_holds(
    quality: int, marker: ResultMarker, inspector: Inspector, portrait: bytes
) -> None:
    """Quality 1 loses the mark; at 20 it is written more strongly."""
    edit = Edit("restore", "vivid", RestoreOptions(quality=quality))
    marked = marker.mark(decode(portrait), portrait, edit, "jpeg")
    found = inspector.inspect(marked.data).watermark
    assert marked.provenance.watermark == (found.strength if found else "none")
    assert marked.provenance.watermark == ("none" if quality == 1 else "strong")


def test_every_engines_results_and_a_restoration_say_what_was_done(
    marker: ResultMarker, inspector: Inspector, portrait: bytes
) -> None:
    image = decode(portrait)
    for edit, words in (
        (SWAP, "replaced"),
        (Edit("swap", "flux", FluxOptions(), MODELS), "replaced"),
        (Edit("restore", "vivid", RestoreOptions(), MODELS), "sharpened"),
        (Edit("restore", "vivid-flux", RestoreOptions(), MODELS), "sharpened"),
    ):
        found = inspector.inspect(marker.mark(image, portrait, edit).data)
        assert words in str(found.metadata["description"])
        assert found.metadata["ai_system"] == f"Mien ({edit.engine})"


def settings_in(marked: bytes) -> object:
    """What the credentials of a JPEG say of the options."""
    with c2pa.Reader("image/jpeg", io.BytesIO(marked)) as reader:
        store = json.loads(reader.json())
    assertions = store["manifests"][store["active_manifest"]]["assertions"]
    return next(each["data"]["settings"] for each in assertions if each["label"] == ASSERTION)


def test_what_a_person_wrote_stays_on_the_machine(marker: ResultMarker, portrait: bytes) -> None:
    options = FluxOptions(prompt="CANARY-PROMPT", negative_prompt="CANARY-NEGATIVE", seed=4)
    marked = marker.mark(decode(portrait), portrait, Edit("swap", "flux", options, MODELS)).data
    assert b"CANARY" not in marked
    settings = settings_in(marked)
    assert isinstance(settings, dict)
    assert set(FluxOptions.model_fields) - set(settings) == {"prompt", "negative_prompt", "format", "quality"}


def test_a_new_engines_choice_is_in_the_credentials_and_its_free_text_is_not(
    marker: ResultMarker, portrait: bytes
) -> None:
    class MadeUp(SwapOptions, frozen=True):
        tone: str = "warm"
        whim: str = Field(default="", json_schema_extra={"private": True})

    edit = Edit("swap", "made-up", MadeUp(engine="made-up", tone="cold", whim="CANARY"))
    marked = marker.mark(decode(portrait), portrait, edit).data
    assert settings_in(marked) == {
        "engine": "made-up", "faces": "largest", "seed": 0, "restore": 0.0, "tone": "cold", "detector": "auto",
        "restorer": "vivid", "fidelity": 0.5, "recogniser": "dlib", "masks": [], "fallback": False,
    }  # fmt: skip
    assert b"CANARY" not in marked


def test_a_restoration_says_by_whom_and_how_much(marker: ResultMarker, portrait: bytes) -> None:
    edit = Edit("restore", "vivid", RestoreOptions(amount=0.25))
    told = settings_in(marker.mark(decode(portrait), portrait, edit).data)
    assert told == {"engine": "vivid", "amount": 0.25, "restorer": "vivid", "fidelity": 0.5}


def test_nothing_private_of_the_target_is_in_the_result(marker: ResultMarker, photograph_with_a_past: bytes) -> None:
    """Not in the metadata, and not in the credentials, which hold no copy of the target."""
    for kind in MEDIA_TYPES:
        marked = marker.mark(decode(photograph_with_a_past), photograph_with_a_past, SWAP, kind)
        assert b"CANARY" not in marked.data
        assert photograph_with_a_past[2000:2100] not in marked.data


def test_profile_and_transparency_reach_the_result(marker: ResultMarker, photographs: Mapping[str, Pixels]) -> None:
    profile = srgb_profile()
    pixels = photographs["coffee.png"]
    alpha = np.broadcast_to(np.linspace(0, 255, pixels.shape[1]).astype(np.uint8), pixels.shape[:2])
    target = as_bytes(np.dstack((pixels, alpha)), "PNG", icc_profile=profile)
    marked = marker.mark(decode(target), target, SWAP)
    with PIL.Image.open(io.BytesIO(marked.data)) as read:
        assert read.mode == "RGBA"
        assert read.info["icc_profile"] == profile
        assert np.array_equal(np.asarray(read.getchannel("A")), alpha)


def test_credentials_come_last_so_that_they_cover_everything(
    marker: ResultMarker, inspector: Inspector, portrait: bytes
) -> None:
    """Whoever changes the metadata afterwards breaks them."""
    marked = marker.mark(decode(portrait), portrait, SWAP)
    changed = marked.data.replace(b"compositeWithTrainedAlgorithmicMedia", b"compositeWithTrainedAlgorithmicMedio", 1)
    assert changed != marked.data
    assert inspector.inspect(changed).is_contradicted


@pytest.mark.parametrize("failure", [OSError("encoder error"), ValueError("no"), MemoryError()])
def test_a_picture_that_cannot_be_encoded_is_not_delivered(
    marker: ResultMarker, portrait: bytes, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(*_: object) -> bytes:
        raise failure

    monkeypatch.setattr(marking, "encode", fail)
    with pytest.raises(MarkingFailed):
        marker.mark(decode(portrait), portrait, SWAP)


def test_a_picture_that_cannot_be_signed_is_not_delivered(
    marker: ResultMarker, portrait: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise c2pa.C2paError("no")

    monkeypatch.setattr(c2pa.Builder, "sign", fail)
    with pytest.raises(MarkingFailed):
        marker.mark(decode(portrait), portrait, SWAP)


def test_a_target_that_is_no_picture_is_no_parent(marker: ResultMarker, portrait: bytes) -> None:
    with pytest.raises(InvalidImage):
        marker.mark(decode(portrait), b"<html>", SWAP)


def test_a_format_that_cannot_hold_the_picture_is_told_by_field(marker: ResultMarker, portrait: bytes) -> None:
    image = decode(portrait)
    transparent = replace(image, alpha=np.zeros(image.pixels.shape[:2], np.uint8))
    with pytest.raises(InvalidOptions) as refused:
        marker.mark(transparent, portrait, SWAP, "jpeg")
    assert refused.value.fields["field"] == "format"


def test_a_marker_without_its_networks_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(MarkingFailed):
        ResultMarker(tmp_path, Authority(tmp_path))


def test_an_even_picture_is_delivered_with_its_credentials_and_an_honest_word(
    marker: ResultMarker, inspector: Inspector, models: ModelStore
) -> None:
    assert models
    white = Image(np.full((300, 400, 3), 255, np.uint8))
    target = as_bytes(white.pixels, "PNG")
    marked = marker.mark(white, target, SWAP)
    assert marked.provenance.watermark != "strong"
    found = inspector.inspect(marked.data)
    assert found.credentials.state == "valid"
    assert found.watermark is not None
    assert found.watermark.strength == marked.provenance.watermark
