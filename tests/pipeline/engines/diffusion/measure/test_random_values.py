"""Values are filled as they are stored."""

import pytest
import torch

from mien_pipeline.engines.diffusion.measure.random_values import fill_random


def test_float8_and_batch_norms_are_filled_as_they_are_stored() -> None:
    layer = torch.nn.Linear(64, 64).to(torch.float8_e4m3fn)
    norm = torch.nn.BatchNorm2d(4)
    variance = norm.get_buffer("running_var").zero_()
    for network in (layer, norm):
        fill_random(network)
    assert layer.weight.dtype is torch.float8_e4m3fn
    assert layer.weight.float().std().item() == pytest.approx(1 / 8, rel=0.1)
    assert variance.tolist() == [1, 1, 1, 1]
