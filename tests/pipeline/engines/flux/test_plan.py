"""The memory plan is made of the files at hand, and refuses before anything is loaded."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mien_core.errors import ModelNotInstalled, NotEnoughMemory
from mien_models.store import ModelStore
from mien_pipeline.device import Device
from mien_pipeline.engines.diffusion.forms import usable_forms
from mien_pipeline.engines.flux.components import plan_stack, published_shapes
from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.files import FULL, SINGLE, FluxFiles, find_files
from mien_pipeline.engines.flux.forms import forms_of
from mien_pipeline.engines.flux.measure.files import published_layout, write_layout
from mien_pipeline.engines.flux.plan import plan_memory
from mien_pipeline.plan.placement import GIB


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
    assert forms_of(store) >= {"bfloat16", "float8"}
    plan = plan_memory(files, replace(engine.stack.device, kind="discrete", total_bytes=80 << 30), 1024)
    assert plan.of("transformer").component.bytes_as("bfloat16") > 20 << 30


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> FluxFiles:
    """Every file at its published size: real headers, and holes where the values would be."""
    return replace(write_layout(tmp_path_factory.mktemp("published"), published_layout()), gguf={})


@pytest.mark.parametrize("gib", [6, 8, 10, 12, 16, 20, 24, 32, 48, 80])
@pytest.mark.parametrize("install", ["folder", "single file", "gguf-q4"])
def test_the_engine_plans_what_the_command_shows(published: FluxFiles, gib: int, install: str) -> None:
    """The headers of the installed files and the manifests give one plan, to the byte."""
    files = {
        "folder": published,
        "single file": replace(published, transformer=Path(__file__)),
        "gguf-q4": replace(published, transformer=None, gguf={"gguf-q4": Path("flux.gguf")}),
    }[install]
    device = Device(torch.device("cpu"), "discrete", "a card", gib * GIB, "cuda", torch.bfloat16)
    made = plan_memory(files, device, 1024)
    forms = usable_forms(files.transformer is not None, files.gguf, "flux")
    assert made.as_json() == plan_stack(published_shapes(), "discrete", gib * GIB, forms, 1024).as_json()
