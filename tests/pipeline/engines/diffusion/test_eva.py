"""The EVA tower is what its papers write, compared in loops."""

import math

import torch
from torch import Tensor

from mien_pipeline.engines.diffusion.eva import EvaTower, VisionRope
from mien_pipeline.engines.flux.pulid import EVA_TAPS
from mien_testing.formulas import attention, draw_parameters, norm, values


def test_the_eva_tower_is_its_formula_and_taps_what_enters_the_blocks() -> None:
    tower = draw_parameters(EvaTower(dim=64, hidden=20, layers=6, grid=3, patch=4, output_dim=5))
    pixels = values(1, 3, 12, 12)
    patches = torch.stack(
        [
            (pixels[0, :, row : row + 4, column : column + 4] * tower.patch_embed.proj.weight).flatten(1).sum(1)
            + tower.patch_embed.proj.bias
            for row in range(0, 12, 4)
            for column in range(0, 12, 4)
        ]
    )[None]
    x = torch.cat([tower.cls_token, patches], dim=1) + tower.pos_embed
    entering: list[Tensor] = []
    for block in tower.blocks:
        entering.append(x)
        y, attn = norm(x, block.norm1), block.attn
        q, k = y @ attn.q_proj.weight.T + attn.q_bias, y @ attn.k_proj.weight.T
        v = y @ attn.v_proj.weight.T + attn.v_bias
        out = attention(rotate_pairs(q, 3), rotate_pairs(k, 3), v, 1)
        x = x + norm(out, attn.inner_attn_ln) @ attn.proj.weight.T + attn.proj.bias
        y = norm(x, block.norm2)
        gate, value = (y @ layer.weight.T + layer.bias for layer in (block.mlp.w1, block.mlp.w2))
        hidden = norm(gate / (1 + (-gate).exp()) * value, block.mlp.ffn_ln)
        x = x + hidden @ block.mlp.w3.weight.T + block.mlp.w3.bias
    written = norm(x, tower.norm)[:, 0] @ tower.head.weight.T + tower.head.bias
    embedding, levels = tower(pixels, (1, 4))
    torch.testing.assert_close(embedding, written, atol=2e-4, rtol=1e-3)
    for level, expected in zip(levels, (entering[1], entering[4]), strict=True):
        torch.testing.assert_close(level, expected, atol=2e-4, rtol=1e-3)


def rotate_pairs(x: Tensor, grid: int) -> Tensor:
    """RoFormer's rotation, pair by pair: the first half of a head turns with the row, the second with the column."""
    result = x.clone()
    for place in range(grid * grid):
        position = (place // grid, place % grid)
        for pair in range(32):
            axis, rate = divmod(pair, 16)
            angle = position[axis] / grid * 16 * 10000.0 ** (-2 * rate / 32)
            a, b = x[0, place + 1, 2 * pair], x[0, place + 1, 2 * pair + 1]
            result[0, place + 1, 2 * pair] = a * math.cos(angle) - b * math.sin(angle)
            result[0, place + 1, 2 * pair + 1] = a * math.sin(angle) + b * math.cos(angle)
    return result


def test_the_published_tower_has_577_places_and_five_taps() -> None:
    with torch.device("meta"):
        tower, rope = EvaTower(), VisionRope(24)
        embedding, levels = tower(torch.zeros(2, 3, 336, 336), EVA_TAPS)
    assert tower.image_size == 336
    assert embedding.shape == (2, 768)
    assert [tuple(level.shape) for level in levels] == [(2, 577, 1024)] * 5
    assert rope.get_buffer("freqs_cos").shape == (576, 64)
