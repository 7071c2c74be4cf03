"""IP-Adapter FaceID: fine-grained face tokens that the image tokens of the face attend to behind the blocks.

Two published layouts: WithAnyone's ArcFace branch (57 cross-attentions, one behind every block) and XLabs' IP-Adapter
(keys and values for the queries of the 19 double blocks). Both are decoupled cross-attention.

Sources: IP-Adapter, Ye et al. 2023 (arXiv:2308.06721), equation 5; WithAnyone, Xu et al. 2025 (arXiv:2510.14975).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien_pipeline.engines.diffusion.manifest import Shapes
from mien_pipeline.engines.diffusion.perceiver import PerceiverCrossAttention
from mien_pipeline.engines.diffusion.weights import depth
from mien_pipeline.engines.flux.inject import Residuals, WeightSchedule
from mien_pipeline.engines.flux.velocity import ModelPass

# WithAnyone makes eight tokens of one ArcFace embedding.
ARC_TOKENS = 8


class ArcAdapter(nn.Module):
    """WithAnyone's ArcFace branch.

    Args:
        dim: the transformer's width, 3072 as published.
        blocks: how many blocks it has, double and single.
        heads: 64 wide each.
        hidden: width of the projector's middle, 4 × dim.
        embedding_dim: 512, ArcFace antelopev2, *not* normalised.
    """

    def __init__(
        self, dim: int = 3072, blocks: int = 57, heads: int = 24, hidden: int = 12288, embedding_dim: int = 512
    ) -> None:
        super().__init__()
        self.dim = dim
        self.arcface_in_arc = nn.Sequential(
            nn.Linear(embedding_dim, hidden), nn.GELU(), nn.LayerNorm(hidden), nn.Linear(hidden, ARC_TOKENS * dim)
        )
        self.ipa_arc = nn.ModuleList(PerceiverCrossAttention(dim, dim, heads, 64) for _ in range(blocks))

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> "ArcAdapter":
        """The network in the size that a file's shapes give."""
        inner, dim = shapes["ipa_arc.0.to_q.weight"]
        hidden, embedding_dim = shapes["arcface_in_arc.0.weight"]
        return cls(dim, depth(shapes, "ipa_arc."), inner // 64, hidden, embedding_dim)

    def project(self, embedding: Tensor) -> Tensor:
        """(batch, 512) to (batch, 8, dim)."""
        projected: Tensor = self.arcface_in_arc(embedding)
        return projected.view(-1, ARC_TOKENS, self.dim)

    def residuals(self, tokens: Tensor) -> Residuals:
        """What the tokens (1, 8, dim) add behind the blocks."""
        return ArcResiduals(self.ipa_arc, tokens)


@dataclass(frozen=True, slots=True, eq=False)
class ArcResiduals:
    """CA(tokens, image) behind every block; tokens are (1, 8, dim)."""

    attentions: nn.ModuleList
    tokens: Tensor

    def after(self, block: int, hidden: Tensor, _query: Tensor | None, /) -> Tensor | None:
        residual: Tensor = self.attentions[block](self.tokens.expand(hidden.shape[0], -1, -1), hidden)
        return residual


class XlabsAdapter(nn.Module):
    """XLabs' IP-Adapter: tokens of a CLIP image embedding, keys and values for every double block.

    Args:
        dim: the transformer's width.
        token_dim: of a token, 4096.
        tokens: 4 in version 1, 16 in version 2.
        embedding_dim: 768, CLIP ViT-L/14.
        blocks: how many double blocks the transformer has.
    """

    def __init__(
        self, dim: int = 3072, token_dim: int = 4096, tokens: int = 4, embedding_dim: int = 768, blocks: int = 19
    ) -> None:
        super().__init__()
        self.token_dim = token_dim
        self.ip_adapter_proj_model = nn.ModuleDict(
            {"proj": nn.Linear(embedding_dim, tokens * token_dim), "norm": nn.LayerNorm(token_dim)}
        )
        self.double_blocks = nn.ModuleList(
            nn.ModuleDict({"processor": XlabsAttention(dim, token_dim)}) for _ in range(blocks)
        )

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> "XlabsAdapter":
        """The network in the size that a file's shapes give."""
        rows, embedding_dim = shapes["ip_adapter_proj_model.proj.weight"]
        dim, token_dim = shapes["double_blocks.0.processor.ip_adapter_double_stream_k_proj.weight"]
        return cls(dim, token_dim, rows // token_dim, embedding_dim, depth(shapes, "double_blocks."))

    def project(self, embedding: Tensor) -> Tensor:
        """(batch, 768) to (batch, tokens, token_dim)."""
        tokens = self.ip_adapter_proj_model["proj"](embedding).unflatten(-1, (-1, self.token_dim))
        projected: Tensor = self.ip_adapter_proj_model["norm"](tokens)
        return projected

    def residuals(self, tokens: Tensor) -> Residuals:
        """What the tokens (1, n, token_dim) add behind the double blocks."""
        return XlabsResiduals([block.get_submodule("processor") for block in self.double_blocks], tokens)


class XlabsAttention(nn.Module):
    """The block's own image queries attend to the adapter's tokens."""

    def __init__(self, dim: int, token_dim: int) -> None:
        super().__init__()
        self.ip_adapter_double_stream_k_proj = nn.Linear(token_dim, dim)
        self.ip_adapter_double_stream_v_proj = nn.Linear(token_dim, dim)

    def forward(self, tokens: Tensor, query: Tensor) -> Tensor:
        """(batch, m, token_dim) and (batch, n, heads, head dim) to (batch, n, dim)."""
        heads = query.shape[2]
        k = self.ip_adapter_double_stream_k_proj(tokens).unflatten(-1, (heads, -1))
        v = self.ip_adapter_double_stream_v_proj(tokens).unflatten(-1, (heads, -1))
        attended = F.scaled_dot_product_attention(query.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
        return attended.transpose(1, 2).flatten(2)


@dataclass(frozen=True, slots=True, eq=False)
class XlabsResiduals:
    """Attention of a double block's queries to the adapter's tokens, (1, n, token_dim); single blocks get nothing."""

    attentions: list[nn.Module]
    tokens: Tensor

    def after(self, block: int, _hidden: Tensor, query: Tensor | None, /) -> Tensor | None:
        if query is None:
            return None
        residual: Tensor = self.attentions[block](self.tokens.expand(query.shape[0], -1, -1), query)
        return residual


@dataclass(frozen=True, slots=True, eq=False)
class FaceTokens:
    """(1, n, dim) each: of the face, and of an embedding of zeros."""

    cond: Tensor
    uncond: Tensor


@torch.no_grad()
def face_tokens(project: Callable[[Tensor], Tensor], embedding: Tensor) -> FaceTokens:
    """Tokens of one embedding and IP-Adapter's own unconditional, the projection of zeros.

    Args:
        project: of an adapter.
        embedding: (1, 512) for WithAnyone, (1, 768) for XLabs, on the adapter's device in its dtype.
    """
    return FaceTokens(cond=project(embedding), uncond=project(torch.zeros_like(embedding)))


class FaceId:
    """IP-Adapter FaceID for one reference and one target."""

    name = "faceid"

    def __init__(
        self,
        adapter: ArcAdapter | XlabsAdapter,
        tokens: FaceTokens,
        schedule: WeightSchedule,
        region: Tensor | None = None,
    ) -> None:
        """
        Args:
            region: (n,) int64 indices of the image tokens that show the face; None for all of them.
        """
        self.adapter = adapter
        self.tokens = tokens
        self.schedule = schedule
        self.region = region

    def residuals(self, one: ModelPass) -> Residuals:
        inner = self.adapter.residuals(self.tokens.cond if one.branch == "cond" else self.tokens.uncond)
        return inner if self.region is None else RegionalResiduals(inner, self.region)


@dataclass(frozen=True, slots=True, eq=False)
class RegionalResiduals:
    """Other residuals on some image tokens alone: they are computed there, and 0 elsewhere."""

    inner: Residuals
    region: Tensor

    def after(self, block: int, hidden: Tensor, query: Tensor | None, /) -> Tensor | None:
        inside = hidden.index_select(1, self.region)
        residual = self.inner.after(block, inside, None if query is None else query.index_select(1, self.region))
        if residual is None:
            return None
        return torch.zeros_like(hidden).index_copy(1, self.region, residual)
