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
from diffusers.hooks.layerwise_casting import apply_layerwise_casting
from torch import nn

from mien_pipeline.device import Device, release_cache
from mien_pipeline.plan.placement import Plan

# Names that layerwise casting leaves in full precision: they are small and they steer everything.
KEPT_IN_FULL = ("pos_embed", "norm", "x_embedder", "time_text_embed", "proj_out$", "rope")


class Placer:
    """Puts networks where the memory plan says."""

    def __init__(self, device: Device, plan: Plan) -> None:
        self.device = device
        self.plan = plan
        self._disk: Path | None = None

    def place(self, name: str, module: Any) -> Any:
        """A network just loaded, placed for its lifetime; returns it.

        Resident ones move now, streamed ones get the hooks that move their layers, on-demand ones stay where they
        are until `on_device`. float8 is stored and cast to bfloat16 layer by layer.
        """
        placement = self.plan.of(name)
        if placement.form == "float8":
            apply_layerwise_casting(module, torch.float8_e4m3fn, torch.bfloat16, skip_modules_pattern=KEPT_IN_FULL)
        if placement.residency == "resident":
            return module.to(self.device.torch)
        if placement.residency == "streamed":
            self._stream(name, module)
        return module

    @contextmanager
    def on_device(self, name: str, module: Any) -> Generator[Any]:
        """The network on the device for as long as the context is open."""
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
        blocks = name in {"transformer", "control_net"}
        apply_group_offloading(
            module,
            onload_device=self.device.torch,
            offload_device=torch.device("cpu"),
            offload_type="block_level" if blocks else "leaf_level",
            num_blocks_per_group=1 if blocks else None,
            # Only where copies and kernels can overlap; elsewhere a layer is waited for.
            use_stream=self.device.kind == "discrete",
            # One memory for both: what is not at work lies on the disk.
            offload_to_disk_path=self._folder(name) if self.device.kind == "unified" else None,
        )

    def _folder(self, name: str) -> str:
        if self._disk is None:
            self._disk = Path(tempfile.mkdtemp(prefix="mien-layers-"))
            weakref.finalize(self, shutil.rmtree, self._disk, ignore_errors=True)
        folder = self._disk / name
        folder.mkdir(exist_ok=True)
        return str(folder)
