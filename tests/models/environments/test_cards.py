"""The card is found without torch, and a device that no lock has torch for is refused with what was found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from mien_core.errors import EngineUnavailable
from mien_models.environments.cards import Card, Device, ask_program, choose_device, find_card

# As nvidia-smi prints with --query-gpu=name,driver_version,compute_cap --format=csv,noheader.
NEW = "NVIDIA GeForce RTX 4090, 580.95.05, 8.9\n"
OLD_DRIVER = "NVIDIA GeForce RTX 3060, 535.183.01, 8.6\n"
OLD_CARD = "NVIDIA GeForce GTX 1080, 580.95.05, 6.1\n"


@pytest.mark.parametrize(
    ("printed", "device", "is_too_old"),
    [
        (NEW, "cuda", False),
        (OLD_DRIVER, "cuda", True),
        (OLD_CARD, "cuda", True),
        (OLD_CARD + NEW, "cuda", False),
        ("", "cpu", False),
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", "cpu", False),
        ("a name, [N/A], [N/A]\n", "cpu", False),
    ],
)
def test_nvidias_cards_are_judged_by_driver_and_capability(
    printed: str, device: Device, is_too_old: bool, tmp_path: Path
) -> None:
    card = find_card("linux", "x86_64", lambda _: printed, tmp_path)
    assert (card.device, card.is_too_old) == (device, is_too_old)


def test_other_makers_are_found_by_their_drivers(tmp_path: Path) -> None:
    def nothing(words: Sequence[str]) -> str:
        return ""

    assert find_card("darwin", "arm64", nothing).device == "mps"
    assert find_card("darwin", "x86_64", nothing).device == "cpu"
    (tmp_path / "sys/module/xe").mkdir(parents=True)
    assert find_card("linux", "x86_64", nothing, tmp_path).device == "xpu"
    (tmp_path / "sys/class/kfd/kfd").mkdir(parents=True)
    assert find_card("linux", "x86_64", nothing, tmp_path).device == "rocm"
    assert find_card("win32", "AMD64", nothing, tmp_path).device == "cpu"


def test_a_program_that_is_not_there_says_nothing() -> None:
    assert ask_program(["no-such-program-of-mien"]) == ""
    assert ask_program(["false"]) == ""


@pytest.mark.parametrize(
    ("wanted", "card", "system", "device"),
    [
        ("auto", Card("cuda", "a card"), "linux", "cuda"),
        ("cpu", Card("cuda", "a card"), "linux", "cpu"),
        ("auto", Card("mps", "a chip"), "darwin", "mps"),
        ("auto", Card("cpu", "nothing"), "win32", "cpu"),
        ("cuda", Card("cpu", "nothing"), "linux", "cuda"),
    ],
)
def test_what_a_person_says_counts_more_than_what_was_found(
    wanted: Device | Literal["auto"], card: Card, system: str, device: Device
) -> None:
    assert choose_device(wanted, card, system) == device


@pytest.mark.parametrize(
    ("wanted", "card", "system"),
    [
        ("auto", Card("rocm", "AMD's driver"), "linux"),
        ("auto", Card("xpu", "Intel's driver"), "linux"),
        ("auto", Card("cuda", "an old card", is_too_old=True), "linux"),
        ("cuda", Card("cpu", "nothing"), "win32"),
        ("mps", Card("cpu", "nothing"), "linux"),
    ],
)
def test_a_device_without_a_lock_is_refused_with_what_was_found(
    wanted: Device | Literal["auto"], card: Card, system: str
) -> None:
    with pytest.raises(EngineUnavailable) as refused:
        choose_device(wanted, card, system)
    assert refused.value.fields["reason"] == "not-locked"
    assert refused.value.fields["found"] == card.why
