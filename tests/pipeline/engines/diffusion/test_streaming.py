"""Blocks of a streamed network come in the order they work in, the next one beside the present one."""

import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mien_pipeline.engines.diffusion import streaming
from mien_pipeline.engines.diffusion.streaming import HOOK, Streaming, blocks_of, stream
from mien_pipeline.engines.flux.faceid import ArcAdapter, XlabsAdapter
from mien_pipeline.engines.flux.pulid import PulidAttentions
from mien_testing.published_networks import published_network


def test_blocks_are_the_members_of_the_outermost_lists() -> None:
    """As the published networks have them: 57 of the transformer, 14 and their 15 maps of the control net, 24 of T5."""
    names = {name: list(dict(blocks_of(published_network(name)))) for name in ("transformer", "control_net")}
    assert len(names["transformer"]) == 57
    assert names["transformer"][18:20] == ["transformer_blocks.18", "single_transformer_blocks.0"]
    assert len(names["control_net"]) == 14 + 14
    assert [name.split(".")[0] for name in names["control_net"][::7]] == [
        "transformer_blocks",
        "single_transformer_blocks",
        "controlnet_blocks",
        "controlnet_single_blocks",
    ]
    t5 = published_network("text_encoder_2")
    assert [name for name, _ in blocks_of(t5)] == [f"encoder.block.{index}" for index in range(24)]


class Told(nn.Linear):
    """A block that tells when it computes."""

    def __init__(self, heard: list[str], name: str) -> None:
        super().__init__(4, 4, bias=False)
        self.heard = heard
        self.name = name

    def forward(self, input: Tensor) -> Tensor:  # torch's own name
        self.heard.append(f"work {self.name}")
        return super().forward(input)


class Rows(nn.Module):
    """A list of blocks, and a layer outside it."""

    def __init__(self, blocks: int) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.heard: list[str] = []
        self.blocks = nn.ModuleList(Told(self.heard, str(index)) for index in range(blocks))
        self.last = Told(self.heard, "last")

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.last(x)
        return out

    def tell_what_is_brought(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, block in blocks_of(self):
            group = hook_of(block).group

            def bring(name: str = name, onload: Callable[[], None] = group.onload_) -> None:
                self.heard.append(f"bring {name.removeprefix('blocks.')}")
                onload()

            monkeypatch.setattr(group, "onload_", bring)


def hook_of(module: Any) -> Any:
    return module._diffusers_hook.get_hook(HOOK)


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """A CPU does what a card does: pinning copies, streams can be waited for, and main memory is another device."""
    copies: list[Tensor] = []

    def pin(value: Tensor, *_: Any) -> Tensor:
        copies.append(value.clone())
        return copies[-1]

    monkeypatch.setattr(Tensor, "pin_memory", pin)

    def is_pinned(value: Tensor) -> bool:
        return any(value is each for each in copies)

    def synchronize(_stream: object) -> None:
        return None

    monkeypatch.setattr(Tensor, "is_pinned", is_pinned)
    monkeypatch.setattr(torch.cpu.Stream, "synchronize", synchronize, raising=False)
    monkeypatch.setattr(streaming, "CPU", torch.device("cpu", 0))
    return copies


BESIDE = Streaming(torch.device("cpu"), torch.cpu.Stream())
X = torch.linspace(-1, 1, 8).view(2, 4)


@pytest.mark.usefixtures("pinned")
def test_the_next_block_is_brought_before_the_present_one_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first pass on, and the same at every later one."""
    network = Rows(3)
    expected = network(X)
    network.heard.clear()
    stream(network, BESIDE)
    network.tell_what_is_brought(monkeypatch)
    for _ in range(2):
        assert torch.equal(network(X), expected)
    once = ["bring 0", "bring 1", "work 0", "bring 2", "work 1", "work 2", "work last"]
    assert network.heard == 2 * once


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("kind", ["pulid", "arc", "xlabs"])
def test_attentions_that_are_called_one_by_one_are_brought_beforehand_as_well(
    kind: str, attentions: PulidAttentions, arc: ArcAdapter, xlabs: XlabsAdapter
) -> None:
    """PuLID's and FaceID's networks have no pass of their own, and no record of their calls grows."""
    network: Any = copy.deepcopy({"pulid": attentions, "arc": arc, "xlabs": xlabs}[kind])
    stream(network, BESIDE)
    blocks = dict(blocks_of(network))
    groups = [hook_of(block) for block in blocks.values()]
    assert [hook.next_group for hook in groups[:-1]] == [hook.group for hook in groups[1:]]
    assert groups[-1].next_group is None
    assert [hook.group.onload_self for hook in groups] == [True] + [False] * (len(groups) - 1)
    assert not groups[0].group.non_blocking
    hooked = [module for module in network.modules() if hasattr(module, "_diffusers_hook")]
    assert {name for module in hooked for name in module._diffusers_hook.hooks} == {HOOK}
    held = {id(value) for module in hooked for value in module.parameters()}
    assert held == {id(value) for value in network.parameters()}


def test_one_block_at_a_time_is_in_memory_twice_while_pinned_copies_are_made(
    pinned: list[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Rows(5)
    weights: list[Any] = [weakref.ref(value.data.untyped_storage()) for value in network.blocks.parameters()]
    alive: list[int] = []
    copy_of = Tensor.pin_memory

    def count(value: Tensor, *given: Any) -> Tensor:
        alive.append(sum(each() is not None for each in weights))
        return copy_of(value, *given)

    monkeypatch.setattr(Tensor, "pin_memory", count)
    gc.disable()
    try:
        stream(network, BESIDE)
    finally:
        gc.enable()
    assert len(pinned) == 5
    assert alive == [5, 4, 3, 2, 1]


def test_without_pinned_copies_main_memory_holds_the_network_once(pinned: list[Tensor]) -> None:
    """A block is pinned while it is copied, and not before."""
    network = Rows(3)
    expected = network(X)
    stream(network, Streaming(torch.device("cpu"), torch.cpu.Stream(), pinned=False))
    assert not pinned
    assert torch.equal(network(X), expected)
    assert len(pinned) == 3
