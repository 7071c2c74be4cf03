"""Random values hide nothing and keep signals in size; a file holds the names of its other networks too."""

import torch
from torch import nn

from mien_pipeline.engines.diffusion.tiny.weights import add_prefix, foreign_tensors, randomise


def test_no_parameter_stays_zero_and_norms_stay_near_one() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(256, 256), nn.LayerNorm(256))
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    randomise(network).requires_grad_(False)
    assert all((parameter != 0).all() for parameter in network.parameters())
    assert abs(float(network.state_dict()["1.weight"].mean()) - 1) < 0.01
    signal = torch.randn(64, 256)
    assert 0.8 < float(network[0](signal).std()) < 1.2


def test_a_prefix_stands_before_every_name() -> None:
    assert add_prefix("visual.", nn.Linear(2, 3)).keys() == {"visual.weight", "visual.bias"}


def test_the_other_networks_of_a_file_have_their_names_and_one_number_each() -> None:
    found = foreign_tensors("eva02-clip-l-336", ("text.", "logit_scale"))
    assert "logit_scale" in found
    assert all(name.startswith(("text.", "logit_scale")) for name in found)
    assert all(value.numel() == 1 for value in found.values())
