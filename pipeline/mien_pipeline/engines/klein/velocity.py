"""FLUX.2's transformer with the pictures that it reads, as one velocity over the noise alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mien_pipeline.engines.diffusion.latents import position_ids

# FLUX.2's first axis tells pictures apart: noise is 0, the first picture 10, the second 20.
PICTURE_STEP = 10
AXES = 4


@dataclass(frozen=True, slots=True, eq=False)
class ReadPicture:
    """A picture that is read and not changed.

    Attributes:
        latents: packed, (1, tokens, 128).
        size: (width, height) in pixels, multiples of 16.
    """

    latents: Tensor
    size: tuple[int, int]


class KleinVelocity:
    """dx/dσ of the noise: a `sampling.Velocity` over packed latents.

    The transformer sees [noise | pictures in order]; only what it says of the noise counts, and the pictures are the
    same in every step.
    """

    def __init__(
        self, transformer: Any, prompt: Tensor, size: tuple[int, int], pictures: Sequence[ReadPicture]
    ) -> None:
        """
        Args:
            transformer: `Flux2Transformer2DModel`.
            prompt: (1, n, width) on the transformer's device, in the dtype that it computes in.
            size: (width, height) in pixels of the picture that is made.
            pictures: the target first, then the references, in the prompt's dtype and place.
        """
        self.transformer = transformer
        self.prompt = prompt
        ids = [position_ids(size, AXES)]
        ids += [position_ids(each.size, AXES, PICTURE_STEP * place) for place, each in enumerate(pictures, start=1)]
        self.image_ids = torch.cat(ids).to(prompt.device)
        self.text_ids = torch.zeros(prompt.shape[1], AXES, device=prompt.device)
        self.text_ids[:, -1] = torch.arange(prompt.shape[1])
        self.read = [each.latents.to(prompt) for each in pictures]

    @torch.no_grad()
    def __call__(self, latents: Tensor, sigma: float, _step: int, /) -> Tensor:
        timestep = torch.full((1,), sigma, device=latents.device, dtype=torch.float32)
        with self.transformer.cache_context("cond"):
            predicted: Tensor = self.transformer(
                hidden_states=torch.cat([latents.to(self.prompt.dtype), *self.read], dim=1),
                encoder_hidden_states=self.prompt,
                timestep=timestep,
                img_ids=self.image_ids,
                txt_ids=self.text_ids,
                guidance=None,
                return_dict=False,
            )[0]
        return predicted[:, : latents.shape[1]].to(latents.dtype)
