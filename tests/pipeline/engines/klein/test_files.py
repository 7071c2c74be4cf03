"""What is missing is named at once; packed files and the LoRA's first version can stand in."""

from pathlib import Path

import pytest

from mien_core.errors import ModelNotInstalled
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.klein.entry import ENTRY
from mien_pipeline.engines.klein.files import FULL, PACKED, check, find_files, installed_lora, locate, models_used


def test_all_that_is_missing_is_named_in_one_refusal(tmp_path: Path) -> None:
    with pytest.raises(ModelNotInstalled) as refused:
        check(ModelStore(tmp_path, load_catalogue({})))
    assert refused.value.fields["models"] == list(ENTRY.models)
    assert refused.value.fields["command"] == f"mien models pull {' '.join(ENTRY.models)}"


def test_every_file_of_the_bundle_is_found(klein_store: ModelStore) -> None:
    found = find_files(klein_store)
    assert found.transformer == klein_store.path(FULL) / "transformer"
    assert not found.packed
    assert (found.text / "text_encoder" / "config.json").is_file()
    assert (found.vae / "vae" / "config.json").is_file()
    assert found.lora.is_file()
    assert installed_lora(klein_store) == "bfs-head-klein-4b"


def test_each_weight_file_is_named_by_its_digest(klein_store: ModelStore) -> None:
    names = [each.name for each in models_used(klein_store, locate(klein_store))]
    assert len(names) == len(set(names)) == 5
    assert all(name.endswith(".safetensors") for name in names)


def test_what_may_stand_in_for_the_transformer_is_what_the_entry_says() -> None:
    assert set(PACKED) <= set(ENTRY.instead[FULL])
