"""Puts networks where the memory plan says: on the device, streamed block by block, or moved there for a moment."""

import shutil
import tempfile
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers.utils.torch_utils import TorchDeviceBackend
from torch import nn

from mien_pipeline.device import Device, release_cache
from mien_pipeline.engines.diffusion.casting import cast
from mien_pipeline.engines.diffusion.streaming import Streaming, stream
from mien_pipeline.plan.placement import Placement, Plan

# In float16 some of their activations have to be clipped, which changes the picture (diffusers pull request 9097).
IN_BFLOAT16 = frozenset({"text_encoder", "text_encoder_2", "vae"})


class Placer:
    """Puts networks where the memory plan says."""

    def __init__(self, device: Device, plan: Plan) -> None:
        self.device = device
        self.plan = plan
        self._disk: Path | None = None

    def half(self, name: str) -> torch.dtype:
        """What the network computes in where its form has 16 bits or less."""
        if name not in IN_BFLOAT16:
            return self.device.half
        # Metal before macOS 14 has no bfloat16; the memory plan counts half of this.
        has_none = self.device.backend == "mps" and self.device.half is torch.float16
        return torch.float32 if has_none else torch.bfloat16

    def place(self, name: str, module: Any) -> Any:
        """Place a network that was just loaded, for its lifetime, and return it.

        A resident one moves to the device now. A streamed one gets the hooks that move its blocks. An on-demand one
        stays where it is until `on_device`. float8 is stored, and cast to bfloat16 layer by layer.
        """
        placement = self.plan.of(name)
        if placement.form == "float8":
            cast(module, placement.form, self.half(name))
        if placement.residency == "resident":
            return module.to(self.device.torch)
        if placement.residency == "streamed":
            stream(module, self._how(placement))
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

    def _how(self, placement: Placement) -> Streaming:
        if self.device.kind == "unified":
            # One memory for both: blocks that do not work lie on the disk.
            return Streaming(self.device.torch, folder=self._folder(placement.component.name))
        # A stream helps where copies and kernels can overlap; elsewhere each block is waited for.
        beside = TorchDeviceBackend(self.device.torch).Stream() if self.device.kind == "discrete" else None
        return Streaming(self.device.torch, beside, pinned=self.plan.is_pinned(placement))

    def _folder(self, name: str) -> Path:
        if self._disk is None:
            self._disk = Path(tempfile.mkdtemp(prefix="mien-layers-"))
            weakref.finalize(self, shutil.rmtree, self._disk, ignore_errors=True)
        folder = self._disk / name
        folder.mkdir(exist_ok=True)
        return folder


def release(network: nn.Module) -> None:
    """Take every hook off a network that is given up: its memory is free when the last reference goes.

    A hook refers to its module and the module to the hook, so that otherwise a garbage collection would be waited for.
    """
    for module in network.modules():
        vars(module).pop("forward", None)
        registry: Any = vars(module).pop("_diffusers_hook", None)
        for hook in registry.hooks.values() if registry is not None else ():
            # It holds the hook's own methods, and the module's.
            hook.fn_ref = None
