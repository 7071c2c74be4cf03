"""PuLID: identity tokens from ArcFace and EVA features, to which image tokens attend behind every few blocks.

Source: PuLID, Guo et al. 2024 (arXiv:2404.16022) and the published FLUX weights v0.9.1, whose parameter names these
modules carry.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mien_pipeline.engines.diffusion.manifest import Shapes
from mien_pipeline.engines.diffusion.perceiver import PerceiverCrossAttention, perceiver_layers
from mien_pipeline.engines.diffusion.weights import depth
from mien_pipeline.engines.flux.inject import WeightSchedule
from mien_pipeline.engines.flux.velocity import ModelPass

# As trained: behind double block i when i is even, behind single block i when i is a multiple of four.
DOUBLE_INTERVAL = 2
SINGLE_INTERVAL = 4
# The EVA tower is tapped where these blocks begin.
EVA_TAPS = (4, 8, 12, 16, 20)


def mapping(first: int, inner: int, last: int) -> nn.Sequential:
    """(batch, …, first) to (batch, …, last): three linear maps with layer norm and leaky ReLU between them."""
    return nn.Sequential(
        nn.Linear(first, inner),
        nn.LayerNorm(inner),
        nn.LeakyReLU(),
        nn.Linear(inner, inner),
        nn.LayerNorm(inner),
        nn.LeakyReLU(),
        nn.Linear(inner, last),
    )


class IDFormer(nn.Module):
    """Face features to identity tokens.

    Learned queries and the face's own tokens attend, two layers to each of five levels of the EVA tower, to that
    level's features together with the face's tokens.

    Args:
        dim: 1024 as published.
        layers: ten, shared evenly among the five levels.
        id_tokens: tokens the face embedding becomes.
        queries: tokens that come out.
        output_dim: of those, 2048.
        id_dim: ArcFace 512 + EVA 768.
        vit_dim: of the EVA tower.
    """

    def __init__(
        self,
        dim: int = 1024,
        layers: int = 10,
        heads: int = 16,
        inner: int = 4096,
        id_tokens: int = 5,
        queries: int = 32,
        output_dim: int = 2048,
        id_dim: int = 1280,
        vit_dim: int = 1024,
        mapped: int = 1024,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.latents = nn.Parameter(torch.zeros(1, queries, dim))
        self.proj_out = nn.Parameter(torch.zeros(dim, output_dim))
        self.layers = perceiver_layers(dim, layers, heads, inner)
        for level in range(len(EVA_TAPS)):
            self.add_module(f"mapping_{level}", mapping(vit_dim, mapped, dim))
        self.id_embedding_mapping = mapping(id_dim, mapped, dim * id_tokens)

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> "IDFormer":
        """The network in the size that a file's shapes give."""
        _, queries, dim = shapes["latents"]
        mapped, id_dim = shapes["id_embedding_mapping.0.weight"]
        return cls(
            dim=dim,
            layers=depth(shapes, "layers."),
            heads=shapes["layers.0.0.to_q.weight"][0] // 64,
            inner=shapes["layers.0.1.1.weight"][0],
            id_tokens=shapes["id_embedding_mapping.6.weight"][0] // dim,
            queries=queries,
            output_dim=shapes["proj_out"][1],
            id_dim=id_dim,
            vit_dim=shapes["mapping_0.0.weight"][1],
            mapped=mapped,
        )

    def forward(self, face: Tensor, levels: Sequence[Tensor]) -> Tensor:
        """(batch, id_dim) and five (batch, 577, vit_dim) to (batch, queries, output_dim).

        Of n pictures of one person `face` is (batch, n, id_dim) and each level (batch, n · 577, vit_dim): every picture
        has its own face tokens beside those of the others.
        """
        own = self.id_embedding_mapping(face).reshape(face.shape[0], -1, self.dim)
        latents = torch.cat([self.latents.expand(face.shape[0], -1, -1), own], dim=1)
        each = len(self.layers) // len(EVA_TAPS)
        for level, features in enumerate(levels):
            context = torch.cat([own, self.get_submodule(f"mapping_{level}")(features)], dim=1)
            for pair in list(self.layers)[level * each : (level + 1) * each]:
                attend, feed = pair.children()
                latents = attend(context, latents) + latents
                latents = feed(latents) + latents
        return latents[:, : self.latents.shape[1]] @ self.proj_out


class PulidAttentions(nn.ModuleList):
    """The cross-attentions whose results are PuLID's residuals: 20 as published."""

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> "PulidAttentions":
        """The network in the size that a file's shapes give."""
        inner, dim = shapes["0.to_q.weight"]
        kv_dim = shapes["0.to_kv.weight"][1]
        # Heads are 128 wide as trained.
        return cls(PerceiverCrossAttention(dim, kv_dim, inner // 128, 128) for _ in range(depth(shapes, "")))


def attention_of(block: int, doubles: int) -> int | None:
    """The index of the cross-attention that follows `block`, or None.

    Args:
        block: counted over double blocks, then single blocks.
        doubles: how many double blocks there are.
    """
    if block < doubles:
        return block // DOUBLE_INTERVAL if block % DOUBLE_INTERVAL == 0 else None
    behind = -(-doubles // DOUBLE_INTERVAL)
    single = block - doubles
    return behind + single // SINGLE_INTERVAL if single % SINGLE_INTERVAL == 0 else None


@dataclass(frozen=True, slots=True, eq=False)
class IdTokens:
    """(1, 32, 2048) each: of the identity, and of zeros in place of a face."""

    cond: Tensor
    uncond: Tensor


@torch.no_grad()
def id_tokens(former: IDFormer, embedding: Tensor, eva: Tensor, levels: Sequence[Tensor]) -> IdTokens:
    """The identity tokens of one face and PuLID's own unconditional, IDFormer of zeros.

    Args:
        embedding: (1, n, 512) ArcFace antelopev2 of n pictures, *not* normalised; (1, 512) of one.
        eva: (1, n, 768) EVA embeddings as they leave the tower; normalised here.
        levels: five (1, n · 577, 1024) EVA hidden states, picture after picture.

    Source: several pictures as in `get_id_embedding` of PuLID's pipeline_v1_1.py, the unconditional of one among them.
    """
    face = torch.cat([embedding, eva / eva.norm(dim=-1, keepdim=True)], dim=-1)
    pictures = face.shape[1] if face.ndim == 3 else 1
    blank = [torch.zeros_like(level[:, : level.shape[1] // pictures]) for level in levels]
    return IdTokens(cond=former(face, levels), uncond=former(torch.zeros(1, face.shape[-1]).to(face), blank))


class Pulid:
    """PuLID for one reference."""

    name = "pulid"

    def __init__(self, attentions: nn.ModuleList, tokens: IdTokens, doubles: int, schedule: WeightSchedule) -> None:
        self.attentions = attentions
        self.tokens = tokens
        self.doubles = doubles
        self.schedule = schedule

    def residuals(self, one: ModelPass) -> "PulidResiduals":
        tokens = self.tokens.cond if one.branch == "cond" else self.tokens.uncond
        return PulidResiduals(self.attentions, tokens.expand(one.latents.shape[0], -1, -1), self.doubles)


@dataclass(frozen=True, slots=True, eq=False)
class PulidResiduals:
    """CA(tokens, image) behind the blocks that have one; tokens are (batch, 32, 2048)."""

    attentions: nn.ModuleList
    tokens: Tensor
    doubles: int

    def after(self, block: int, hidden: Tensor, _query: Tensor | None, /) -> Tensor | None:
        index = attention_of(block, self.doubles)
        if index is None:
            return None
        residual: Tensor = self.attentions[index](self.tokens, hidden)
        return residual
