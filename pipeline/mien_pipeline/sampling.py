"""Rectified-flow sampling: the schedule, the Euler walk, guidance and inpainting, each a function over tensors.

A *velocity* is a model with its conditioning already bound. Guidance and preserved pixels wrap one velocity in
another, so `denoise` never grows a parameter.

Latents are packed, (batch, tokens, 64) for FLUX.1 and (batch, tokens, 128) for FLUX.2, on any device; every function
keeps their dtype.

With data x₀, noise n and noise level σ, the straight path is x_σ = (1 − σ)·x₀ + σ·n, and its velocity dx/dσ = n − x₀
(Liu et al. 2022, arXiv:2209.03003).
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from mien_pipeline.progress import OnStep, ignore_step


class Velocity(Protocol):
    """dx/dσ at one point of the path."""

    def __call__(self, latents: Tensor, sigma: float, step: int, /) -> Tensor:
        """dx/dσ of packed latents.

        Args:
            latents: (batch, tokens, 64).
            sigma: noise level in (0, 1].
            step: counted from 0.

        Returns:
            Same shape, dtype and device as `latents`.
        """
        ...


def denoise(velocity: Velocity, latents: Tensor, sigmas: Sequence[float], on_step: OnStep = ignore_step) -> Tensor:
    """Follow the probability-flow ODE from noise to an image with Euler steps.

    Args:
        velocity: the model with its conditioning already bound.
        latents: packed noise, (batch, tokens, 64).
        sigmas: decreasing noise levels in [0, 1]; the last is 0.0. N + 1 values make N steps.
        on_step: called after every step with steps done and steps in all; an error that it raises ends the run.

    Returns:
        Denoised latents, same shape and dtype as ``latents``.

    Source: rectified flow, Liu et al. 2022 (arXiv:2209.03003), algorithm 1.
    """
    total = len(sigmas) - 1
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        latents = latents + (sigma_next - sigma) * velocity(latents, sigma, step)
        on_step(step + 1, total)
    return latents


def schedule(steps: int, tokens: int, strength: float = 1.0, shifted: bool = True) -> list[float]:
    """Decreasing noise levels of the last `strength` of a run, ending in 0.0.

    Args:
        steps: of a full run. `strength` × `steps` of them are taken, rounded to the nearest (a half up), at least one.
        tokens: image tokens, one for 16 × 16 pixels: larger pictures spend longer at high noise.
        strength: in (0, 1]; 1.0 starts from pure noise, lower values keep more of the edited picture.
        shifted: FLUX.1-dev's schedule depends on the size; schnell's does not.

    Returns:
        One level more than steps are taken. A weaker run is the tail of the full one.

    Source: time shift, Esser et al. 2024 (arXiv:2403.03206), equation 23, with FLUX.1's line through
    (256 tokens, 0.5) and (4096 tokens, 1.15).
    """
    even = [1.0 - i / steps for i in range(steps)]
    if shifted:
        push = math.exp(0.5 + (1.15 - 0.5) * (tokens - 256) / (4096 - 256))
        even = [min(1.0, push / (push + 1.0 / sigma - 1.0)) for sigma in even]
    taken = max(1, min(steps, math.floor(steps * strength + 0.5)))
    return [*even[steps - taken :], 0.0]


def add_noise(clean: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """The point of the straight path at `sigma`: (1 − σ)·x₀ + σ·n.

    Args:
        clean, noise: same shape, dtype and device.
        sigma: noise level in [0, 1].
    """
    return (1.0 - sigma) * clean + sigma * noise


def noise_like(latents: Tensor, seed: int) -> Tensor:
    """Standard normal noise in the shape, dtype and on the device of `latents`; one seed gives one noise everywhere.

    It is drawn on the CPU in float32 from a generator of its own, then moved.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(latents.shape, generator=generator, dtype=torch.float32).to(latents)


# A scale this near to 1 is off: PuLID's own rule (`denoise` in flux/sampling.py of its code).
TRUE_CFG_OFF = 1e-2


def true_cfg(cond: Velocity, uncond: Velocity, scale: float, start_step: int = 0) -> Velocity:
    """Real classifier-free guidance, v = u + scale · (c − u): two passes a step, one where it is off.

    Args:
        cond: with the prompt.
        uncond: with the negative prompt.
        scale: within `TRUE_CFG_OFF` of 1.0 means off.
        start_step: steps before this one, counted from 0, take `cond` alone.

    Source: Ho & Salimans 2022 (arXiv:2207.12598), equation 6; `start_step` is PuLID's `timestep_to_start_cfg`.
    """
    if abs(scale - 1.0) <= TRUE_CFG_OFF:
        return cond

    def guided_velocity(latents: Tensor, sigma: float, step: int) -> Tensor:
        if step < start_step:
            return cond(latents, sigma, step)
        u = uncond(latents, sigma, step)
        return u + scale * (cond(latents, sigma, step) - u)

    return guided_velocity


def inpaint(velocity: Velocity, clean: Tensor, mask: Tensor) -> Velocity:
    """`velocity` where the mask is 1; where it is 0, the velocity that leads straight back to `clean`.

    That velocity is (x − x₀) / σ. On the path it equals n − x₀. To follow it is the same as to noise `clean` to the
    new level after every step and to blend it in. The last step lands on `clean` to float precision.

    Args:
        clean: packed latents x₀ of the picture to preserve, (batch, tokens, 64).
        mask: (tokens, 1) or (batch, tokens, 1) in [0, 1]; 1 is made anew.
    """

    def masked_velocity(latents: Tensor, sigma: float, step: int) -> Tensor:
        back = (latents - clean) / sigma
        return mask * velocity(latents, sigma, step) + (1 - mask) * back

    return masked_velocity
