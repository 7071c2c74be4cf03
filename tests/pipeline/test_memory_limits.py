"""A limit that was found once holds for the same torch, driver and card, and survives a crash in the middle."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mien_pipeline.device import choose_device
from mien_pipeline.memory_limits import FILE, MemoryLimits, identify

CARD: Mapping[str, str | int] = {"torch": "2.13.0", "driver": "580.65", "card": "RTX 4090", "bytes": 24 << 30}


def test_a_limit_is_found_again_by_another_process(tmp_path: Path) -> None:
    MemoryLimits(tmp_path / "machine").write("flux", CARD, 20 << 30)
    assert MemoryLimits(tmp_path / "machine").read("flux", CARD) == 20 << 30
    assert MemoryLimits(tmp_path / "machine").read("other", CARD) is None
    assert [each.name for each in (tmp_path / "machine").iterdir()] == [FILE], "nothing half-written is left"


@pytest.mark.parametrize("change", [{"torch": "2.14.0"}, {"driver": "590.1"}, {"card": "RTX 5090"}, {"bytes": 1 << 30}])
def test_it_is_forgotten_when_torch_driver_or_card_change(tmp_path: Path, change: dict[str, str | int]) -> None:
    limits = MemoryLimits(tmp_path)
    limits.write("flux", CARD, 20 << 30)
    assert limits.read("flux", {**CARD, **change}) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"flux": 3}', b'{"flux": {"usable_bytes": "all"}}'])
def test_a_damaged_file_says_nothing_and_is_written_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    limits = MemoryLimits(tmp_path)
    assert limits.read("flux", CARD) is None
    limits.write("flux", CARD, 1)
    assert limits.read("flux", CARD) == 1


def test_a_folder_that_cannot_be_written_stops_no_swap(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    limits = MemoryLimits(tmp_path / "file" / "machine")
    limits.write("flux", CARD, 1)
    assert limits.read("flux", CARD) is None
    assert FILE in caplog.text


@pytest.mark.slow
def test_a_machine_is_named_by_its_torch_driver_and_card() -> None:
    device = choose_device({"MIEN_DEVICE": "cpu"})
    assert set(identify(device)) == set(CARD)
    assert all(identify(device).values())
    assert identify(device) == identify(replace(device)) != identify(replace(device, name="another"))
