"""Which device torch computes on, and in which number format. The only file that says "cuda".

Torch is imported inside functions, and psutil: `device_name` answers without them.
"""

import os
import platform
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from mien_core.errors import EngineUnavailable, GpuOutOfMemory

if TYPE_CHECKING:
    import torch

    from mien_pipeline.plan.component import NumberFormat
    from mien_pipeline.plan.placement import DeviceKind


@dataclass(frozen=True, slots=True)
class Device:
    """What computes.

    Attributes:
        torch: what tensors are moved to.
        kind: for the memory plan.
        name: of the card, or "mps" or "cpu".
        total_bytes: of the memory that networks live in.
    """

    torch: "torch.device"
    kind: "DeviceKind"
    name: str
    total_bytes: int


def device_name(environ: Mapping[str, str] = os.environ) -> str:
    """Where engines that can use an accelerator run: "cuda", "mps" or "cpu".

    `MIEN_DEVICE` decides if it is set; else the installed build of torch and the driver do. Torch is not imported.
    """
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
    import psutil
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


def compute_dtype(form: "NumberFormat") -> "torch.dtype":
    """The dtype that a network stored as `form` computes in."""
    import torch

    return torch.float32 if form == "float32" else torch.bfloat16


@contextmanager
def name_out_of_memory() -> Generator[None]:
    """Raise `GpuOutOfMemory` when the device runs out of memory inside, and give its cached memory back."""
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
