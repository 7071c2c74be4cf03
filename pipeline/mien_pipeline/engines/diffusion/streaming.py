"""A network that is streamed: its blocks come to the device in the order they work in, the next beside the present one.

diffusers' own group offloading pins a copy of every block before it lets go of any, and learns the order of the blocks
from a forward pass of the whole network: PuLID's and FaceID's attentions are called one by one and never make such a
pass. Its groups and its hook are used here, one block after the other, chained by the network's own order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.hooks.group_offloading import (
    GroupOffloadingConfig,
    GroupOffloadingHook,
    GroupOffloadingType,
    ModuleGroup,
)
from diffusers.hooks.hooks import HookRegistry
from torch import nn

# diffusers asks for this name when it wants to know where a streamed network computes.
HOOK = "group_offloading"
CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Streaming:
    """How blocks are brought.

    Attributes:
        device: where they compute.
        beside: the stream that copies while another computes; None waits for every block.
        pinned: every block has a pinned copy in main memory; False pins a block while it is copied.
        folder: blocks lie in files of it; None keeps them in main memory.
    """

    device: torch.device
    beside: Any = None
    pinned: bool = True
    folder: Path | None = None


def stream(network: nn.Module, how: Streaming) -> None:
    """Hook the network so that what does not compute is not on the device.

    Blocks are the members of the network's outermost lists. What is outside them is on the device during the whole
    network's pass, or, in a network without a pass of its own, while the layer itself computes.
    """
    blocks = dict(blocks_of(network))
    first = None
    if type(network).forward is not nn.Module.forward:
        first = _hook(network, _rest(network, blocks, how), how)
    else:
        for name, layer in _layers_beside(network, blocks):
            _hook(layer, _group(name, layer, how), how)
    before = first
    for name, block in blocks.items():
        group = _group(name, block, how)
        hook = _hook(block, group, how)
        if how.beside is not None and before is not None:
            before.next_group = group
            group.onload_self = False
        elif how.beside is not None:
            # Nothing brings the first block beforehand: it is waited for.
            group.non_blocking = False
        before = hook


def blocks_of(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The members of the network's outermost lists by their names, in the order in which they work."""
    yield from _members(network, "", isinstance(network, nn.ModuleList))


def _members(module: nn.Module, prefix: str, listed: bool) -> Iterator[tuple[str, nn.Module]]:
    for name, child in module.named_children():
        path = f"{prefix}{name}"
        if isinstance(child, nn.ModuleList | nn.ModuleDict):
            yield from _members(child, f"{path}.", listed or isinstance(child, nn.ModuleList))
        elif listed:
            yield path, child
        else:
            yield from _members(child, f"{path}.", listed=False)


def _layers_beside(network: nn.Module, blocks: dict[str, nn.Module]) -> Iterator[tuple[str, nn.Module]]:
    """What a network without a pass of its own has outside its blocks, each the outermost module with a pass."""
    for name, child in network.named_children():
        if isinstance(child, nn.ModuleDict):
            yield from ((f"{name}.{inner}", layer) for inner, layer in _layers_beside(child, blocks))
        elif not isinstance(child, nn.ModuleList) and child not in blocks.values():
            yield name, child


def _rest(network: nn.Module, blocks: dict[str, nn.Module], how: Streaming) -> ModuleGroup:
    """Everything outside the blocks, brought and waited for when the network's pass begins."""
    inside = {id(value) for block in blocks.values() for value in (*block.parameters(), *block.buffers())}
    return ModuleGroup(
        modules=[],
        offload_device=CPU,
        onload_device=how.device,
        offload_leader=network,
        onload_leader=network,
        parameters=[value for value in network.parameters() if id(value) not in inside],
        buffers=[value for value in network.buffers() if id(value) not in inside],
        offload_to_disk_path=None if how.folder is None else str(how.folder),
        group_id="outside the blocks",
    )


def _group(name: str, block: nn.Module, how: Streaming) -> ModuleGroup:
    return ModuleGroup(
        modules=[block],
        offload_device=CPU,
        onload_device=how.device,
        offload_leader=block,
        onload_leader=block,
        stream=how.beside,
        low_cpu_mem_usage=not how.pinned,
        offload_to_disk_path=None if how.folder is None else str(how.folder),
        group_id=name,
    )


def _hook(module: nn.Module, group: ModuleGroup, how: Streaming) -> GroupOffloadingHook:
    config = GroupOffloadingConfig(
        onload_device=how.device,
        offload_device=CPU,
        offload_type=GroupOffloadingType.BLOCK_LEVEL,
        non_blocking=False,
        record_stream=False,
        low_cpu_mem_usage=not how.pinned,
        num_blocks_per_group=1,
        stream=how.beside,
    )
    hook = GroupOffloadingHook(group, config=config)
    # Registering sends the group off the device: a block's first copy is given up before the next block is touched.
    HookRegistry.check_if_exists_or_initialize(module).register_hook(hook, HOOK)
    return hook
