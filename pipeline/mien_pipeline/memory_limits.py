"""How much memory an engine may plan with on this machine, where it once ran out: kept from one run to the next."""

import json
import logging
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mien_core.files import write_whole
from mien_pipeline.accelerator import see_accelerator

if TYPE_CHECKING:
    from mien_pipeline.device import Device

log = logging.getLogger(__name__)

# Below the state folder; the worker may write there.
MACHINE_FOLDER = "machine"
FILE = "memory-limits.json"
Machine = Mapping[str, str | int]


def identify(device: "Device") -> Machine:
    """What a limit holds for: another torch, driver or card, and it is forgotten."""
    import torch

    return {
        "torch": str(torch.__version__),
        "driver": see_accelerator().driver or platform.release(),
        "card": device.name,
        "bytes": device.total_bytes,
    }


@dataclass(frozen=True, slots=True)
class Limit:
    """What is remembered of one engine.

    Attributes:
        engine: its name.
        usable_bytes: what it may plan with.
        machine: where it ran out: see `identify`.
    """

    engine: str
    usable_bytes: int
    machine: Machine

    def is_of(self, card: str, driver: str) -> bool:
        """True when this machine, as it is seen without torch, is the one where the engine ran out."""
        try:
            torch = version("torch")
        except PackageNotFoundError:
            return False
        driver = driver or platform.release()
        return (self.machine.get("torch"), self.machine.get("driver"), self.machine.get("card")) == (
            torch,
            driver,
            card,
        )


class MemoryLimits:
    """The limits in one folder, by engine. A file that cannot be read says nothing, and is written anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / FILE

    def read(self, engine: str, machine: Machine) -> int | None:
        """Bytes that the engine may plan with; None where it never ran out on this machine."""
        noted = next((each for each in self.read_all() if each.engine == engine), None)
        return noted.usable_bytes if noted and noted.machine == dict(machine) else None

    def read_all(self) -> list[Limit]:
        """Every limit that is kept, whether it holds for this machine or not."""
        found: list[Limit] = []
        for engine, kept in self._read().items():
            note = cast("Mapping[str, object]", kept) if isinstance(kept, dict) else {}
            usable, machine = note.get("usable_bytes"), note.get("machine")
            if isinstance(usable, int) and isinstance(machine, dict):
                found.append(Limit(engine, usable, cast("Machine", machine)))
        return found

    def forget(self) -> None:
        """Remove every limit: engines plan with all the memory there is again.

        Raises:
            OSError: the file cannot be removed.
        """
        self._path.unlink(missing_ok=True)

    def write(self, engine: str, machine: Machine, usable_bytes: int) -> None:
        """Keep a limit; where that fails, the log says so and the engine runs out again next time."""
        notes = {**self._read(), engine: {"machine": dict(machine), "usable_bytes": usable_bytes}}
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._path, json.dumps(notes, indent=2).encode(), 0o600)
        except OSError:
            log.warning("%s could not be written", self._path.name, exc_info=True)

    def _read(self) -> dict[str, object]:
        try:
            found: object = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return cast("dict[str, object]", found) if isinstance(found, dict) else {}
