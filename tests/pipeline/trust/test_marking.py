"""A result leaves marked in every way, or not at all; read back by the official C2PA reader and by Pillow."""

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import c2pa
import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest

from mien_core.errors import InvalidImage, InvalidOptions, MarkingFailed
from mien_models.store import ModelStore
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.registry import ENGINES, parse_options
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import MEDIA_TYPES
from mien_pipeline.options import Format
from mien_pipeline.report import ModelUse
from mien_pipeline.swap import Parts, Stopwatch, swap
from mien_pipeline.trust import marking
from mien_pipeline.trust.marking import Stamp, public_settings, time_stamp_url
from mien_pipeline.trust.verify import Inspector

MODELS = [ModelUse("face-mesh", "12" * 32)]


def as_bytes(pixels: Pixels, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", MEDIA_TYPES)
def test_every_format_carries_all_three_marks(
    kind: Format, stamp: Stamp, inspector: Inspector, portrait: bytes
) -> None:
    marked = stamp.mark(decode(portrait), portrait, {"engine": "mesh"}, MODELS, kind)
    assert marked.media_type == MEDIA_TYPES[kind]
    assert marked.provenance.c2pa
    assert marked.provenance.watermark == "strong"
    found = inspector.inspect(marked.data)
    assert (found.credentials.state, found.credentials.trusted, found.credentials.problems) == ("valid", True, ())
    assert found.watermark is not None
    assert found.watermark.strength == "strong"
    assert found.metadata["ai_system"] == "Mien (mesh)"


def test_a_result_has_the_targets_format_unless_another_is_wanted(stamp: Stamp, portrait: bytes) -> None:
    image = decode(portrait)
    assert stamp.mark(image, portrait, {"engine": "mesh"}, MODELS).media_type == "image/jpeg"
    bmp = as_bytes(image.pixels, "BMP")
    assert stamp.mark(decode(bmp), bmp, {"engine": "mesh"}, MODELS).media_type == "image/png"


def test_every_engines_results_and_a_restoration_say_what_was_done(
    stamp: Stamp, inspector: Inspector, portrait: bytes
) -> None:
    image = decode(portrait)
    for settings, words in (
        ({"engine": "mesh"}, "replaced"),
        ({"engine": "inswapper"}, "replaced"),
        ({"engine": "flux"}, "replaced"),
        ({"engine": "vivid", "amount": 0.5}, "sharpened"),
    ):
        found = inspector.inspect(stamp.mark(image, portrait, settings, MODELS).data)
        assert words in str(found.metadata["description"])
        assert found.metadata["ai_system"] == f"Mien ({settings['engine']})"


def test_what_a_person_wrote_stays_on_the_machine(stamp: Stamp, portrait: bytes) -> None:
    options = FluxOptions(prompt="CANARY-PROMPT", negative_prompt="CANARY-NEGATIVE", seed=4)
    settings = options.model_dump(mode="json", exclude={"format"})
    assert b"CANARY" not in stamp.mark(decode(portrait), portrait, settings, MODELS).data


def test_only_text_that_a_person_wrote_is_left_out_of_the_settings() -> None:
    """Of every option of every engine: a new choice must be told, a new free text must not."""
    for engine in ENGINES:
        options = parse_options({"engine": engine})
        settings = options.model_dump(mode="json", exclude={"format"}, exclude_none=True)
        written = {name for name, field in type(options).model_fields.items() if field.annotation is str}
        assert set(settings) - set(public_settings(settings)) == written


def test_choices_and_numbers_are_told() -> None:
    settings = MeshOptions(faces=(0, 2)).model_dump(mode="json", exclude={"format"})
    assert public_settings(settings) == settings


def test_nothing_private_of_the_target_is_in_the_result(stamp: Stamp, photograph_with_a_past: bytes) -> None:
    """Not in the metadata, and not in the credentials, which hold no copy of the target."""
    for kind in MEDIA_TYPES:
        marked = stamp.mark(decode(photograph_with_a_past), photograph_with_a_past, {"engine": "mesh"}, MODELS, kind)
        assert b"CANARY" not in marked.data
        assert photograph_with_a_past[2000:2100] not in marked.data


def test_profile_and_transparency_reach_the_result(stamp: Stamp, photographs: Mapping[str, Pixels]) -> None:
    profile = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    pixels = photographs["coffee.png"]
    alpha = np.broadcast_to(np.linspace(0, 255, pixels.shape[1]).astype(np.uint8), pixels.shape[:2])
    target = as_bytes(np.dstack((pixels, alpha)), "PNG", icc_profile=profile)
    marked = stamp.mark(decode(target), target, {"engine": "mesh"}, MODELS)
    with PIL.Image.open(io.BytesIO(marked.data)) as read:
        assert read.mode == "RGBA"
        assert read.info["icc_profile"] == profile
        assert np.array_equal(np.asarray(read.getchannel("A")), alpha)


def test_credentials_come_last_so_that_they_cover_everything(
    stamp: Stamp, inspector: Inspector, portrait: bytes
) -> None:
    """Whoever changes the metadata afterwards breaks them."""
    marked = stamp.mark(decode(portrait), portrait, {"engine": "mesh"}, MODELS)
    changed = marked.data.replace(b"compositeWithTrainedAlgorithmicMedia", b"compositeWithTrainedAlgorithmicMedio", 1)
    assert changed != marked.data
    assert inspector.inspect(changed).is_contradicted


@pytest.mark.parametrize("failure", [OSError("encoder error"), ValueError("no"), MemoryError()])
def test_a_picture_that_cannot_be_encoded_is_not_delivered(
    stamp: Stamp, portrait: bytes, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(*_: object) -> bytes:
        raise failure

    monkeypatch.setattr(marking, "encode", fail)
    with pytest.raises(MarkingFailed):
        stamp.mark(decode(portrait), portrait, {"engine": "mesh"}, MODELS)


def test_a_picture_that_cannot_be_signed_is_not_delivered(
    stamp: Stamp, portrait: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise c2pa.C2paError("no")

    monkeypatch.setattr(c2pa.Builder, "sign", fail)
    with pytest.raises(MarkingFailed):
        stamp.mark(decode(portrait), portrait, {"engine": "mesh"}, MODELS)


def test_a_target_that_is_no_picture_is_no_parent(stamp: Stamp, portrait: bytes) -> None:
    with pytest.raises(InvalidImage):
        stamp.mark(decode(portrait), b"<html>", {"engine": "mesh"}, MODELS)


def test_a_format_that_cannot_hold_the_picture_is_told_by_field(stamp: Stamp, portrait: bytes) -> None:
    image = decode(portrait)
    transparent = replace(image, alpha=np.zeros(image.pixels.shape[:2], np.uint8))
    with pytest.raises(InvalidOptions) as refused:
        stamp.mark(transparent, portrait, {"engine": "mesh"}, MODELS, "jpeg")
    assert refused.value.fields["field"] == "format"


def test_a_stamp_without_its_networks_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(MarkingFailed):
        Stamp(tmp_path, tmp_path)


def test_an_even_picture_is_delivered_with_its_credentials_and_an_honest_word(
    stamp: Stamp, inspector: Inspector, models: ModelStore
) -> None:
    assert models
    white = Image(np.full((300, 400, 3), 255, np.uint8))
    target = as_bytes(white.pixels, "PNG")
    marked = stamp.mark(white, target, {"engine": "mesh"}, MODELS)
    assert marked.provenance.watermark != "strong"
    found = inspector.inspect(marked.data)
    assert found.credentials.state == "valid"
    assert found.watermark is not None
    assert found.watermark.strength == marked.provenance.watermark


def test_a_time_stamp_is_asked_for_only_by_who_chose_an_authority() -> None:
    assert time_stamp_url({}) is None
    assert time_stamp_url({"MIEN_TIME_STAMP": "https://stamp.example/tsr"}) == "https://stamp.example/tsr"
    assert time_stamp_url({"MIEN_TIME_STAMP": "https://stamp.example/tsr", "MIEN_OFFLINE": "1"}) is None
    with pytest.raises(MarkingFailed):
        time_stamp_url({"MIEN_TIME_STAMP": "file:///etc/passwd"})


def test_a_format_that_cannot_carry_the_result_is_refused_before_the_swap(photographs: Mapping[str, Pixels]) -> None:
    """Nothing is checked, detected or generated for it."""
    pixels = photographs["coffee.png"]
    target = as_bytes(np.dstack((pixels, pixels[..., 0])), "PNG")
    unreached = cast("Any", None)
    parts = Parts(unreached, unreached, unreached, unreached, unreached)
    with pytest.raises(InvalidOptions) as refused:
        swap(target, [], MeshOptions(format="jpeg"), parts, Stopwatch())
    assert refused.value.fields["field"] == "format"
