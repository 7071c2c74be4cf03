"""The devices that have a worker each: what the setting `devices` names, or what this machine has.

A worker sees its card alone: its process starts with that card as the only visible one, so torch, ONNX Runtime and the
memory plan take what they find, and nothing else needs to know of the others.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from mien_daemon.device_names import AUTO
from mien_daemon.worker.count import count_processors
from mien_pipeline.device import Machine, device_name

# More processes on the processors gain little: each swap is several threads already.
CPU_WORKERS = 2
ENOUGH_BYTES = 7 << 30  # 8 GiB as sold: firmware and kernel keep part of the last one
# The variable by which each backend's runtime takes the cards that a process may see.
_VISIBLE = {"cuda": "CUDA_VISIBLE_DEVICES", "rocm": "HIP_VISIBLE_DEVICES", "xpu": "ZE_AFFINITY_MASK"}


@dataclass(frozen=True, slots=True)
class WorkerDevice:
    """Where one worker computes.

    Attributes:
        name: "cpu", "mps", or a card as "cuda:1"; a card without a number where there is one.
        environment: what its process has beside the daemon's own environment.
    """

    name: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where `list_devices` looks."""

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    machine: Machine = field(default_factory=Machine)
    processors: int = field(default_factory=count_processors)
    memory_bytes: int = field(default_factory=lambda: int(psutil.virtual_memory().total))


def list_devices(setting: str, here: Surroundings | None = None) -> list[WorkerDevice]:
    """The devices of a setting that `PATTERN` allows; one worker each.

    "auto" is one for every card that the system shows. Without a card it is the processors: two workers where there are
    two processors and 8 GiB, else one. Named devices are not looked for: a worker without its card refuses its jobs by
    name.
    """
    here = here or Surroundings()
    if setting != AUTO:
        return [_describe(name, here.environ) for name in setting.split(",")]
    backend = device_name(here.environ, here.machine)
    if backend == "cpu":
        has_room = here.processors >= CPU_WORKERS and here.memory_bytes > ENOUGH_BYTES
        return [WorkerDevice("cpu")] * (CPU_WORKERS if has_room else 1)
    count = _count_cards(backend, here)
    return (
        [_describe(f"{backend}:{index}", here.environ) for index in range(count)]
        if count > 1
        else [WorkerDevice(backend)]
    )


def _describe(name: str, environ: Mapping[str, str]) -> WorkerDevice:
    backend, _, index = name.partition(":")
    environment = {"MIEN_DEVICE": backend}
    if index:
        variable = _VISIBLE[backend]
        visible = [each for each in environ.get(variable, "").split(",") if each]
        number = int(index)
        environment[variable] = visible[number] if number < len(visible) else index
        if backend == "cuda":
            environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the numbers of nvidia-smi
    return WorkerDevice(name, environment)


def _count_cards(backend: str, here: Surroundings) -> int:
    """How many cards of a backend this process may see; 1 where the system does not tell."""
    visible = here.environ.get(_VISIBLE.get(backend, ""), "")
    if visible:
        return len([each for each in visible.split(",") if each])
    if backend == "cuda":
        return len(list((here.machine.root / "proc/driver/nvidia/gpus").glob("*"))) or 1
    if backend == "rocm":
        nodes = (here.machine.root / "sys/class/kfd/kfd/topology/nodes").glob("*/properties")
        return sum(_is_card(node) for node in nodes) or 1
    return 1


def _is_card(properties: Path) -> bool:
    """Whether a node of AMD's topology computes: processors have no SIMD units there."""
    found = re.search(r"^simd_count (\d+)$", properties.read_text(encoding="ascii"), re.MULTILINE)
    return found is not None and int(found[1]) > 0
