"""The prompt is encoded as FLUX.1's own pipeline encodes it."""

from typing import Any

import torch
from diffusers.pipelines.flux.pipeline_flux import FluxPipeline
from transformers import AutoTokenizer, CLIPTextModel, T5EncoderModel

from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.text import CACHED_PROMPTS, TextEncoders


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
    encoders = TextEncoders(plan.folder, dtype=torch.float32, on_device=plan.on_device, max_tokens=8)
    first = encoders.encode("prompt 0")[0]
    encoders.encode(*(f"prompt {number}" for number in range(1, CACHED_PROMPTS)))
    assert encoders.encode("prompt 0")[0] is first
    assert count_loads(encoders, "one more") == 1
    assert count_loads(encoders, "prompt 0") == 0
    assert count_loads(encoders, "prompt 1") == 1


def test_the_same_prompt_twice_is_one_prompt(engine: FluxEngine) -> None:
    plan = engine.stack.text("dev")
    encoders = TextEncoders(plan.folder, dtype=torch.float32, on_device=plan.on_device, max_tokens=8)
    one, other = encoders.encode("twice", "twice")
    assert one is other
    assert encoders.loads == 1
