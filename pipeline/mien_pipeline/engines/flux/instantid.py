"""InstantID: identity tokens from an ArcFace embedding, and a control net led by the target's five points.

InstantID itself exists for SDXL alone. InfiniteYou is the same design on FLUX.1: a resampler makes tokens of the
embedding, and an identity control net reads those tokens *instead of* text, together with a picture of the points.

Sources: InstantID, Wang et al. 2024 (arXiv:2401.07519); InfiniteYou, Jiang et al. 2025 (arXiv:2503.16418).
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import torch
from diffusers.models.controlnets.controlnet_flux import FluxControlNetModel
from torch import Tensor, nn

from mien_pipeline.engines.diffusion.manifest import Shapes
from mien_pipeline.engines.diffusion.perceiver import perceiver_layers
from mien_pipeline.engines.diffusion.weights import depth
from mien_pipeline.engines.flux.inject import WeightSchedule
from mien_pipeline.engines.flux.velocity import ModelPass
from mien_pipeline.face import Kps
from mien_pipeline.image import Pixels

# RGB of eyes, nose and mouth corners, and the sticks between them: the drawing that InstantID's net was trained on.
POINT_COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255))
STICKS = ((0, 2), (1, 2), (3, 2), (4, 2))
STICK_WIDTH = 4
STICK_DIM = 0.6
POINT_RADIUS = 10
# The control net's own distilled guidance, as trained; FLUX's own is another number.
CONTROL_GUIDANCE = 1.0


class Resampler(nn.Module):
    """A face embedding to identity tokens: learned queries attend to it, four times over.

    Args:
        dim: 1280 as published.
        queries: tokens that come out, 8.
        embedding_dim: 512, ArcFace.
        output_dim: of the tokens, 4096: the width of the text they stand in for.
    """

    def __init__(
        self,
        dim: int = 1280,
        layers: int = 4,
        heads: int = 20,
        inner: int = 5120,
        queries: int = 8,
        embedding_dim: int = 512,
        output_dim: int = 4096,
    ) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.zeros(1, queries, dim))
        self.proj_in = nn.Linear(embedding_dim, dim)
        self.proj_out = nn.Linear(dim, output_dim)
        self.norm_out = nn.LayerNorm(output_dim)
        self.layers = perceiver_layers(dim, layers, heads, inner)

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> "Resampler":
        """The network in the size that a file's shapes give."""
        _, queries, dim = shapes["latents"]
        return cls(
            dim=dim,
            layers=depth(shapes, "layers."),
            heads=shapes["layers.0.0.to_q.weight"][0] // 64,
            inner=shapes["layers.0.1.1.weight"][0],
            queries=queries,
            embedding_dim=shapes["proj_in.weight"][1],
            output_dim=shapes["proj_out.weight"][0],
        )

    def forward(self, embeddings: Tensor) -> Tensor:
        """(batch, n, 512) to (batch, queries, output_dim)."""
        tokens = self.proj_in(embeddings)
        latents = self.latents.expand(embeddings.shape[0], -1, -1)
        for pair in self.layers:
            attend, feed = pair.children()
            latents = attend(tokens, latents) + latents
            latents = feed(latents) + latents
        out: Tensor = self.norm_out(self.proj_out(latents))
        return out


def identity_net(config: Mapping[str, object]) -> FluxControlNetModel:
    """InfuseNet without weights, as its `config.json` says."""
    with warnings.catch_warnings():
        # diffusers 0.42's own control net imports its position embedding from the old place, and warns of it.
        warnings.filterwarnings("ignore", "`FluxPosEmbed` is deprecated", FutureWarning)
        return cast(FluxControlNetModel, FluxControlNetModel.from_config(dict(config)))


def keypoint_picture(kps: Kps, width: int, height: int) -> Pixels:
    """The five points joined with sticks on black, (height, width, 3) uint8 RGB.

    Args:
        kps: (5, 2) float32 in the picture's pixels; points may lie outside it.
    """
    sticks = np.zeros((height, width, 3), np.uint8)
    for start, end in STICKS:
        (x1, y1), (x2, y2) = kps[start], kps[end]
        centre = (int((x1 + x2) / 2), int((y1 + y2) / 2))
        half = int(math.hypot(x1 - x2, y1 - y2) / 2)
        angle = int(math.degrees(math.atan2(y1 - y2, x1 - x2)))
        outline = np.asarray(cv2.ellipse2Poly(centre, (half, STICK_WIDTH), angle, 0, 360, 1), np.int32)
        cv2.fillConvexPoly(sticks, outline, POINT_COLOURS[start])
    picture = (sticks * STICK_DIM).astype(np.uint8)
    for (x, y), colour in zip(kps, POINT_COLOURS, strict=True):
        cv2.circle(picture, (int(x), int(y)), POINT_RADIUS, colour, -1)
    return picture


class InstantId:
    """InstantID for one reference and one target."""

    name = "instantid"

    def __init__(
        self,
        control_net: FluxControlNetModel,
        tokens: Tensor,
        points: Tensor,
        blocks: tuple[int, int],
        schedule: WeightSchedule,
    ) -> None:
        """
        Args:
            tokens: (1, 8, 4096) identity tokens.
            points: (1, tokens, 64) packed latents of the keypoint picture.
            blocks: how many double and single blocks the transformer has.
        """
        self.control_net = control_net
        self.tokens = tokens
        self.points = points
        self.blocks = blocks
        self.schedule = schedule

    def residuals(self, one: ModelPass) -> "ControlResiduals | None":
        """The control net's residuals for this step; the unconditional branch has no control net."""
        if one.branch == "uncond":
            return None
        batch = one.latents.shape[0]
        guidance = None
        if self.control_net.config["guidance_embeds"]:
            guidance = torch.full((batch,), CONTROL_GUIDANCE, device=one.latents.device, dtype=torch.float32)
        double, single = self.control_net(
            hidden_states=one.latents,
            controlnet_cond=self.points.expand(batch, -1, -1),
            encoder_hidden_states=self.tokens.expand(batch, -1, -1),
            pooled_projections=one.pooled,
            timestep=one.timestep,
            guidance=guidance,
            img_ids=one.image_ids,
            txt_ids=torch.zeros(self.tokens.shape[1], 3, device=one.latents.device, dtype=one.latents.dtype),
            return_dict=False,
        )
        return ControlResiduals(double or (), single or (), self.blocks)


@dataclass(frozen=True, slots=True, eq=False)
class ControlResiduals:
    """One residual, (batch, tokens, dim), for every few blocks: with 4 and 10 of them, block // 5 and block // 4."""

    double: Sequence[Tensor]
    single: Sequence[Tensor]
    blocks: tuple[int, int]

    def after(self, block: int, _hidden: Tensor, _query: Tensor | None, /) -> Tensor | None:
        doubles, singles = self.blocks
        if block < doubles:
            return _residual_for(self.double, block, doubles)
        return _residual_for(self.single, block - doubles, singles)


def _residual_for(residuals: Sequence[Tensor], index: int, blocks: int) -> Tensor | None:
    if not residuals:
        return None
    return residuals[index // math.ceil(blocks / len(residuals))]
