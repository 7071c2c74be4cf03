"""Perceiver attention is what its papers write, compared in loops."""

import torch

from mien_pipeline.engines.diffusion.perceiver import PerceiverAttention, PerceiverCrossAttention
from mien_testing.formulas import TOLERANCE, cross, draw_parameters, norm, perceiver, values


def test_cross_attention_is_its_formula() -> None:
    layer = draw_parameters(PerceiverCrossAttention(12, 20, 2, 128))
    tokens, queries = values(1, 5, 20), values(1, 7, 12, seed=2)
    written = cross(layer, norm(tokens, layer.norm1), norm(queries, layer.norm2))
    torch.testing.assert_close(layer(tokens, queries), written, **TOLERANCE)


def test_perceiver_attention_is_its_formula() -> None:
    layer = draw_parameters(PerceiverAttention(16, 2))
    tokens, queries = values(1, 5, 16), values(1, 3, 16, seed=2)
    torch.testing.assert_close(layer(tokens, queries), perceiver(layer, tokens, queries), **TOLERANCE)
