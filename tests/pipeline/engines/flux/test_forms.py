"""A plan of FLUX.1 is made for the files that are installed."""

from pathlib import Path

import pytest

from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion import forms
from mien_pipeline.engines.flux.forms import forms_of


def test_a_plan_is_made_for_what_is_installed_or_else_for_what_could_be(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tiny bundle has full weights and no GGUF file."""
    monkeypatch.setattr(forms, "find_spec", {"gguf": "there"}.get)
    assert forms_of(store) == {"float32", "bfloat16", "float8"}
    nothing = ModelStore(tmp_path, store.catalogue)
    assert forms_of(nothing) == {"float32", "bfloat16", "float8", "gguf-q8", "gguf-q4"}
