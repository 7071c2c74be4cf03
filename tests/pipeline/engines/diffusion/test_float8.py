"""A matrix in float8 with a scale is near the matrix, however large or small its values are."""

import pytest
import torch
from torch import nn

from mien_pipeline.engines.diffusion.casting import held_bytes
from mien_pipeline.engines.diffusion.float8 import FLOAT8, ScaledLinear, pack_linears


@pytest.mark.parametrize("size", [1e-4, 0.02, 1.0, 3000.0])
def test_it_multiplies_as_the_matrix_does_whatever_the_size_of_its_values(size: float) -> None:
    """A float8 of three binary digits is off by 2.3 % on average; without a scale, small values become zeros."""
    torch.manual_seed(0)
    weight, hidden = torch.randn(64, 256) * size, torch.randn(8, 256)
    wanted = hidden @ weight.T
    off = (ScaledLinear.pack(weight)(hidden) - wanted).norm() / wanted.norm()
    assert 0.005 < off < 0.035


def test_a_matrix_of_zeros_stays_one() -> None:
    assert torch.equal(ScaledLinear.pack(torch.zeros(4, 8))(torch.ones(1, 8)), torch.zeros(1, 4))


def test_it_answers_in_the_dtype_that_it_is_asked_in() -> None:
    layer = ScaledLinear.pack(torch.randn(4, 8))
    assert layer(torch.ones(2, 3, 8, dtype=torch.bfloat16)).dtype is torch.bfloat16
    assert layer.weight.dtype is FLOAT8


def test_layers_that_are_kept_and_layers_with_a_bias_stay_as_they_are() -> None:
    network = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 8), nn.Linear(8, 8, bias=False)).bfloat16()
    pack_linears(network, lambda name: name == "2.weight")
    assert [type(layer) for layer in network] == [ScaledLinear, nn.Linear, nn.Linear]
    assert held_bytes(network) == 64 + 4 + 2 * (64 + 8) + 2 * 64
