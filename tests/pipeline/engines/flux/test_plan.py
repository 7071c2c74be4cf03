"""The memory plan is made of the files at hand, and refuses before anything is loaded."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mien_core.errors import EngineUnavailable, ModelNotInstalled, NotEnoughMemory
from mien_models.store import ModelStore
from mien_pipeline.engines.flux import transformer
from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.files import FULL, SINGLE, find_files
from mien_pipeline.engines.flux.plan import available_forms, plan_memory


def test_too_little_memory_is_refused_before_loading_with_the_plan(engine: FluxEngine) -> None:
    device = replace(engine.stack.device, kind="discrete", total_bytes=(3 << 30) // 4 + 1000)
    with pytest.raises(NotEnoughMemory) as refused:
        plan_memory(engine.stack.files, device, 1024)
    plan: Any = refused.value.fields["plan"]
    assert plan["fits"] is False
    assert {row["name"] for row in plan["components"]} >= {"transformer", "control_net", "faceid", "text_encoder_2"}
    assert refused.value.fields["would_fit"]


def test_a_single_file_stands_in_for_the_folder(
    engine: FluxEngine, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is planned for in every form that full weights have, at published size."""
    path = ModelStore.path

    def one_file(self: ModelStore, model: str, file: str | None = None) -> Path:
        if model == FULL:
            raise ModelNotInstalled("it is not", model=model, files=["transformer/config.json"])
        return Path(__file__) if model == SINGLE else path(self, model, file)

    monkeypatch.setattr(ModelStore, "path", one_file)
    files = find_files(store)
    assert files.transformer == Path(__file__)
    assert available_forms(files) >= {"bfloat16", "float8"}
    plan = plan_memory(files, replace(engine.stack.device, kind="discrete", total_bytes=80 << 30), 1024)
    assert plan.of("transformer").component.bytes_as("bfloat16") > 20 << 30


def test_no_form_is_planned_whose_library_is_not_installed(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full weights become other forms; a GGUF file alone does not."""
    files = find_files(store)
    monkeypatch.setattr(transformer, "find_spec", {"bitsandbytes": "there"}.get)
    assert available_forms(files) == {"float32", "bfloat16", "float8", "nf4"}
    with pytest.raises(EngineUnavailable, match="gguf"):
        available_forms(replace(files, transformer=None, gguf={"gguf-q4": Path("flux.gguf")}))
