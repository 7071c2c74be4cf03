"""The prompt as FLUX.2 [klein] reads it: three hidden states of Qwen3, computed once and kept."""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from transformers import Qwen3Config, Qwen3Model
from transformers.models.qwen3.modeling_qwen3 import Qwen3RotaryEmbedding

from mien_core.files import write_whole
from mien_pipeline.engines.diffusion.tokenizer import load_tokenizer
from mien_pipeline.engines.diffusion.weights import config_of, load, shards_in
from mien_pipeline.engines.klein.components import TEXT_LAYERS
from mien_pipeline.plan.component import NumberFormat

log = logging.getLogger(__name__)

MOST_TOKENS = 512
# The hidden states that FLUX.2 [klein] was trained on, concatenated: 3 × 2560.
READ = (9, 18, 27)
# In bf16 a prompt's embedding is 7.5 MiB.
CACHED_PROMPTS = 16

DEFAULT_PROMPT = (
    "head_swap: start with picture 1 and keep its light, its background, the body and the clothes. Remove the head of "
    "picture 1 and put the head of picture 2 in its place, with its hair, eyes, nose and mouth. Copy the direction of "
    "the eyes, the turn of the head and the small movements of the face from picture 1. Sharp, natural skin, 4k."
)


class PromptFolder:
    """Embeddings of prompts on the disk, by what they were computed from. One that cannot be read is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: str) -> Tensor | None:
        try:
            return load_file(self._path(key))["prompt"]
        except (OSError, SafetensorError, KeyError):
            return None

    def write(self, key: str, prompt: Tensor) -> None:
        """Keep an embedding; where that fails, the log says so and it is computed again next time."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._path(key), save({"prompt": prompt.contiguous().cpu()}), 0o600)
        except OSError:
            log.warning("a prompt's embedding could not be kept", exc_info=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.safetensors"


class TextEncoder:
    """Qwen3, in memory only while a new prompt is encoded: it is larger than the transformer.

    The last prompts stay in memory. The default one is kept on the disk too; a person's own words are not.
    """

    def __init__(
        self,
        folder: Path,
        *,
        form: NumberFormat,
        on_device: Callable[[str, Any], AbstractContextManager[Any]],
        digest: str,
        max_tokens: int = MOST_TOKENS,
    ) -> None:
        """
        Args:
            folder: with `tokenizer` and `text_encoder` inside.
            form: that the network is read and held in.
            on_device: a context that has a named module where the memory plan says.
            digest: of its weight files; an embedding is kept for these alone.
            max_tokens: that are read; a longer prompt is cut, a shorter one padded.
        """
        self.folder = folder
        self.form: NumberFormat = form
        self.on_device = on_device
        self.digest = digest
        self.max_tokens = max_tokens
        self.kept: PromptFolder | None = None
        self.loads = 0
        self._cache: OrderedDict[str, Tensor] = OrderedDict()

    def encode(self, prompt: str) -> Tensor:
        """(1, tokens, 3 · width) on the CPU; the network is loaded only if the prompt is kept nowhere."""
        key = self._key(prompt)
        if key not in self._cache:
            self._cache[key] = self._find_or_compute(key, prompt)
        self._cache.move_to_end(key)
        while len(self._cache) > CACHED_PROMPTS:
            self._cache.popitem(last=False)
        return self._cache[key]

    def _key(self, prompt: str) -> str:
        parts = (self.digest, self.form, str(self.max_tokens), prompt)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _find_or_compute(self, key: str, prompt: str) -> Tensor:
        kept = self.kept if prompt == DEFAULT_PROMPT else None
        if kept is not None and (found := kept.read(key)) is not None:
            return found
        made = self._compute(prompt)
        if kept is not None:
            kept.write(key, made)
        return made

    @torch.no_grad()
    def _compute(self, prompt: str) -> Tensor:
        self.loads += 1
        tokens = tokenise(load_tokenizer(self.folder / "tokenizer"), prompt, self.max_tokens)
        with self.on_device("text_encoder", load_qwen(self.folder / "text_encoder", self.form)) as encoder:
            there = {name: value.to(encoder.device) for name, value in tokens.items()}
            states = encoder(**there, output_hidden_states=True, use_cache=False).hidden_states
            read = torch.cat([states[layer] for layer in READ], dim=-1)
            return read.cpu()


def tokenise(tokenizer: Any, prompt: str, length: int) -> dict[str, Tensor]:
    """`input_ids` and `attention_mask`, (1, length) int64: the prompt as a person's turn, thinking off, padded."""
    turn = [{"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    found = tokenizer(text, return_tensors="pt", padding="max_length", truncation=True, max_length=length)
    return {name: found[name] for name in ("input_ids", "attention_mask")}


def load_qwen(folder: Path, form: NumberFormat) -> Any:
    """The first `TEXT_LAYERS` layers of Qwen3 in main memory, each value in `form` as it is read.

    Raises:
        BrokenWeights: the folder does not hold this network.
    """
    described = config_of(folder)
    whole = int(described["num_hidden_layers"])
    kinds = described.get("layer_types")
    shorter = {**described, "num_hidden_layers": TEXT_LAYERS, "layer_types": kinds[:TEXT_LAYERS] if kinds else None}
    config = Qwen3Config.from_dict(shorter)
    beyond = [f"model.layers.{layer}." for layer in range(TEXT_LAYERS, whole)]
    model: Any = load(
        lambda _: Qwen3Model(config), shards_in(folder), prefix="model.", ignored=("lm_head.", *beyond), form=form
    )
    # No file has its frequencies, so they were left on the meta device.
    model.rotary_emb = Qwen3RotaryEmbedding(config)
    return model
