"""Puts networks where the memory plan says: on the device, streamed layer by layer, or moved there for a moment."""

import shutil
import tempfile
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers.hooks.group_offloading import apply_group_offloading
from torch import nn

from mien_pipeline.device import Device, release_cache
from mien_pipeline.engines.diffusion.casting import cast
from mien_pipeline.plan.placement import Plan

# Networks that are streamed block by block; the others tensor by tensor.
STREAMED_BY_BLOCK = frozenset({"transformer", "control_net"})


class Placer:
    """Puts networks where the memory plan says."""

    def __init__(self, device: Device, plan: Plan) -> None:
        self.device = device
        self.plan = plan
        self._disk: Path | None = None

    def place(self, name: str, module: Any) -> Any:
        """Place a network that was just loaded, for its lifetime, and return it.

        A resident one moves to the device now. A streamed one gets the hooks that move its layers. An on-demand one
        stays where it is until `on_device`. float8 is stored, and cast to bfloat16 layer by layer.
        """
        placement = self.plan.of(name)
        if placement.form == "float8":
            cast(module, placement.form)
        if placement.residency == "resident":
            return module.to(self.device.torch)
        if placement.residency == "streamed":
            self._stream(name, module)
        return module

    @contextmanager
    def on_device(self, name: str, module: Any) -> Generator[Any]:
        """The network, on the device while the context is open."""
        placement = self.plan.of(name)
        if placement.residency != "on-demand":
            yield module
            return
        try:
            yield module.to(self.device.torch)
        finally:
            module.to("cpu")
            release_cache()

    def _stream(self, name: str, module: nn.Module) -> None:
        blocks = name in STREAMED_BY_BLOCK
        apply_group_offloading(
            module,
            onload_device=self.device.torch,
            offload_device=torch.device("cpu"),
            offload_type="block_level" if blocks else "leaf_level",
            num_blocks_per_group=1 if blocks else None,
            # A stream helps where copies and kernels can overlap; elsewhere each layer is waited for.
            use_stream=self.device.kind == "discrete",
            # One memory for both: layers that do not work lie on the disk.
            offload_to_disk_path=self._folder(name) if self.device.kind == "unified" else None,
        )

    def _folder(self, name: str) -> str:
        if self._disk is None:
            self._disk = Path(tempfile.mkdtemp(prefix="mien-layers-"))
            weakref.finalize(self, shutil.rmtree, self._disk, ignore_errors=True)
        folder = self._disk / name
        folder.mkdir(exist_ok=True)
        return str(folder)
