"""The prompt as FLUX.1 reads it: T5 tokens and a pooled CLIP vector, computed once and cached."""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoTokenizer, CLIPTextModel, T5EncoderModel
from transformers.utils import logging

# CLIP reads 77 tokens; T5 512 for FLUX.1-dev and 256 for schnell.
CLIP_TOKENS = 77
DEV_TOKENS = 512
SCHNELL_TOKENS = 256
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
        dtype: torch.dtype,
        on_device: Callable[[str, Any], AbstractContextManager[Any]],
        max_tokens: int = DEV_TOKENS,
    ) -> None:
        """
        Args:
            folder: with `tokenizer`, `tokenizer_2`, `text_encoder` and `text_encoder_2` inside.
            dtype: of the encoders and of their results.
            on_device: a context that has a named module where the memory plan says.
            max_tokens: that T5 reads; a longer prompt is cut.
        """
        self.folder = folder
        self.dtype = dtype
        self.on_device = on_device
        self.max_tokens = max_tokens
        self.loads = 0
        self._cache: OrderedDict[str, Prompt] = OrderedDict()

    def encode(self, *prompts: str) -> tuple[Prompt, ...]:
        """Each prompt as the transformer reads it; the encoders are loaded only if one is not in the cache."""
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._cache]
        if new:
            self.loads += 1
            # transformers would draw its progress bars over what the command line prints.
            logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own
            for prompt, pooled, tokens in zip(new, self._encode_pooled(new), self._encode_tokens(new), strict=True):
                self._cache[prompt] = Prompt(tokens=tokens, pooled=pooled)
        for prompt in prompts:
            self._cache.move_to_end(prompt)
        found = tuple(self._cache[prompt] for prompt in prompts)
        while len(self._cache) > CACHED_PROMPTS:
            self._cache.popitem(last=False)
        return found

    @torch.no_grad()
    def _encode_pooled(self, prompts: list[str]) -> list[Tensor]:
        tokenizer = AutoTokenizer.from_pretrained(self.folder / "tokenizer", local_files_only=True)
        model = CLIPTextModel.from_pretrained(self.folder / "text_encoder", dtype=self.dtype, local_files_only=True)
        with self.on_device("text_encoder", model) as encoder:
            return [
                encoder(_tokenise(tokenizer, prompt, CLIP_TOKENS).to(encoder.device)).pooler_output
                for prompt in prompts
            ]

    @torch.no_grad()
    def _encode_tokens(self, prompts: list[str]) -> list[Tensor]:
        tokenizer = AutoTokenizer.from_pretrained(self.folder / "tokenizer_2", local_files_only=True)
        model = T5EncoderModel.from_pretrained(self.folder / "text_encoder_2", dtype=self.dtype, local_files_only=True)
        with self.on_device("text_encoder_2", model) as encoder:
            return [
                encoder(_tokenise(tokenizer, prompt, self.max_tokens).to(encoder.device)).last_hidden_state
                for prompt in prompts
            ]


def _tokenise(tokenizer: Any, prompt: str, length: int) -> Tensor:
    encoded = tokenizer(prompt, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    ids: Tensor = encoded.input_ids
    return ids
