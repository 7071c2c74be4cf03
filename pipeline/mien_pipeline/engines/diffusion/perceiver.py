"""Perceiver attention: the cross-attention that the identity encoders and their residuals are built of.

Sources: Perceiver resampler, Alayrac et al. 2022 (arXiv:2204.14198), figure 5; Guo et al. 2024 (arXiv:2404.16022).
Parameter names are those of the published files.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PerceiverCrossAttention(nn.Module):
    """Queries attend to tokens: softmax(q·kᵀ / √d)·v, with both sides layer-normed first.

    Args:
        dim: of the queries and of the result.
        kv_dim: of the tokens that are attended to.
        dim_head: 128 in PuLID, 64 elsewhere.
    """

    def __init__(self, dim: int, kv_dim: int, heads: int, dim_head: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(kv_dim)
        self.norm2 = nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, heads * dim_head, bias=False)
        self.to_kv = nn.Linear(kv_dim, 2 * heads * dim_head, bias=False)
        self.to_out = nn.Linear(heads * dim_head, dim, bias=False)

    def forward(self, tokens: Tensor, queries: Tensor) -> Tensor:
        """(batch, m, kv_dim) and (batch, n, dim) to (batch, n, dim)."""
        return self._attend(self.norm1(tokens), self.norm2(queries))

    def _attend(self, tokens: Tensor, queries: Tensor) -> Tensor:
        q = self.to_q(queries).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.to_kv(tokens).chunk(2, dim=-1))
        attended = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.to_out(attended.transpose(1, 2).flatten(2))
        return out


class PerceiverAttention(PerceiverCrossAttention):
    """The resampler's form: the queries are among the tokens they attend to."""

    def __init__(self, dim: int, heads: int, dim_head: int = 64) -> None:
        super().__init__(dim, dim, heads, dim_head)

    def forward(self, tokens: Tensor, queries: Tensor) -> Tensor:
        """(batch, m, dim) and (batch, n, dim) to (batch, n, dim)."""
        queries = self.norm2(queries)
        return self._attend(torch.cat([self.norm1(tokens), queries], dim=1), queries)


def feed_forward(dim: int, inner: int) -> nn.Sequential:
    """Layer norm, then two linear maps without bias and a GELU between them."""
    return nn.Sequential(
        nn.LayerNorm(dim), nn.Linear(dim, inner, bias=False), nn.GELU(), nn.Linear(inner, dim, bias=False)
    )


def perceiver_layers(dim: int, depth: int, heads: int, inner: int) -> nn.ModuleList:
    """`depth` pairs of attention and feed-forward; the caller adds each to its own input."""
    return nn.ModuleList(
        nn.ModuleList([PerceiverAttention(dim, heads), feed_forward(dim, inner)]) for _ in range(depth)
    )
