"""Noise that keeps its place on a face, so that it goes along with the face through a clip."""

import torch
from torch import Tensor

from mien_pipeline.engines.diffusion.latents import pack
from mien_pipeline.engines.diffusion.target import Cut
from mien_pipeline.face import Face

_FIELD = 512  # latents to a side; where more are worked on at once, the noise repeats itself
_LATENT_PX = 8


def noise_on_face(face: Face, cut: Cut, channels: int, seed: int) -> Tensor:
    """(1, tokens, 4 · channels) float32 on the CPU: packed standard normal noise, alike around every face.

    One seed gives one noise, whose middle lies on the face's. It moves by whole latents: between them it would have to
    be interpolated, and would no longer be noise. It does not turn, and grows as the face does in working pixels.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    field = torch.randn(1, channels, _FIELD, _FIELD, generator=generator)
    middle = cut.to_working(face.kps.mean(0, keepdims=True))[0] / _LATENT_PX
    columns, rows = (
        (torch.arange(side // _LATENT_PX) - round(float(at))) % _FIELD
        for side, at in zip(cut.outer, middle, strict=True)
    )
    return pack(field[:, :, rows][..., columns].contiguous())
