"""One worker a device: what the setting names, or what the machine has."""

import re
from pathlib import Path

import pytest

from mien_daemon.device_names import PATTERN
from mien_daemon.worker.devices import Surroundings, WorkerDevice, list_devices
from mien_pipeline.device import Machine

GIB = 1 << 30


def torch_built_with(folder: Path, backend: str) -> Path:
    """A folder of torch whose `version.py` reads as that of a published build."""
    built = {"cuda": "cuda = '12.8'\nhip = None", "hip": "cuda = None\nhip = '6.4'"}[backend]
    torch = folder / "torch"
    torch.mkdir()
    (torch / "version.py").write_text(f"__version__ = '2.13.0'\n{built}\n")
    return torch


def machine_with_cards(folder: Path, count: int) -> Machine:
    """Linux with NVIDIA's driver, as `/proc` shows its cards."""
    driver = folder / "root/proc/driver/nvidia"
    for card in range(count):
        (driver / f"gpus/0000:0{card + 1}:00.0").mkdir(parents=True)
    (driver / "version").write_text("NVRM version")
    return Machine(folder / "root", "Linux", "x86_64", torch_built_with(folder, "cuda"))


def here(machine: Machine, environ: dict[str, str] | None = None, processors: int = 8, gib: int = 32) -> Surroundings:
    return Surroundings(environ or {}, machine, processors, gib * GIB)


BARE = Machine(Path("/nowhere"), "Linux", "x86_64", None)


@pytest.mark.parametrize(("processors", "gib", "workers"), [(8, 32, 2), (2, 8, 2), (1, 32, 1), (8, 7, 1), (8, 4, 1)])
def test_without_a_card_there_are_two_workers_where_processors_and_memory_allow(
    processors: int, gib: int, workers: int
) -> None:
    assert list_devices("auto", here(BARE, processors=processors, gib=gib)) == [WorkerDevice("cpu")] * workers


def test_every_card_has_a_worker_that_sees_it_alone(tmp_path: Path) -> None:
    devices = list_devices("auto", here(machine_with_cards(tmp_path, 2)))
    assert [device.name for device in devices] == ["cuda:0", "cuda:1"]
    assert [device.environment["CUDA_VISIBLE_DEVICES"] for device in devices] == ["0", "1"]
    assert {device.environment["MIEN_DEVICE"] for device in devices} == {"cuda"}


def test_cards_that_were_hidden_from_the_daemon_stay_hidden(tmp_path: Path) -> None:
    environ = {"CUDA_VISIBLE_DEVICES": "3,GPU-5f"}
    devices = list_devices("auto", here(machine_with_cards(tmp_path, 4), environ))
    assert [device.environment["CUDA_VISIBLE_DEVICES"] for device in devices] == ["3", "GPU-5f"]


def test_amds_cards_are_counted_without_its_processors(tmp_path: Path) -> None:
    nodes = tmp_path / "root/sys/class/kfd/kfd/topology/nodes"
    for node, units in enumerate((0, 120, 120)):
        (nodes / str(node)).mkdir(parents=True)
        (nodes / str(node) / "properties").write_text(f"cpu_cores_count 16\nsimd_count {units}\n")
    (tmp_path / "root/dev/kfd").mkdir(parents=True)
    machine = Machine(tmp_path / "root", "Linux", "x86_64", torch_built_with(tmp_path, "hip"))
    devices = list_devices("auto", here(machine))
    assert [device.environment["HIP_VISIBLE_DEVICES"] for device in devices] == ["0", "1"]


def test_one_card_and_a_named_device_have_one_worker(tmp_path: Path) -> None:
    assert list_devices("auto", here(machine_with_cards(tmp_path, 1))) == [WorkerDevice("cuda")]
    assert list_devices("auto", here(BARE, {"MIEN_DEVICE": "cuda"})) == [WorkerDevice("cuda")]
    (cpu,) = list_devices("cpu", here(BARE))
    assert (cpu.name, dict(cpu.environment)) == ("cpu", {"MIEN_DEVICE": "cpu"})


def test_what_is_named_is_taken_in_that_order() -> None:
    devices = list_devices("cuda:1,cpu,cpu", here(BARE))
    assert [device.name for device in devices] == ["cuda:1", "cpu", "cpu"]
    assert devices[0].environment["CUDA_VISIBLE_DEVICES"] == "1"


@pytest.mark.parametrize("setting", ["", "gpu", "cuda:", "auto,cpu", "cuda:0,", "cuda:0 cpu", "cpu:1", "cuda:123"])
def test_what_names_no_device_is_no_setting(setting: str) -> None:
    assert not re.match(PATTERN, setting)
