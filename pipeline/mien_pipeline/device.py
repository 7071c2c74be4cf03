"""Which device computes, in which number format, and how a network gets there. The only file that says "cuda".

Torch is imported where it is needed: whoever only asks for the device's name does not wait for it.
"""

import os
import platform
import shutil
import tempfile
import weakref
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien_core.errors import EngineUnavailable, GpuOutOfMemory
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import DeviceKind, Plan

if TYPE_CHECKING:
    import torch
    from torch import nn

# Names that layerwise casting leaves in full precision: they are small and they steer everything.
KEPT_IN_FULL = ("pos_embed", "norm", "x_embedder", "time_text_embed", "proj_out$", "rope")


@dataclass(frozen=True, slots=True)
class Device:
    """Attributes:
    torch: what tensors are moved to.
    kind: for the memory plan.
    total_bytes: of the memory that networks live in.
    """

    torch: "torch.device"
    kind: DeviceKind
    name: str
    total_bytes: int


def device_name(environ: Mapping[str, str] = os.environ) -> str:
    """ "cuda", "mps" or "cpu": where engines that can use an accelerator run, told by what is installed."""
    if wanted := environ.get("MIEN_DEVICE"):
        return wanted
    try:
        build = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return "cpu"
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "mps"
    windows = Path(environ.get("SYSTEMROOT", "C:/Windows")) / "System32" / "nvcuda.dll"
    driver = Path("/proc/driver/nvidia/version").exists() or windows.exists()
    return "cuda" if driver and not build.endswith("+cpu") else "cpu"


def choose(environ: Mapping[str, str] = os.environ) -> Device:
    """The best device here, or the one that `MIEN_DEVICE` names: cuda, mps or cpu.

    Raises:
        EngineUnavailable: `MIEN_DEVICE` names one that is not here.
    """
    import torch

    wanted = environ.get("MIEN_DEVICE", "")
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted and not here.get(wanted, False):
        raise EngineUnavailable(f"there is no device {wanted!r} on this machine", device=wanted)
    name = wanted or next(name for name, there in here.items() if there)
    if name == "cuda":
        about = torch.cuda.get_device_properties(0)
        return Device(torch.device("cuda"), "discrete", about.name, about.total_memory)
    return Device(torch.device(name), "unified" if name == "mps" else "cpu", name, main_memory_bytes())


def main_memory_bytes() -> int:
    """Main memory of this machine; 8 GiB where the system does not say."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return _windows_memory_bytes()


def _windows_memory_bytes() -> int:
    import ctypes

    kilobytes = ctypes.c_ulonglong(0)
    kernel: Any = getattr(ctypes, "windll", None)
    if kernel is None or not kernel.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes)):
        return 8 << 30
    return int(kilobytes.value) * 1024


def onnx_providers(device: Device) -> list[str]:
    """What ONNX Runtime runs recognisers on, best first."""
    return ["CUDAExecutionProvider", "CPUExecutionProvider"] if device.kind == "discrete" else ["CPUExecutionProvider"]


def compute_dtype(form: NumberFormat) -> "torch.dtype":
    """What a network stored as `form` computes in."""
    import torch

    return torch.float32 if form == "float32" else torch.bfloat16


@contextmanager
def out_of_memory_named() -> Generator[None]:
    """A device that runs out of memory is `GpuOutOfMemory`, and what it had cached is given back."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        release()
        raise GpuOutOfMemory("the accelerator ran out of memory", needed=str(error).split(".", 1)[0]) from error


def release() -> None:
    """Give cached accelerator memory back to the system."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


class Placer:
    """Puts networks where the memory plan says."""

    def __init__(self, device: Device, plan: Plan) -> None:
        self.device = device
        self.plan = plan
        self._disk: Path | None = None

    def settle(self, name: str, module: Any) -> Any:
        """A network just loaded, placed for its lifetime; returns it.

        Resident ones move now, streamed ones get the hooks that move their layers, on-demand ones stay where they
        are until `placed`. float8 is stored and cast to bfloat16 layer by layer.
        """
        import torch
        from diffusers.hooks.layerwise_casting import apply_layerwise_casting

        placement = self.plan.of(name)
        if placement.form == "float8":
            apply_layerwise_casting(module, torch.float8_e4m3fn, torch.bfloat16, skip_modules_pattern=KEPT_IN_FULL)
        if placement.residency == "resident":
            return module.to(self.device.torch)
        if placement.residency == "streamed":
            self._stream(name, module)
        return module

    @contextmanager
    def placed(self, name: str, module: Any) -> Generator[Any]:
        """The network on the device for as long as the context is open."""
        placement = self.plan.of(name)
        if placement.residency != "on-demand":
            yield module
            return
        try:
            yield module.to(self.device.torch)
        finally:
            module.to("cpu")
            release()

    def _stream(self, name: str, module: "nn.Module") -> None:
        import torch
        from diffusers.hooks.group_offloading import apply_group_offloading

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
