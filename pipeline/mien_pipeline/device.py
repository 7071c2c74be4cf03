"""Which device computes, in which number format, and how a network gets there. The only file that says "cuda".

Torch is imported where it is needed: whoever only asks for the device's name does not wait for it.
"""

import os
import platform
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from mien_core.errors import EngineUnavailable, GpuOutOfMemory
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import DeviceKind

if TYPE_CHECKING:
    import torch


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


def choose_device(environ: Mapping[str, str] = os.environ) -> Device:
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
    return Device(torch.device(name), "unified" if name == "mps" else "cpu", name, psutil.virtual_memory().total)


def onnx_providers(device: Device) -> list[str]:
    """What ONNX Runtime runs recognisers on, best first."""
    return ["CUDAExecutionProvider", "CPUExecutionProvider"] if device.kind == "discrete" else ["CPUExecutionProvider"]


def compute_dtype(form: NumberFormat) -> "torch.dtype":
    """What a network stored as `form` computes in."""
    import torch

    return torch.float32 if form == "float32" else torch.bfloat16


@contextmanager
def name_out_of_memory() -> Generator[None]:
    """A device that runs out of memory is `GpuOutOfMemory`, and what it had cached is given back."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        release_cache()
        raise GpuOutOfMemory("the accelerator ran out of memory", needed=str(error).split(".", 1)[0]) from error


def release_cache() -> None:
    """Give cached accelerator memory back to the system."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
