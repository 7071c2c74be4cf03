"""The weights of the stack are found, or refused with all that is missing."""

from pathlib import Path

import pytest

from mien_core.errors import LicenceNotAccepted, ModelNotInstalled
from mien_models.store import ModelStore
from mien_pipeline.engines.flux.engine import FluxEngine, load
from mien_pipeline.engines.flux.files import FULL
from mien_pipeline.engines.registry import missing_models


def test_all_that_is_missing_is_named_at_once_with_the_command_that_gets_it(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(ModelNotInstalled) as refused:
        load(ModelStore(tmp_path, store.catalogue))
    fields = refused.value.fields
    assert "flux-1-dev-transformer/transformer/config.json" in list(fields["files"])  # type: ignore[call-overload]
    assert "pulid-flux/pulid_flux_v0.9.1.safetensors" in list(fields["files"])  # type: ignore[call-overload]
    assert str(fields["command"]).startswith("mien models pull ")
    assert "withanyone" in str(fields["command"])


def test_terms_that_are_not_accepted_are_refused_before_anything_is_loaded(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = ModelStore.path

    def path(self: ModelStore, model: str, file: str | None = None) -> Path:
        if model == "infiniteyou":
            raise LicenceNotAccepted("its terms must be accepted first", model=model)
        return accepted(self, model, file)

    monkeypatch.setattr(ModelStore, "path", path)
    with pytest.raises(LicenceNotAccepted) as refused:
        load(store)
    assert refused.value.fields["model"] == "infiniteyou"


def test_a_gguf_file_stands_in_for_the_full_transformer(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the bundle for small cards installed, the full 22 GiB are not reported as missing."""
    here = {name for name in store.catalogue.models if store.is_installed(name)} - {FULL}

    def is_installed(_store: ModelStore, model: str) -> bool:
        return model in here

    monkeypatch.setattr(ModelStore, "is_installed", is_installed)
    assert FULL in missing_models("flux", store)
    here.add("flux-1-dev-q4")
    assert FULL not in missing_models("flux", store)


def test_every_weight_file_in_use_is_named_with_its_digest(engine: FluxEngine, store: ModelStore) -> None:
    names = {use.name for use in engine.models}
    assert {"antelopev2/glintr100.onnx", "infiniteyou/image_proj_model.safetensors"} <= names
    assert all(len(use.sha256) == 64 for use in engine.models)
