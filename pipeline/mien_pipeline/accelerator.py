"""What a machine computes with, seen without torch: the drivers' own libraries and files are asked.

It is for advice before anything heavy is loaded; `device.choose_device` is what counts afterwards.
"""

import ctypes
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mien_pipeline.device import Machine, device_name, installed_memory, main_memory

if TYPE_CHECKING:
    from mien_pipeline.plan.placement import DeviceKind

_NVML = {"Windows": "nvml.dll"}
_NAME_BYTES = 96  # NVML_DEVICE_NAME_V2_BUFFER_SIZE
_AMD = "0x1002"


class _Memory(ctypes.Structure):
    """NVML's `nvmlMemory_t`, in bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


@dataclass(frozen=True, slots=True)
class Accelerator:
    """What computes.

    Attributes:
        backend: as `device.device_name` says.
        kind: for the memory plan.
        name: of the card; the backend's where no driver told it.
        total_bytes: of the memory that networks live in; None where only torch can tell.
        driver: its version; empty where none is known.
        host_bytes: main memory of a card's machine as it was sold; None is not checked.
    """

    backend: str
    kind: "DeviceKind"
    name: str
    total_bytes: int | None
    driver: str = ""
    host_bytes: int | None = None


def see_accelerator(
    environ: Mapping[str, str] = os.environ,
    machine: Machine | None = None,
    open_library: Callable[[str], Any] = ctypes.CDLL,
) -> Accelerator:
    """What this machine would compute with; the drivers are opened with `open_library`."""
    machine = machine or Machine()
    found = _see(device_name(environ, machine), machine, open_library)
    return replace(found, host_bytes=installed_memory()) if found.kind == "discrete" else found


def _see(backend: str, machine: Machine, open_library: Callable[[str], Any]) -> Accelerator:
    if backend == "cuda":
        try:
            return _ask_nvidia(open_library(_NVML.get(machine.system, "libnvidia-ml.so.1")))
        except OSError:
            return Accelerator(backend, "discrete", backend, None)
    if backend == "rocm":
        return _read_amd(machine)
    if backend == "xpu":
        return Accelerator(backend, "discrete", backend, None)
    return Accelerator(backend, "unified" if backend == "mps" else "cpu", backend, main_memory())


def _ask_nvidia(library: Any) -> Accelerator:
    """NVIDIA's first card, as its management library knows it: NVML, which comes with the driver."""
    memory, handle = _Memory(), ctypes.c_void_p()
    name, driver = ctypes.create_string_buffer(_NAME_BYTES), ctypes.create_string_buffer(_NAME_BYTES)
    if library.nvmlInit_v2():
        return Accelerator("cuda", "discrete", "cuda", None)
    try:
        failed = (
            library.nvmlSystemGetDriverVersion(driver, _NAME_BYTES)
            or library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle))
            or library.nvmlDeviceGetName(handle, name, _NAME_BYTES)
            or library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory))
        )
    finally:
        library.nvmlShutdown()
    found = name.value.decode("ascii", "replace"), driver.value.decode("ascii", "replace")
    return Accelerator("cuda", "discrete", found[0] or "cuda", None if failed else memory.total, found[1])


def _read_amd(machine: Machine) -> Accelerator:
    """AMD's first card, from the files of its kernel driver."""
    for card in sorted((machine.root / "sys/class/drm").glob("card*/device")):
        total = card / "mem_info_vram_total"
        if total.exists() and (card / "vendor").read_text(encoding="ascii").strip() == _AMD:
            return Accelerator("rocm", "discrete", "rocm", int(total.read_text(encoding="ascii")))
    return Accelerator("rocm", "discrete", "rocm", None)
