"""The prompt as FLUX.1 reads it: T5 tokens and a pooled CLIP vector, computed once and cached."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from mien_pipeline.engines.diffusion.foreign import foreign_to
from mien_pipeline.engines.diffusion.tokenizer import load_tokenizer
from mien_pipeline.engines.diffusion.weights import config_of, load, shapes_of, shards_in
from mien_pipeline.plan.component import NumberFormat

# CLIP reads 77 tokens; T5 512 for FLUX.1-dev and 256 for schnell.
CLIP_TOKENS = 77
DEV_TOKENS = 512
SCHNELL_TOKENS = 256
# What published files put before the names of CLIP's text tower, and transformers no more.
TOWER = "text_model."
# A prompt's embeddings are about 4 MiB in bf16.
CACHED_PROMPTS = 16

DEFAULT_PROMPT = (
    "a candid photograph of a person, natural skin texture with pores, sharp eyes, realistic light, fine detail"
)
DEFAULT_NEGATIVE_PROMPT = (
    "plastic skin, waxy skin, airbrushed, over-smoothed, illustration, painting, 3d render, deformed face, asymmetric "
    "eyes, extra teeth, blurry"
)


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """One encoded prompt.

    Attributes:
        tokens: (1, n, 4096), T5's last hidden states.
        pooled: (1, 768), CLIP's pooled output.
    """

    tokens: Tensor
    pooled: Tensor


class TextEncoders:
    """CLIP-L and T5-XXL of a FLUX.1 folder, in memory only while a new prompt is encoded.

    They are half of the stack's memory and work for a moment. Their results are cached instead, the
    `CACHED_PROMPTS` that were used last.
    """

    def __init__(
        self,
        folder: Path,
        *,
        forms: Mapping[str, NumberFormat],
        on_device: Callable[[str, Any], AbstractContextManager[Any]],
        max_tokens: int = DEV_TOKENS,
    ) -> None:
        """
        Args:
            folder: with `tokenizer`, `tokenizer_2`, `text_encoder` and `text_encoder_2` inside.
            forms: of `text_encoder` and `text_encoder_2`: what each is read and held in.
            on_device: a context that has a named module where the memory plan says.
            max_tokens: that T5 reads; a longer prompt is cut.
        """
        self.folder = folder
        self.forms = forms
        self.on_device = on_device
        self.max_tokens = max_tokens
        self.loads = 0
        self._cache: OrderedDict[str, Prompt] = OrderedDict()

    def encode(self, *prompts: str) -> tuple[Prompt, ...]:
        """Each prompt as the transformer reads it; the encoders are loaded only if one is not in the cache."""
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._cache]
        if new:
            self.loads += 1
            for prompt, pooled, tokens in zip(new, self.encode_pooled(new), self.encode_tokens(new), strict=True):
                self._cache[prompt] = Prompt(tokens=tokens, pooled=pooled)
        for prompt in prompts:
            self._cache.move_to_end(prompt)
        found = tuple(self._cache[prompt] for prompt in prompts)
        while len(self._cache) > CACHED_PROMPTS:
            self._cache.popitem(last=False)
        return found

    @torch.no_grad()
    def encode_pooled(self, prompts: list[str]) -> list[Tensor]:
        """(1, 768) for each prompt; CLIP is loaded and given up."""
        tokenizer = load_tokenizer(self.folder / "tokenizer")
        model = load_clip_text(self.folder / "text_encoder", self.forms["text_encoder"])
        with self.on_device("text_encoder", model) as encoder:
            return [
                encoder(_tokenise(tokenizer, prompt, CLIP_TOKENS).to(encoder.device)).pooler_output
                for prompt in prompts
            ]

    @torch.no_grad()
    def encode_tokens(self, prompts: list[str]) -> list[Tensor]:
        """(1, tokens, 4096) for each prompt; T5 is loaded and given up."""
        tokenizer = load_tokenizer(self.folder / "tokenizer_2")
        model = load_t5(self.folder / "text_encoder_2", self.forms["text_encoder_2"])
        with self.on_device("text_encoder_2", model) as encoder:
            return [
                encoder(_tokenise(tokenizer, prompt, self.max_tokens).to(encoder.device)).last_hidden_state
                for prompt in prompts
            ]


def load_t5(folder: Path, form: NumberFormat) -> Any:
    """T5's encoder in main memory, each value in `form` as it is read.

    Raises:
        BrokenWeights: the folder does not hold this network.
    """
    config = T5Config.from_dict(config_of(folder))
    return load(lambda _: T5EncoderModel(config), shards_in(folder), form=form)


def load_clip_text(folder: Path, form: NumberFormat) -> Any:
    """CLIP's text tower in main memory.

    Raises:
        BrokenWeights: the folder does not hold this network.
    """
    config, shards = CLIPTextConfig.from_dict(config_of(folder)), shards_in(folder)
    named = any(name.startswith(TOWER) for shard in shards for name in shapes_of(shard))
    ignored = foreign_to("text_encoder")
    model: Any = load(
        lambda _: CLIPTextModel(config), shards, prefix=TOWER if named else "", ignored=ignored, form=form
    )
    # No file has such a value, so it was left on the meta device.
    embeddings = model.embeddings
    embeddings.position_ids = torch.arange(embeddings.position_embedding.num_embeddings)[None]
    return model


def _tokenise(tokenizer: Any, prompt: str, length: int) -> Tensor:
    encoded = tokenizer(prompt, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    ids: Tensor = encoded.input_ids
    return ids
