"""The bundled catalogue: signed, complete, and the one place that knows where weights come from."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mien_core.errors import InvalidCatalogue
from mien_models.catalogue import entries
from mien_models.catalogue.entries import BUNDLED, load_catalogue
from mien_models.catalogue.signature import sign, signature_path, verify_signature
from mien_models.store import ModelStore
from mien_pipeline.engines.registry import ENGINES, needed_models

CATALOGUE = load_catalogue({})


def test_the_catalogue_is_signed_as_it_stands() -> None:
    """After an edit: python -m mien_models.catalogue.signature"""
    verify_signature(BUNDLED.read_bytes(), BUNDLED)


def test_one_changed_byte_breaks_the_signature() -> None:
    changed = BUNDLED.read_bytes().replace(b"size = 232589", b"size = 232588")

    with pytest.raises(InvalidCatalogue, match="signed"):
        verify_signature(changed, BUNDLED)


def test_a_changed_catalogue_is_refused_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / BUNDLED.name
    copy.write_bytes(BUNDLED.read_bytes().replace(b"must_accept = true", b"must_accept = false"))
    shutil.copy(signature_path(BUNDLED), signature_path(copy))
    monkeypatch.setattr(entries, "BUNDLED", copy)

    with pytest.raises(InvalidCatalogue, match="signed"):
        load_catalogue({})


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


@pytest.mark.parametrize("bundle", ["starter", "flux-dev", "flux-8gb", "klein", "baseline"])
def test_the_promised_bundles_name_models(bundle: str) -> None:
    assert CATALOGUE.resolve([bundle])


def test_starter_models_are_pinned_small_and_free_to_use() -> None:
    for name in CATALOGUE.resolve(["starter"]):
        model, licence = CATALOGUE.model(name), CATALOGUE.licence_of(name)
        assert model.source.kind == "wheel"
        assert model.size < 30_000_000
        assert licence.commercial, name
        assert not licence.must_accept, name


def test_weights_that_are_not_free_are_used_by_nobody_who_has_not_accepted_their_words() -> None:
    for name in CATALOGUE.models:
        licence = CATALOGUE.licence_of(name)
        assert licence.must_accept == (not licence.commercial), name
    assert not any(CATALOGUE.licence_of(name).commercial for name in CATALOGUE.resolve(["baseline"]))


def test_words_to_accept_are_pinned_and_readable_without_an_account() -> None:
    for name, licence in CATALOGUE.licences.items():
        if licence.must_accept:
            assert licence.text, name
            assert licence.text.sha256, name
            assert licence.text.source, name
            assert licence.text.source.kind in {"url", "bundled"}, name


@pytest.mark.parametrize("name", [name for name, licence in CATALOGUE.licences.items() if licence.text])
def test_the_words_of_every_licence_come_with_the_program(name: str, tmp_path: Path) -> None:
    """They are what the catalogue's digest says, so they are read, and accepted, with no network."""
    model = next(model for model, entry in CATALOGUE.models.items() if entry.licence == name)
    store = ModelStore(tmp_path, CATALOGUE, offline=True)
    shown = store.licence(model)
    text = CATALOGUE.licences[name].text
    assert text
    assert (shown.sha256, len(shown.text.encode())) == (text.sha256, text.size)
    assert not (tmp_path / "egress.log").exists()
    assert shown.sha256
    store.accept_licence(model, shown.sha256)
    store.check_licences([model])


# Digests and sizes that public sources agree on; what they do not know is locked on the first verified pull.
SEEN = {
    ("antelopev2", "glintr100.onnx"): (
        260_665_334,
        "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf",
    ),
    ("antelopev2", "scrfd_10g_bnkps.onnx"): (
        16_923_827,
        "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
    ),
    ("scrfd", "det_10g.onnx"): (
        16_923_827,
        "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
    ),
    ("infiniteyou", "image_proj_model.bin"): (
        338_413_026,
        "f85518431d7367de30b9558a939c003462a7e331e8c8b929146916dc27e471d6",
    ),
    ("ir-se50", "recognition_arcface_ir_se50.pth"): (
        175_367_323,
        "a035c768259b98ab1ce0e646312f48b9e1e218197a0f80ac6765e88f8b6ddf28",
    ),
    ("pulid-flux", "pulid_flux_v0.9.1.safetensors"): (
        None,
        "92c41c3af322b02e58e1b32842e4601e08c8f16ec1fe80089dbe957df510f51d",
    ),
    ("flux-2-klein-4b-transformer", "transformer/diffusion_pytorch_model.safetensors"): (
        7_751_109_744,
        "9f29f9edcfdae452a653ffb51a534ca4decd389952c225724ff3b94042612a6e",
    ),
    ("flux-2-klein-4b-text", "text_encoder/model-00001-of-00002.safetensors"): (
        4_967_215_360,
        "8c0506e7f4936fa7e26183a4fd8da4e2bdbc5990ba64ae441f965d51228f36ea",
    ),
    ("flux-2-klein-4b-text", "text_encoder/model-00002-of-00002.safetensors"): (
        3_077_766_632,
        "82f2bd839378541b0557bfabaf37c7d3d637071fdcb73302dedd7cf61162ce07",
    ),
    ("flux-2-klein-4b-vae", "vae/diffusion_pytorch_model.safetensors"): (
        168_120_878,
        "ca70d2202afe6415bdbcb8793ba8cd99fd159cfe6192381504d6c4d3036e0f04",
    ),
    ("flux-2-klein-4b-fp8", "flux-2-klein-4b-fp8.safetensors"): (
        4_070_624_520,
        "97ed34fe0567e436200f2faee3939b88f2b5d99f8af2a4dc16532c4245c0ccb6",
    ),
    ("flux-2-klein-4b-single", "flux-2-klein-4b.safetensors"): (
        None,
        "ec3d4e733a771f61c052fb4856c48b336c55eaf2c65487c2a1faeb9bbda7a343",
    ),
    ("bfs-head-klein-4b", "bfs_head_v1.1_optional_flux-klein_4b.safetensors"): (1_478_513_544, None),
}


@pytest.mark.parametrize(("model", "path"), SEEN)
def test_a_file_is_the_one_that_public_sources_know(model: str, path: str) -> None:
    file = CATALOGUE.file(model, path)
    assert (file.size, file.sha256) == SEEN[model, path]


def test_the_gated_base_is_pinned_to_its_commit() -> None:
    for name in ("flux-1-dev-transformer", "flux-1-dev-parts"):
        model = CATALOGUE.model(name)
        assert model.gated
        assert model.source.revision == "3de623fc3c33e44ffbe2bad470d0f45bccf2eb21"


KLEIN = ["klein", "klein-fp8", "klein-q8", "klein-q4"]


@pytest.mark.parametrize("bundle", KLEIN)
def test_every_part_of_klein_is_free_for_any_use_and_comes_without_an_account(bundle: str) -> None:
    """Of the LoRA's training pictures nothing is known, and its licence says so by its name."""
    parts = {name: CATALOGUE.licence_of(name) for name in CATALOGUE.resolve([bundle])}
    assert all(licence.commercial and not licence.must_accept for licence in parts.values())
    assert not any(CATALOGUE.model(name).gated for name in parts)
    lora = parts.pop("bfs-head-klein-4b")
    assert (lora.spdx, "training pictures undocumented" in lora.name) == ("MIT", True)
    assert {licence.spdx for licence in parts.values()} == {"Apache-2.0"}


def test_klein_is_the_published_folder_of_one_commit() -> None:
    """17 files, 15.97 GB."""
    names = [name for name in CATALOGUE.resolve(["klein"]) if name != "bfs-head-klein-4b"]
    models = [CATALOGUE.model(name) for name in names]
    assert {model.source.revision for model in models} == {"e7b7dc27f91deacad38e78976d1f2b499d76a294"}
    assert sum(len(model.files) for model in models) == 17
    assert sum(model.size for model in models) == 15_968_709_091


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
