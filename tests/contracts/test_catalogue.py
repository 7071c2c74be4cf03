"""The bundled catalogue: signed, complete, and the one place that knows where weights come from."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mien_pipeline.engines import ENGINES, needed_models
from mien_pipeline.errors import InvalidCatalogue
from mien_pipeline.models.catalogue import BUNDLED, load_catalogue
from mien_pipeline.models.signature import sign, signature_path, verify_signature

CATALOGUE = load_catalogue({})


def test_the_catalogue_is_signed_as_it_stands() -> None:
    """After an edit: python -m mien_pipeline.models.signature"""
    verify_signature(BUNDLED.read_bytes(), BUNDLED)


def test_one_changed_byte_breaks_the_signature() -> None:
    changed = BUNDLED.read_bytes().replace(b"size = 232589", b"size = 232588")

    with pytest.raises(InvalidCatalogue, match="signed"):
        verify_signature(changed, BUNDLED)


def test_another_maintainer_key_does_not_sign_for_this_build(tmp_path: Path) -> None:
    copy = tmp_path / BUNDLED.name
    shutil.copy(BUNDLED, copy)
    sign(copy, Ed25519PrivateKey.generate())

    with pytest.raises(InvalidCatalogue):
        verify_signature(copy.read_bytes(), copy)


def test_a_missing_signature_is_no_signature(tmp_path: Path) -> None:
    copy = tmp_path / BUNDLED.name
    shutil.copy(BUNDLED, copy)
    assert not signature_path(copy).exists()

    with pytest.raises(InvalidCatalogue):
        verify_signature(copy.read_bytes(), copy)


def test_a_checkout_with_windows_line_ends_is_still_signed() -> None:
    verify_signature(BUNDLED.read_bytes().replace(b"\n", b"\r\n"), BUNDLED)


def test_every_model_that_an_engine_needs_is_in_the_catalogue() -> None:
    for engine in ENGINES:
        assert set(needed_models(engine)) <= set(CATALOGUE.models), engine


@pytest.mark.parametrize("bundle", ["starter", "flux-dev", "flux-8gb", "baseline"])
def test_the_promised_bundles_name_models(bundle: str) -> None:
    assert CATALOGUE.resolve([bundle])


def test_starter_models_are_pinned_small_and_free_to_use() -> None:
    for name in CATALOGUE.resolve(["starter"]):
        model, licence = CATALOGUE.model(name), CATALOGUE.licence_of(name)
        assert model.source.kind == "wheel"
        assert model.size < 30_000_000
        assert licence.commercial, name
        assert not licence.must_accept, name


def test_weights_that_are_not_free_say_so() -> None:
    for name in CATALOGUE.resolve(["flux-dev", "baseline"]):
        licence = CATALOGUE.licence_of(name)
        if licence.name.startswith(("FLUX", "InsightFace", "CC BY-NC")):
            assert not licence.commercial, name
    assert CATALOGUE.licence_of("flux-1-dev-transformer").must_accept


def test_pickles_are_named_as_such_and_never_kept() -> None:
    for name, model in CATALOGUE.models.items():
        for file in model.files:
            looks_pickled = file.path.endswith((".pt", ".pth", ".bin", ".ckpt"))
            assert looks_pickled == (file.format == "pickle"), (name, file.path)
            assert not file.installed_as.endswith((".pt", ".pth", ".bin", ".ckpt")), (name, file.path)


def test_addresses_are_https_and_end_where_files_begin() -> None:
    for name, model in CATALOGUE.models.items():
        for file in model.files:
            source = model.source_of(file)
            if source.kind == "url":
                assert all(base.startswith("https://") and base.endswith("/") for base in source.bases), name
