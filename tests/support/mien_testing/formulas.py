"""The papers' formulas, written out for tests to compare networks with."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TOLERANCE: dict[str, Any] = {"atol": 2e-5, "rtol": 1e-4}


def draw_parameters(module: nn.Module, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            centre = 1.0 if parameter.ndim == 1 and name.endswith("weight") else 0.0
            parameter.copy_(centre + 0.2 * torch.randn(parameter.shape, generator=generator))
        for name, buffer in module.named_buffers():
            if name.endswith("running_var"):
                buffer.copy_(1 + torch.rand(buffer.shape, generator=generator))
            elif name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=generator))
    return module.eval().requires_grad_(False)


def values(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def norm(x: Tensor, layer: Any) -> Tensor:
    """Layer norm, Ba et al. 2016, equations 3 and 4."""
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.pow(2).mean(-1, keepdim=True) + layer.eps).sqrt()
    result: Tensor = scaled * layer.weight + layer.bias
    return result


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Scaled dot products, one head and one query at a time (Vaswani et al. 2017, equation 1)."""
    width = q.shape[-1] // heads
    rows: list[Tensor] = []
    for query in q[0]:
        parts: list[Tensor] = []
        for head in range(heads):
            span = slice(head * width, (head + 1) * width)
            scores = torch.stack([query[span] @ key[span] / math.sqrt(width) for key in k[0]])
            weights = scores.exp() / scores.exp().sum()
            parts.append((weights[:, None] * v[0][:, span]).sum(0))
        rows.append(torch.cat(parts))
    return torch.stack(rows)[None]


def cross(layer: Any, tokens: Tensor, queries: Tensor) -> Tensor:
    q, (k, v) = queries @ layer.to_q.weight.T, (tokens @ layer.to_kv.weight.T).chunk(2, dim=-1)
    result: Tensor = attention(q, k, v, layer.heads) @ layer.to_out.weight.T
    return result


def perceiver(layer: Any, tokens: Tensor, queries: Tensor) -> Tensor:
    """Flamingo's resampler: keys and values of tokens and queries together."""
    normed = norm(queries, layer.norm2)
    return cross(layer, torch.cat([norm(tokens, layer.norm1), normed], dim=1), normed)


def feed(layer: Any, x: Tensor) -> Tensor:
    result: Tensor = F.gelu(norm(x, layer[0]) @ layer[1].weight.T) @ layer[3].weight.T
    return result
