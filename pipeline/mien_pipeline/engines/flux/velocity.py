"""The transformer and everything it is conditioned on, bound into one velocity."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from torch import Tensor

from mien_pipeline.engines.flux.inject import Residuals, Slot, WeightSchedule, first_block_cache, inject_residuals
from mien_pipeline.engines.flux.text import Prompt
from mien_pipeline.sampling import Velocity, true_cfg

Branch = Literal["cond", "uncond"]


@dataclass(frozen=True, slots=True, eq=False)
class ModelPass:
    """One pass through the transformer: what an identity method may read.

    Attributes:
        branch: "cond" with the prompt and the identity, "uncond" with their unconditional counterparts.
        latents: packed, (batch, tokens, 64), in the transformer's dtype.
        timestep: (batch,) noise levels in 0..1.
        pooled: (batch, 768) the prompt's pooled embedding.
        image_ids: (tokens, 3) 0, row and column of every image token.
    """

    branch: Branch
    latents: Tensor
    timestep: Tensor
    pooled: Tensor
    image_ids: Tensor


class IdentityMethod(Protocol):
    """One identity method, prepared for one reference and one target."""

    name: str
    schedule: WeightSchedule

    def residuals(self, one: ModelPass) -> Residuals | None:
        """What to add in this pass, of the identity or, on the `uncond` branch, of the method's own unconditional.

        None when the method adds nothing on that branch.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """The picture being made, as the transformer sees it.

    Attributes:
        image_ids: (tokens, 3) 0, row and column of every image token.
        known: (1, tokens, 320), what Fill models read beside the latents; None for the other bases.
    """

    image_ids: Tensor
    known: Tensor | None = None


class FluxVelocity:
    """dx/dσ of FLUX.1 under one branch of its conditioning: a `sampling.Velocity` over packed latents.

    Errors of a method or of the transformer pass through; the slot is empty afterwards.
    """

    def __init__(
        self,
        transformer: FluxTransformer2DModel,
        slot: Slot,
        branch: Branch,
        prompt: Prompt,
        canvas: Canvas,
        methods: Sequence[IdentityMethod],
        guidance_scale: float,
        total: int,
    ) -> None:
        self.transformer = transformer
        self.slot = slot
        self.branch: Branch = branch
        self.prompt = prompt
        self.canvas = canvas
        self.methods = methods
        self.guidance_scale = guidance_scale
        self.total = total

    @torch.no_grad()
    def __call__(self, latents: Tensor, sigma: float, step: int, /) -> Tensor:
        dtype = self.prompt.tokens.dtype
        batch = latents.shape[0]
        timestep = torch.full((batch,), sigma, device=latents.device, dtype=torch.float32)
        pooled = self.prompt.pooled.expand(batch, -1)
        one = ModelPass(self.branch, latents.to(dtype), timestep, pooled, self.canvas.image_ids)
        guidance = None
        if self.transformer.config["guidance_embeds"]:
            guidance = torch.full((batch,), self.guidance_scale, device=latents.device, dtype=torch.float32)
        try:
            self.slot.active = self._active_residuals(one, step)
            with self.transformer.cache_context(self.branch):
                predicted: Tensor = self.transformer(
                    hidden_states=self._model_input(one.latents),
                    timestep=timestep,
                    guidance=guidance,
                    pooled_projections=pooled,
                    encoder_hidden_states=self.prompt.tokens.expand(batch, -1, -1),
                    txt_ids=torch.zeros(self.prompt.tokens.shape[1], 3, device=latents.device, dtype=dtype),
                    img_ids=self.canvas.image_ids,
                    return_dict=False,
                )[0]
        finally:
            self.slot.active = ()
            self.slot.queries.clear()
        return predicted.to(latents.dtype)

    def _active_residuals(self, one: ModelPass, step: int) -> list[tuple[float, Residuals]]:
        active: list[tuple[float, Residuals]] = []
        for method in self.methods:
            weight = method.schedule.at(step, self.total)
            residuals = method.residuals(one) if weight else None
            if residuals is not None:
                active.append((weight, residuals))
        return active

    def _model_input(self, latents: Tensor) -> Tensor:
        if self.canvas.known is None:
            return latents
        return torch.cat([latents, self.canvas.known.expand(latents.shape[0], -1, -1).to(latents)], dim=-1)


@contextmanager
def bind_conditioning(
    transformer: FluxTransformer2DModel,
    prompt: Prompt,
    negative: Prompt,
    canvas: Canvas,
    methods: Sequence[IdentityMethod],
    *,
    guidance_scale: float,
    true_cfg_scale: float = 1.0,
    true_cfg_start: int = 0,
    total: int,
    cache_threshold: float = 0.0,
    queries: bool = False,
) -> Generator[Velocity]:
    """Bind the prompts and the identity methods into one velocity; at exit the transformer is as it was.

    Args:
        prompt, negative: on the transformer's device, in the dtype that it computes in.
        guidance_scale: FLUX's distilled guidance, an input of the model.
        true_cfg_scale: 1 makes one pass a step, more makes two.
        true_cfg_start: the step, counted from 0, that it begins with.
        total: steps that will be taken; schedules are fractions of it.
        cache_threshold: of the first-block cache; 0 is off.
        queries: see `inject_residuals`.
    """
    acting = [method for method in methods if method.schedule.weight]
    with inject_residuals(transformer, queries) as slot, first_block_cache(transformer, cache_threshold):

        def one(branch: Branch, text: Prompt) -> FluxVelocity:
            return FluxVelocity(transformer, slot, branch, text, canvas, acting, guidance_scale, total)

        yield true_cfg(one("cond", prompt), one("uncond", negative), true_cfg_scale, true_cfg_start)
