"""Which accelerator this machine has, looked for without torch; shown to the person, who may say otherwise."""

import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mien_core.errors import EngineUnavailable
from mien_core.program import windowless

Device = Literal["cuda", "rocm", "xpu", "mps", "cpu"]
DEVICES: tuple[Device, ...] = ("cuda", "rocm", "xpu", "mps", "cpu")
# What torch of the lock file runs on, by `sys.platform`; its Linux build runs without a card too.
LOCKED: dict[str, tuple[Device, ...]] = {"linux": ("cuda", "cpu"), "win32": ("cpu",), "darwin": ("mps", "cpu")}
# Source: NVIDIA's release notes of CUDA 13.0: the oldest driver, and no cards before Turing.
_CUDA_13_DRIVER, _CUDA_13_CAPABILITY = 580, 7.5
_ASK_NVIDIA = ("nvidia-smi", "--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader")

Ask = Callable[[Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Card:
    """What was found.

    Attributes:
        device: as torch calls it, "rocm" for AMD's.
        why: what it was found by, for a person.
        is_too_old: an NVIDIA driver or card that CUDA 13 does not take.
    """

    device: Device
    why: str
    is_too_old: bool = False


def ask_program(words: Sequence[str]) -> str:
    """What a program of the system prints; nothing where it is not there, fails or takes long."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True, **windowless())
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return done.stdout


def find_card(
    system: str = sys.platform, machine: str | None = None, ask: Ask = ask_program, root: Path = Path("/")
) -> Card:
    """The accelerator of this machine; `root` is where Linux's `sys` lies."""
    if system == "darwin":
        is_arm = (machine or platform.machine()) == "arm64"
        return Card("mps", "an Apple chip") if is_arm else Card("cpu", "a Mac with an Intel processor")
    if nvidia := read_nvidia(ask(_ASK_NVIDIA)):
        return nvidia
    if system == "linux" and (root / "sys/class/kfd/kfd").exists():
        return Card("rocm", "AMD's compute driver (kfd)")
    if system == "linux" and (root / "sys/module/xe").exists():
        return Card("xpu", "Intel's driver for Arc (xe)")
    return Card("cpu", "no accelerator was found")


def read_nvidia(printed: str) -> Card | None:
    """The best card of a list by nvidia-smi: name, driver, compute capability, separated by commas."""
    cards: list[Card] = []
    for line in printed.splitlines():
        try:
            name, driver, capability = (word.strip() for word in line.split(","))
            is_old = int(driver.split(".")[0]) < _CUDA_13_DRIVER or float(capability) < _CUDA_13_CAPABILITY
        except ValueError:
            continue
        cards.append(Card("cuda", f"{name}, driver {driver}, compute capability {capability}", is_old))
    return min(cards, key=lambda card: card.is_too_old, default=None)


def choose_device(wanted: Device | Literal["auto"], card: Card, system: str = sys.platform) -> Device:
    """The device to install for.

    Raises:
        EngineUnavailable: the lock file has no torch for it; `reason` is "not-locked", `device` and `found` say which.
    """
    device = card.device if wanted == "auto" else wanted
    too_old = device == "cuda" and card.is_too_old
    if device not in LOCKED.get(system, ()) or too_old:
        what = "CUDA 12" if too_old else device
        raise EngineUnavailable(
            f"the lock file has no torch for {what} on this system ({card.why}); --device cpu installs one without",
            reason="not-locked",
            device=device,
            found=card.why,
        )
    return device
