"""A network cast on the meta device holds the dtypes that a loaded one holds."""

from importlib import import_module
from typing import Any

import torch
from torch import nn

from mien_pipeline.engines.diffusion.casting import cast, held_bytes, is_held_in_float8, stored_as
from mien_pipeline.plan.component import NumberFormat


class Net(nn.Module):
    """A matrix for each rule: cast, kept by its name, kept because it is no layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.ModuleDict({"linear": nn.Linear(8, 16)})
        self.single = nn.ModuleList([nn.ModuleDict({"proj_out": nn.Linear(8, 8), "wo": nn.Linear(8, 8)})])
        self.proj_out = nn.Linear(8, 4)
        self.latents = nn.Parameter(torch.zeros(4, 8))


def test_modulations_and_a_blocks_own_last_map_are_cast_and_the_networks_last_map_is_not() -> None:
    """A pattern is the whole name: the 38 single blocks of FLUX have a `proj_out` each."""
    with torch.device("meta"):
        network = Net()
    cast(network, "float8")
    held = {name: value.dtype for name, value in network.state_dict().items()}
    eight = {name for name, dtype in held.items() if dtype is torch.float8_e4m3fn}
    assert eight == {f"{name}.{part}" for name in ("norm1.linear", "single.0.proj_out") for part in ("weight", "bias")}
    assert {held[name] for name in held.keys() - eight} == {torch.bfloat16}
    assert held_bytes(network) == 8 * 16 + 16 + 64 + 8 + 2 * (64 + 8 + 32 + 4 + 32)


def test_a_network_that_is_held_in_float8_is_left_alone() -> None:
    network = nn.Sequential(nn.Linear(4, 4))
    assert not is_held_in_float8(network)
    cast(network, "float8")
    cast(network, "float8")
    assert is_held_in_float8(network)
    assert network[0].weight.dtype is torch.float8_e4m3fn


def test_other_forms_are_plain_dtypes() -> None:
    network = nn.Linear(4, 4)
    dtypes: dict[NumberFormat, torch.dtype] = {"bfloat16": torch.bfloat16, "float32": torch.float32}
    for form, dtype in dtypes.items():
        cast(network, form)
        assert {value.dtype for value in network.parameters()} == {dtype}


def test_a_value_under_two_names_is_counted_once() -> None:
    network = nn.ModuleList([nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)])
    network[1].weight = network[0].weight
    assert held_bytes(network) == 64


def test_a_matrix_of_torchao_is_its_integers_and_scales() -> None:
    """As a whole it says that it is bfloat16."""
    torchao: Any = import_module("torchao.quantization")
    network = nn.Sequential(nn.Linear(64, 32, bias=False)).to(torch.bfloat16)
    torchao.quantize_(network, torchao.Int8WeightOnlyConfig())
    integers, scales, *rest = stored_as(network.get_parameter("0.weight"))
    assert (integers.dtype, integers.shape) == (torch.int8, (32, 64))
    assert held_bytes(network) == 32 * 64 + sum(each.numel() * each.element_size() for each in (scales, *rest))
    assert stored_as(scales) == [scales]
