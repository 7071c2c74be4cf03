"""A machine's accelerator is seen without torch: its name, its memory, its driver."""

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from mien_pipeline.accelerator import see_accelerator
from mien_pipeline.device import Machine

GIB = 1 << 30
# The functions of nvml.h that are asked, with its own types.
NVML = """
#include <string.h>
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
typedef struct nvmlDevice_st *nvmlDevice_t;
int nvmlInit_v2(void) { return STATUS; }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char *version, unsigned int length) { strncpy(version, "580.65", length); return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device) {
    *device = (nvmlDevice_t) 0x7f0011223344ULL;
    return index;
}
int nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length) {
    strncpy(name, device == (nvmlDevice_t) 0x7f0011223344ULL ? "NVIDIA GeForce RTX 4090" : "?", length);
    return 0;
}
int nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
    memory->total = 24ULL << 30;
    return device != (nvmlDevice_t) 0x7f0011223344ULL;
}
"""


def machine(root: Path, build: str) -> Machine:
    (root / "torch").mkdir()
    (root / "torch/version.py").write_text(f"{build} = '12.8'\n", encoding="utf-8")
    return Machine(root, "Linux", "x86_64", root / "torch")


@pytest.fixture
def nvidia(tmp_path: Path) -> Machine:
    driver = tmp_path / "proc/driver/nvidia/version"
    driver.parent.mkdir(parents=True)
    driver.touch()
    return machine(tmp_path, "cuda")


def compiled(folder: Path, status: int) -> Any:
    compiler = shutil.which("cc")
    assert compiler, "the disk that refuses is compiled as well"
    (folder / "nvml.c").write_text(NVML, encoding="utf-8")
    built = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", f"-DSTATUS={status}", "-o", built, folder / "nvml.c"], check=True)
    return ctypes.CDLL(str(built))


@pytest.mark.skipif(sys.platform != "linux", reason="a shared library is compiled with Linux's flags")
@pytest.mark.parametrize(
    ("status", "name", "total", "driver"), [(0, "NVIDIA GeForce RTX 4090", 24 * GIB, "580.65"), (9, "cuda", None, "")]
)
def test_nvidias_card_is_asked_through_its_drivers_own_library(
    nvidia: Machine, tmp_path: Path, status: int, name: str, total: int | None, driver: str
) -> None:
    found = see_accelerator({}, nvidia, lambda _name: compiled(tmp_path, status))
    assert (found.backend, found.kind, found.name) == ("cuda", "discrete", name)
    assert (found.total_bytes, found.driver) == (total, driver)


def test_a_card_whose_library_is_not_here_keeps_its_memory_to_itself(nvidia: Machine) -> None:
    def missing(name: str) -> Any:
        raise OSError(f"{name}: cannot open shared object file")

    assert see_accelerator({}, nvidia, missing).total_bytes is None


def test_amds_card_is_read_from_its_kernel_driver(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kfd").touch()
    for name, vendor in (("card0", "0x8086"), ("card1", "0x1002")):
        device = tmp_path / "sys/class/drm" / name / "device"
        device.mkdir(parents=True)
        (device / "vendor").write_text(f"{vendor}\n", encoding="ascii")
        if vendor == "0x1002":
            (device / "mem_info_vram_total").write_text(f"{16 * GIB}\n", encoding="ascii")
    found = see_accelerator({}, machine(tmp_path, "hip"))
    assert (found.backend, found.kind, found.total_bytes) == ("rocm", "discrete", 16 * GIB)


def test_a_machine_without_an_accelerator_has_its_main_memory() -> None:
    found = see_accelerator({"MIEN_DEVICE": "cpu"})
    assert (found.backend, found.kind, found.total_bytes) == ("cpu", "cpu", psutil.virtual_memory().total)
