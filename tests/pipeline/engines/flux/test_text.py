"""The prompt is encoded as FLUX.1's own pipeline encodes it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.flux.pipeline_flux import FluxPipeline
from torch import nn
from transformers import AutoTokenizer, CLIPTextModel, T5EncoderModel

from mien_pipeline.device import compute_dtype
from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.engines.flux.text import CACHED_PROMPTS, TextEncoders
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.ladder import TEXT_FORMS
from mien_pipeline.plan.placement import Residency


def test_the_prompt_is_encoded_as_flux_1s_pipeline_encodes_it(engine: FluxEngine) -> None:
    folder = engine.stack.files.base
    clip: Any = CLIPTextModel.from_pretrained(folder / "text_encoder", local_files_only=True)
    t5: Any = T5EncoderModel.from_pretrained(folder / "text_encoder_2", local_files_only=True)
    tokenizers: list[Any] = [AutoTokenizer.from_pretrained(folder / name) for name in ("tokenizer", "tokenizer_2")]
    tokenizers[0].model_max_length = 77
    empty: Any = None
    pipeline: Any = FluxPipeline(empty, empty, clip, tokenizers[0], t5, tokenizers[1], empty)
    with torch.no_grad():
        tokens, pooled, _ = pipeline.encode_prompt("a portrait, freckles", None, max_sequence_length=32)
    ours = engine.stack.text("dev").encode("a portrait, freckles")[0]
    torch.testing.assert_close(ours.tokens, tokens)
    torch.testing.assert_close(ours.pooled, pooled)


def count_loads(encoders: TextEncoders, *prompts: str) -> int:
    before = encoders.loads
    encoders.encode(*prompts)
    return encoders.loads - before


def test_a_prompt_is_encoded_once_until_sixteen_others_have_been_used_since(engine: FluxEngine) -> None:
    """The least recently used one goes first."""
    plan = engine.stack.text("dev")
    encoders = TextEncoders(plan.folder, forms=plan.forms, on_device=plan.on_device, max_tokens=8)
    first = encoders.encode("prompt 0")[0]
    encoders.encode(*(f"prompt {number}" for number in range(1, CACHED_PROMPTS)))
    assert encoders.encode("prompt 0")[0] is first
    assert count_loads(encoders, "one more") == 1
    assert count_loads(encoders, "prompt 0") == 0
    assert count_loads(encoders, "prompt 1") == 1


def test_the_same_prompt_twice_is_one_prompt(engine: FluxEngine) -> None:
    plan = engine.stack.text("dev")
    encoders = TextEncoders(plan.folder, forms=plan.forms, on_device=plan.on_device, max_tokens=8)
    one, other = encoders.encode("twice", "twice")
    assert one is other
    assert encoders.loads == 1


def rounded_t5(folder: Path, form: NumberFormat) -> Any:
    """T5 as transformers reads it; for float8 every layer's matrix but `wo` was rounded to it before."""
    t5: Any = T5EncoderModel.from_pretrained(folder, dtype=compute_dtype(form), local_files_only=True)
    for name, layer in t5.named_modules():
        if form == "float8" and isinstance(layer, nn.Linear | nn.Embedding) and not name.endswith(".wo"):
            layer.weight.data = layer.weight.data.to(torch.float8_e4m3fn).to(torch.bfloat16)
    return t5


@pytest.mark.parametrize(("form", "residency"), sorted({each for forms in TEXT_FORMS.values() for each in forms}))
def test_t5_reads_the_prompt_in_every_form_that_a_plan_may_choose(
    engine: FluxEngine, form: NumberFormat, residency: Residency
) -> None:
    """To the bit what transformers makes of the rounded weights: T5's own casts meet no float8."""
    plan = engine.stack.plan
    placed = tuple(
        replace(each, form=form, residency=residency)
        if each.component.name == "text_encoder_2"
        else replace(each, form="bfloat16")
        for each in plan.placements
    )
    stack = Stack(engine.stack.store, engine.stack.files, engine.stack.device, replace(plan, placements=placed))
    stack.text("dev").max_tokens = 8
    found = stack.text("dev").encode("freckles")[0].tokens
    tokenizer = AutoTokenizer.from_pretrained(engine.stack.files.base / "tokenizer_2", local_files_only=True)
    words = tokenizer("freckles", max_length=8, truncation=True, return_tensors="pt").input_ids
    with torch.no_grad():
        wanted = rounded_t5(engine.stack.files.base / "text_encoder_2", form)(words).last_hidden_state
    assert torch.equal(found, wanted)
