"""The EVA02-CLIP-L-336 image tower that PuLID reads: one embedding and five levels of features.

Source: EVA-CLIP, Sun et al. 2023 (arXiv:2303.15389); EVA-02, Fang et al. 2023 (arXiv:2303.11331): a vision
transformer with rotary positions, SwiGLU and a layer norm inside attention. Names are those of the published file.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien_pipeline.engines.diffusion.manifest import Shapes
from mien_pipeline.engines.diffusion.weights import depth

# Heads are 64 wide, and positions are scaled to the 16 × 16 grid the tower was first trained on.
HEAD_DIM = 64
TRAINED_GRID = 16
EPS = 1e-6
# CLIP's mean and standard deviation of RGB in 0..1, Radford et al. 2021 (arXiv:2103.00020).
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class VisionRope(nn.Module):
    """Rotary positions of a square grid: half of every head turns with the row, half with the column.

    Source: RoFormer, Su et al. 2021 (arXiv:2104.09864), equation 34, on interleaved pairs.
    """

    def __init__(self, grid: int) -> None:
        super().__init__()
        half = HEAD_DIM // 2
        rates = 10000.0 ** -(torch.arange(0, half, 2)[: half // 2].float() / half)
        angles = (torch.arange(grid) / grid * TRAINED_GRID)[:, None] * rates[None]
        angles = angles.repeat_interleave(2, dim=-1)
        rows = angles[:, None].expand(grid, grid, half)
        columns = angles[None, :].expand(grid, grid, half)
        both = torch.cat([rows, columns], dim=-1).reshape(grid * grid, HEAD_DIM)
        self.register_buffer("freqs_cos", both.cos())
        self.register_buffer("freqs_sin", both.sin())

    def forward(self, x: Tensor) -> Tensor:
        """(batch, heads, 1 + grid², 64) to the same shape; the class token in front is left alone."""
        first, rest = x[:, :, :1], x[:, :, 1:]
        even, odd = rest[..., 0::2], rest[..., 1::2]
        quarter_turn = torch.stack([-odd, even], dim=-1).flatten(-2)
        cos, sin = self.get_buffer("freqs_cos").to(x), self.get_buffer("freqs_sin").to(x)
        return torch.cat([first, rest * cos + quarter_turn * sin], dim=2)


class EvaAttention(nn.Module):
    """Self-attention with rotary positions, biases on queries and values alone, and a norm before the last map."""

    def __init__(self, dim: int, rope: VisionRope) -> None:
        super().__init__()
        self.q_proj = nn.Linear(dim, dim, bias=False)
        self.k_proj = nn.Linear(dim, dim, bias=False)
        self.v_proj = nn.Linear(dim, dim, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(dim))
        self.v_bias = nn.Parameter(torch.zeros(dim))
        self.inner_attn_ln = nn.LayerNorm(dim, eps=EPS)
        self.proj = nn.Linear(dim, dim)
        self.rope = rope

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1 + grid², dim) to the same shape."""
        q, k, v = (
            part.unflatten(-1, (-1, HEAD_DIM)).transpose(1, 2)
            for part in (self.q_proj(x) + self.q_bias, self.k_proj(x), self.v_proj(x) + self.v_bias)
        )
        attended = F.scaled_dot_product_attention(self.rope(q), self.rope(k), v).transpose(1, 2).flatten(2)
        out: Tensor = self.proj(self.inner_attn_ln(attended))
        return out


class SwiGlu(nn.Module):
    """w3(norm(silu(w1·x) · w2·x)), Shazeer 2020 (arXiv:2002.05202), with EVA-02's norm in the middle."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(dim, hidden)
        self.w2 = nn.Linear(dim, hidden)
        self.ffn_ln = nn.LayerNorm(hidden, eps=EPS)
        self.w3 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.w3(self.ffn_ln(F.silu(self.w1(x)) * self.w2(x)))
        return out


class EvaBlock(nn.Module):
    """Attention, then the MLP, each added to its own input; norms come first."""

    def __init__(self, dim: int, hidden: int, rope: VisionRope) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=EPS)
        self.attn = EvaAttention(dim, rope)
        self.norm2 = nn.LayerNorm(dim, eps=EPS)
        self.mlp = SwiGlu(dim, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class PatchEmbed(nn.Module):
    """(batch, 3, H, W) to (batch, H/patch · W/patch, dim): one linear map of every patch."""

    def __init__(self, dim: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, patch, patch)

    def forward(self, x: Tensor) -> Tensor:
        patches: Tensor = self.proj(x)
        return patches.flatten(2).transpose(1, 2)


class EvaTower(nn.Module):
    """The whole image tower.

    Args:
        dim, hidden, layers, grid, patch, output_dim: 1024, 2730, 24, 24, 14 and 768 as published.
    """

    def __init__(
        self,
        dim: int = 1024,
        hidden: int = 2730,
        layers: int = 24,
        grid: int = 24,
        patch: int = 14,
        output_dim: int = 768,
    ) -> None:
        super().__init__()
        self.image_size = grid * patch
        self.patch_embed = PatchEmbed(dim, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, grid * grid + 1, dim))
        self.rope = VisionRope(grid)
        self.blocks = nn.ModuleList(EvaBlock(dim, hidden, self.rope) for _ in range(layers))
        self.norm = nn.LayerNorm(dim, eps=EPS)
        self.head = nn.Linear(dim, output_dim)

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> "EvaTower":
        """The network in the size that a file's shapes give."""
        dim, _, patch, _ = shapes["patch_embed.proj.weight"]
        return cls(
            dim=dim,
            hidden=shapes["blocks.0.mlp.w1.weight"][0],
            layers=depth(shapes, "blocks."),
            grid=round((shapes["pos_embed"][1] - 1) ** 0.5),
            patch=patch,
            output_dim=shapes["head.weight"][0],
        )

    def forward(self, pixels: Tensor, taps: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """The class token's embedding, and the tokens as they *enter* the blocks that `taps` names.

        Args:
            pixels: (batch, 3, 336, 336) RGB, normalised with CLIP's mean and deviation.
            taps: numbers of blocks, counted from 0, in increasing order.

        Returns:
            (batch, 768), not normalised, and (batch, 577, 1024) for every tap; the dtype of `pixels`.
        """
        patches = self.patch_embed(pixels)
        x = torch.cat([self.cls_token.expand(patches.shape[0], -1, -1), patches], dim=1) + self.pos_embed
        levels: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            if index in taps:
                levels.append(x)
            x = block(x)
        return self.head(self.norm(x)[:, 0]), levels
