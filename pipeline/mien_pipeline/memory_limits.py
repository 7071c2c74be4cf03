"""How much memory an engine may plan with on this machine, where it once ran out: kept from one run to the next."""

import json
import logging
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mien_core.files import write_whole
from mien_pipeline.accelerator import see_accelerator

if TYPE_CHECKING:
    from mien_pipeline.device import Device

log = logging.getLogger(__name__)

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


class MemoryLimits:
    """The limits in one folder, by engine. A file that cannot be read says nothing, and is written anew."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def read(self, engine: str, machine: Machine) -> int | None:
        """Bytes that the engine may plan with; None where it never ran out on this machine."""
        found = self._read().get(engine)
        if not isinstance(found, dict):
            return None
        note = cast("Mapping[str, object]", found)
        usable = note.get("usable_bytes")
        return usable if note.get("machine") == dict(machine) and isinstance(usable, int) else None

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
