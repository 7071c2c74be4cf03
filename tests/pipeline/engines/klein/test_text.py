"""The prompt is what the pipeline's own encoder makes of it, computed once; the default one is kept on the disk."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.flux2.pipeline_flux2_klein import Flux2KleinPipeline
from torch import Tensor
from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM, Qwen3Model

from mien_pipeline.engines.diffusion.weights import config_of, load, shards_in
from mien_pipeline.engines.klein import text
from mien_pipeline.engines.klein.components import TEXT_LAYERS
from mien_pipeline.engines.klein.stack import Stack
from mien_pipeline.engines.klein.text import DEFAULT_PROMPT, READ, PromptFolder, TextEncoder, load_qwen, tokenise
from mien_testing.trusting_klein import TEXT_TOKENS


@pytest.fixture(scope="module")
def theirs(stack: Stack) -> Tensor:
    """All 36 layers, in the pipeline's own code."""
    pipeline: Any = Flux2KleinPipeline
    encoder: Any = Qwen3ForCausalLM
    found: Tensor = pipeline._get_qwen3_prompt_embeds(
        encoder.from_pretrained(stack.files.text / "text_encoder").eval().requires_grad_(False),
        AutoTokenizer.from_pretrained(stack.files.text / "tokenizer"),
        "a head",
        max_sequence_length=TEXT_TOKENS,
    )
    return found


def fresh(stack: Stack, digest: str = "tiny") -> TextEncoder:
    return TextEncoder(
        stack.files.text,
        form="float32",
        on_device=lambda _, module: nullcontext(module),
        digest=digest,
        max_tokens=TEXT_TOKENS,
    )


def test_28_layers_say_what_36_do(stack: Stack, theirs: Tensor) -> None:
    assert fresh(stack).encode("a head").shape == (1, TEXT_TOKENS, 48)
    torch.testing.assert_close(fresh(stack).encode("a head"), theirs, atol=1e-5, rtol=1e-5)
    assert TEXT_LAYERS == READ[-1] + 1 == 28


def test_with_27_layers_the_final_norm_falls_on_what_is_read(
    stack: Stack, theirs: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "TEXT_LAYERS", 27)
    assert (fresh(stack).encode("a head") - theirs).abs().max() > 0.1


def test_a_prompt_is_read_as_a_persons_turn_with_thinking_off(stack: Stack) -> None:
    tokenizer = AutoTokenizer.from_pretrained(stack.files.text / "tokenizer")
    words = tokenise(tokenizer, "a head", 64)
    said = tokenizer.decode(words["input_ids"][0][words["attention_mask"][0] > 0])
    assert said == "<|im_start|>user\na head<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    assert words["input_ids"].shape == (1, 64)
    assert not words["attention_mask"][0, -1]


def test_the_network_is_loaded_for_new_prompts_alone(stack: Stack) -> None:
    ours = fresh(stack)
    first = ours.encode("a head")
    assert torch.equal(ours.encode("a head"), first)
    assert ours.loads == 1
    ours.encode("another head")
    assert ours.loads == 2


def test_the_default_prompt_is_kept_on_the_disk_for_these_weights_alone(stack: Stack, tmp_path: Path) -> None:
    first, second, other = fresh(stack), fresh(stack), fresh(stack, "other weights")
    for ours in (first, second, other):
        ours.kept = PromptFolder(tmp_path)
    made = first.encode(DEFAULT_PROMPT)
    assert torch.equal(second.encode(DEFAULT_PROMPT), made)
    assert (first.loads, second.loads) == (1, 0)
    other.encode(DEFAULT_PROMPT)
    assert other.loads == 1


def test_a_persons_own_words_are_not_kept_on_the_disk(stack: Stack, tmp_path: Path) -> None:
    ours = fresh(stack)
    ours.kept = PromptFolder(tmp_path / "prompts")
    ours.encode("my own words")
    assert not (tmp_path / "prompts").exists()


def test_a_damaged_embedding_is_computed_again(stack: Stack, tmp_path: Path) -> None:
    first, second = fresh(stack), fresh(stack)
    first.kept = second.kept = PromptFolder(tmp_path)
    made = first.encode(DEFAULT_PROMPT)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"no tensors")
    assert torch.equal(second.encode(DEFAULT_PROMPT), made)
    assert second.loads == 1


def test_its_rotation_is_the_whole_models(stack: Stack) -> None:
    """It is in no file, and a network that is built without memory has none of its own."""
    folder = stack.files.text / "text_encoder"
    config = Qwen3Config.from_dict(config_of(folder))
    whole: Any = load(lambda _: Qwen3Model(config), shards_in(folder), prefix="model.", form="float32")
    assert whole.rotary_emb.inv_freq.is_meta
    assert torch.equal(load_qwen(folder, "float32").rotary_emb.inv_freq, Qwen3Model(config).rotary_emb.inv_freq)
