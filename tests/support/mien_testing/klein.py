"""The tiny bundle of FLUX.2 [klein], its engine, and diffusers' own pipelines on the same weights.

Torch is imported inside the fixtures: collecting the tests does not wait for it.
"""

from typing import TYPE_CHECKING, Any

import pytest

from mien_models.store import ModelStore
from mien_pipeline.engines.klein.options import KleinOptions
from mien_testing.trusting_klein import TEXT_TOKENS

if TYPE_CHECKING:
    from mien_pipeline.engines.klein.engine import KleinEngine
    from mien_pipeline.engines.klein.stack import Stack
    from mien_pipeline.faces.detect import MeshDetector

QUICK = KleinOptions(side=256, reference_side=256, steps=2, retries=0)


@pytest.fixture(scope="session")
def stack(klein_store: ModelStore) -> "Stack":
    """The networks, reading 32 tokens of the prompt: 512 would be most of the time."""
    import torch

    from mien_pipeline.device import choose_device
    from mien_pipeline.engines.klein.files import find_files
    from mien_pipeline.engines.klein.plan import plan_memory
    from mien_pipeline.engines.klein.stack import Stack

    # Networks this small are not shared out: on a busy machine threads wait for each other longer than they work.
    torch.set_num_threads(1)
    files, device = find_files(klein_store), choose_device()
    found = Stack(klein_store, files, device, plan_memory(files, device, 256), "tiny")
    found.text.max_tokens = TEXT_TOKENS
    return found


@pytest.fixture(scope="session")
def engine(stack: "Stack", klein_store: ModelStore, detector: "MeshDetector") -> "KleinEngine":
    """Without a recogniser: every try passes its gate."""
    from mien_pipeline.engines.klein.engine import KleinEngine
    from mien_pipeline.engines.klein.files import models_used

    return KleinEngine(stack, detector, models_used(klein_store, stack.files))


def make_pipeline(kind: Any, stack: "Stack") -> Any:
    """One of diffusers' pipelines on the stack's weights, the LoRA not among them."""
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
    from transformers import AutoTokenizer, Qwen3ForCausalLM

    text: Any = Qwen3ForCausalLM
    found = kind(
        scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(stack.files.vae / "scheduler"),
        vae=stack.vae,
        text_encoder=text.from_pretrained(stack.files.text / "text_encoder").eval(),
        tokenizer=AutoTokenizer.from_pretrained(stack.files.text / "tokenizer"),
        transformer=stack.transformer(0.0),
        is_distilled=True,
    )
    found.set_progress_bar_config(disable=True)
    return found
