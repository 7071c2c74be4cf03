"""What is missing is named at once; packed files and the LoRA's first version can stand in."""

from dataclasses import replace
from pathlib import Path

import pytest

from mien_core.errors import ModelNotInstalled
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.klein.entry import ENTRY
from mien_pipeline.engines.klein.files import (
    FLOAT8,
    FULL,
    PACKED,
    check,
    find_files,
    installed_lora,
    locate,
    models_used,
    transformer_of,
)
from mien_pipeline.plan.component import NumberFormat


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


def test_the_transformer_is_named_that_is_read(klein_store: ModelStore) -> None:
    """Full weights may be there, and not fit: then GGUF is read, and never both."""
    both = replace(locate(klein_store), packed={"float8": Path("f"), "gguf-q4": Path("q")})
    forms: tuple[NumberFormat, ...] = ("bfloat16", "float8", "gguf-q4")
    assert {form: transformer_of(both, form) for form in forms} == {
        "bfloat16": FULL, "float8": FULL, "gguf-q4": "flux-2-klein-4b-q4",
    }  # fmt: skip
    assert transformer_of(replace(both, transformer=None), "float8") == FLOAT8


def test_what_may_stand_in_for_the_transformer_is_what_the_entry_says() -> None:
    assert set(PACKED) <= set(ENTRY.instead[FULL])
