"""Which device torch computes on, and in which number format. The only file that says "cuda".

Torch is imported inside functions, and psutil: `device_name` answers without them.
"""

import ast
import os
import platform
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mien_core.errors import EngineUnavailable, GpuOutOfMemory

if TYPE_CHECKING:
    import torch
    from torch import dtype

    from mien_pipeline.plan.component import NumberFormat
    from mien_pipeline.plan.placement import DeviceKind

# Whose accelerator computes. torch calls AMD's "cuda" as well.
Backend = Literal["cuda", "rocm", "mps", "xpu", "cpu"]
BACKENDS: tuple[Backend, ...] = ("cuda", "rocm", "mps", "xpu", "cpu")
# NVIDIA's first cards with bfloat16 have compute capability 8.0; on older ones torch emulates it in float32.
AMPERE = 8
# How torch's `version.py` calls what each backend's build was made with.
_BUILT_WITH: Mapping[str, Backend] = {"cuda": "cuda", "hip": "rocm", "xpu": "xpu"}
_INTEL = "0x8086"


@dataclass(frozen=True, slots=True)
class Device:
    """What computes.

    Attributes:
        torch: what tensors are moved to.
        kind: for the memory plan.
        name: of the card, or "mps" or "cpu".
        total_bytes: of the memory that networks live in.
        backend: whose it is.
        half: the dtype of 16 bits that it is fast in.
    """

    torch: "torch.device"
    kind: "DeviceKind"
    name: str
    total_bytes: int
    backend: Backend
    half: "dtype"


def _installed_torch() -> Path | None:
    """torch's folder, found without importing it."""
    found = find_spec("torch")
    return Path(found.origin).parent if found and found.origin else None


@dataclass(frozen=True, slots=True)
class Machine:
    """Where `device_name` looks: the system's files, and the folder of the installed torch."""

    root: Path = Path("/")
    system: str = field(default_factory=platform.system)
    processor: str = field(default_factory=platform.machine)
    torch: Path | None = field(default_factory=_installed_torch)


def device_name(environ: Mapping[str, str] = os.environ, machine: Machine | None = None) -> str:
    """Where engines that can use an accelerator run: a `Backend`. Torch is not imported.

    `MIEN_DEVICE` decides if it is set; else the installed build of torch and the drivers do. A driver that is too old
    for that build is found by torch alone: see `choose_device`.
    """
    if wanted := environ.get("MIEN_DEVICE"):
        return wanted
    machine = machine or Machine()
    if machine.torch is None:
        return "cpu"
    if machine.system == "Darwin":
        return "mps" if machine.processor == "arm64" else "cpu"
    built = _backends_of(machine.torch)
    return next((name for name in BACKENDS if name in built and _has_driver(name, machine, environ)), "cpu")


def _backends_of(torch: Path) -> set[str]:
    """The backends that this build of torch was made for, as its `version.py` says.

    Its version does not: the builds of the plain index have no suffix, for Windows without an accelerator, for Linux
    with CUDA.
    """
    try:
        tree = ast.parse((torch / "version.py").read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return set()
    found: set[str] = set()
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and value.value is not None:
            found.update(backend for name, backend in _BUILT_WITH.items() if name == target.id)
    return found


def _has_driver(backend: Backend, machine: Machine, environ: Mapping[str, str]) -> bool:
    if machine.system == "Windows":
        libraries = {"cuda": "nvcuda.dll", "rocm": "amdhip64*.dll", "xpu": "ze_loader.dll"}
        return any((Path(environ.get("SYSTEMROOT", "C:/Windows")) / "System32").glob(libraries[backend]))
    if backend == "cuda":
        # The second is that of Windows, seen from Linux inside it.
        files = ("proc/driver/nvidia/version", "usr/lib/wsl/lib/libcuda.so.1")
        return any((machine.root / file).exists() for file in files)
    if backend == "rocm":
        return (machine.root / "dev/kfd").exists()
    vendors = (machine.root / "sys/class/drm").glob("renderD*/device/vendor")
    return any(vendor.read_text(encoding="ascii").strip() == _INTEL for vendor in vendors)


def choose_device(environ: Mapping[str, str] = os.environ, torch: Any = None) -> Device:
    """The best device here, or the one that `MIEN_DEVICE` names; "cuda" is AMD's card as well, as in torch.

    Args:
        torch: the library; None imports it.

    Raises:
        EngineUnavailable: `MIEN_DEVICE` names one that is not here, or this build of torch cannot use the card.
    """
    if torch is None:
        import torch
    wanted = environ.get("MIEN_DEVICE", "")
    here = _backends_here(torch)
    if wanted == "cuda" and "rocm" in here:
        wanted = "rocm"
    if wanted and wanted not in here:
        raise EngineUnavailable(f"there is no device {wanted!r} on this machine", device=wanted)
    name: Backend = next(backend for backend in here if wanted in ("", backend))
    if name == "cuda" or name == "rocm":
        return _card(torch, name)
    if name == "xpu":
        return _intel(torch)
    half = torch.bfloat16
    if name == "mps" and not torch.backends.mps.is_macos_or_newer(14, 0):
        half = torch.float16  # Metal of older systems has no bfloat16
    return Device(torch.device(name), "unified" if name == "mps" else "cpu", name, main_memory(), name, half)


def _backends_here(torch: Any) -> list[Backend]:
    here: list[Backend] = []
    if torch.cuda.is_available():
        here.append("cuda" if torch.version.hip is None else "rocm")
    if torch.backends.mps.is_available():
        here.append("mps")
    if torch.xpu.is_available():
        here.append("xpu")
    return [*here, "cpu"]


def _card(torch: Any, backend: Backend) -> Device:
    """NVIDIA's or AMD's first card."""
    about = torch.cuda.get_device_properties(0)
    half = torch.bfloat16
    if backend == "cuda":
        _check_architecture(about, torch.cuda.get_arch_list())
        half = torch.bfloat16 if about.major >= AMPERE else torch.float16
    return Device(torch.device("cuda"), "discrete", about.name, about.total_memory, backend, half)


def _check_architecture(about: Any, built_for: list[str]) -> None:
    """Check that a build of torch has code for a card; else its first kernel would fail.

    Args:
        about: torch's properties of the card.
        built_for: "sm_86" runs on 8.6 and later of the same generation, "compute_80" on 8.0 and all later ones;
            an empty list says nothing.
    """
    if not built_for:
        return
    card = about.major, about.minor
    for entry in built_for:
        kind, _, digits = entry.rstrip("af").partition("_")
        built = int(digits[:-1]), int(digits[-1])
        if built <= card and (kind == "compute" or built[0] == card[0]):
            return
    capability = f"{about.major}.{about.minor}"
    raise EngineUnavailable(
        f"this build of torch has no code for {about.name} (compute capability {capability}), "
        f"but for {', '.join(built_for)}",
        device=about.name,
    )


def _intel(torch: Any) -> Device:
    """Intel's first card, or the graphics in its processor, which share the machine's memory."""
    about = torch.xpu.get_device_properties(0)
    half = torch.bfloat16 if about.has_bfloat16_conversions else torch.float16
    if about.is_integrated_gpu:
        return Device(torch.device("xpu"), "unified", about.name, main_memory(), "xpu", half)
    return Device(torch.device("xpu"), "discrete", about.name, about.total_memory, "xpu", half)


def main_memory() -> int:
    """Bytes of the machine's main memory."""
    import psutil

    return int(psutil.virtual_memory().total)


def installed_memory() -> int:
    """Bytes of main memory as it was sold, in whole GiB: firmware and kernel keep part of the last one."""
    gib = 1 << 30
    return -(-main_memory() // gib) * gib


def compute_dtype(form: "NumberFormat", half: "dtype | None" = None) -> "dtype":
    """The dtype that a network stored as `form` computes in.

    Args:
        half: the device's dtype of 16 bits; None is bfloat16.
    """
    import torch

    return torch.float32 if form == "float32" else half or torch.bfloat16


@contextmanager
def name_out_of_memory() -> Generator[None]:
    """Raise `GpuOutOfMemory` when the device runs out of memory inside, and give its cached memory back."""
    import torch

    try:
        yield
    except RuntimeError as error:
        # Apple's has no class of its own.
        if not isinstance(error, torch.OutOfMemoryError) and "MPS backend out of memory" not in str(error):
            raise
        release_cache()
        raise GpuOutOfMemory("the accelerator ran out of memory", needed=str(error).split(".", 1)[0]) from error


def release_cache() -> None:
    """Give cached accelerator memory back to the system."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.xpu.is_available():
        torch.xpu.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def reset_peak() -> None:
    """Count the device's peak anew from here on."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    elif torch.xpu.is_available():
        torch.xpu.reset_peak_memory_stats()


def peak_bytes() -> int | None:
    """Bytes that torch held on the device at most since `reset_peak`; None where it counts none."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    if torch.xpu.is_available():
        return int(torch.xpu.max_memory_allocated())
    return int(torch.mps.driver_allocated_memory()) if torch.backends.mps.is_available() else None
