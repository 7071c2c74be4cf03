"""Where networks are put changes how much memory they take, never what they compute."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from mien_pipeline.device import Device
from mien_pipeline.engines.diffusion.placement import Placer
from mien_pipeline.plan.component import NumberFormat, component
from mien_pipeline.plan.fit import Hardware, make_plan
from mien_pipeline.plan.placement import GIB, Plan, Residency

CPU = Device(torch.device("cpu"), "cpu", "cpu", 8 * GIB, "cpu", torch.bfloat16)


class Network(nn.Module):
    """Two blocks and a norm, under the name of one that is streamed block by block."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.blocks = nn.ModuleList(nn.Linear(32, 32) for _ in range(2))
        self.norm = nn.LayerNorm(32)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = torch.tanh(block(x))
        normed: torch.Tensor = self.norm(x)
        return normed


def plan_with(form: NumberFormat, residency: Residency, name: str = "transformer") -> Plan:
    shapes = {key: tuple(value.shape) for key, value in Network().state_dict().items()}
    plan = make_plan([component(name, "sampling", shapes)], Hardware("cpu", 8 * GIB, 32))
    return replace(plan, placements=(replace(plan.placements[0], form=form, residency=residency),))


INPUT = torch.linspace(-1, 1, 64).view(2, 32)


@pytest.mark.parametrize("name", ["transformer", "faceid"])
@pytest.mark.parametrize("residency", ["resident", "streamed", "on-demand"])
def test_wherever_a_network_lives_it_computes_the_same(name: str, residency: Residency) -> None:
    """Streamed block by block, or tensor by tensor."""
    placer = Placer(CPU, plan_with("float32", residency, name))
    network = placer.place(name, Network())
    with placer.on_device(name, network) as placed, torch.no_grad():
        assert torch.equal(placed(INPUT), Network()(INPUT))


def test_eight_bit_floats_are_stored_and_computed_in_sixteen() -> None:
    placer = Placer(CPU, plan_with("float8", "resident"))
    network: Any = placer.place("transformer", Network().to(torch.bfloat16))
    assert network.blocks[0].weight.dtype is torch.float8_e4m3fn
    assert network.norm.weight.dtype is torch.bfloat16
    with torch.no_grad():
        out = network(INPUT.to(torch.bfloat16))
    assert out.dtype is torch.bfloat16
    torch.testing.assert_close(out.float(), Network()(INPUT).detach(), atol=0.25, rtol=0.1)
    assert network.blocks[0].weight.dtype is torch.float8_e4m3fn


def test_one_memory_for_both_streams_from_the_disk() -> None:
    """On a machine whose graphics share main memory, what is not at work lies in files, gone with the placer."""
    unified = replace(CPU, kind="unified")
    placer = Placer(unified, plan_with("float32", "streamed"))
    network = placer.place("transformer", Network())
    with torch.no_grad():
        assert torch.equal(network(INPUT), Network()(INPUT))


@pytest.mark.parametrize(
    ("backend", "half", "encoders"),
    [
        ("cuda", torch.float16, torch.bfloat16),
        ("mps", torch.bfloat16, torch.bfloat16),
        ("mps", torch.float16, torch.float32),
    ],
)
def test_what_float16_clips_is_float32_where_there_is_no_bfloat16(
    backend: Any, half: torch.dtype, encoders: torch.dtype
) -> None:
    """Metal before macOS 14; a card that is slow in bfloat16 has it."""
    placer = Placer(replace(CPU, backend=backend, half=half), plan_with("bfloat16", "resident"))
    assert [placer.half(name) for name in ("text_encoder_2", "vae")] == [encoders] * 2
    assert placer.half("transformer") == half
