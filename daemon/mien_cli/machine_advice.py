"""What runs on this machine, and what to download for it: `mien plan` without a machine to plan for."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mien_models.store import ModelStore
    from mien_pipeline.accelerator import Accelerator
    from mien_pipeline.engines.entry import EngineEntry
    from mien_pipeline.memory_limits import Limit

GIB = 1 << 30


def describe_machine(store: ModelStore, machine: Accelerator, limits: Sequence[Limit] = ()) -> dict[str, Any]:
    """This machine and each engine on it; sizes in bytes. Torch is not imported.

    Args:
        store: what is installed.
        machine: what was seen of it.
        limits: what engines remember of running out of memory.
    """
    from mien_pipeline.engines.registry import ENGINES

    return {
        "machine": asdict(machine),
        "engines": [_describe(entry, store, machine, limits) for entry in ENGINES.values()],
    }


def _describe(entry: EngineEntry, store: ModelStore, machine: Accelerator, limits: Sequence[Limit]) -> dict[str, Any]:
    from mien_pipeline.engines.fitness import judge_fitness

    known = (each for each in limits if each.engine == entry.name)
    limit = next((each for each in known if each.is_of(machine.name, machine.driver)), None)
    found = judge_fitness(entry, store, _within(machine, limit) if limit else machine)
    plan = found.plan
    licences = dict.fromkeys(store.catalogue.licence_of(name).name for name in found.missing)
    files = [file for name in found.missing for file in store.catalogue.model(name).files]
    return {
        "name": entry.name,
        "fits": {"yes": True, "no": False, "unknown": None}[found.fits],
        "peak_bytes": plan.peak_bytes if plan else None,
        "usable_bytes": plan.usable_bytes if plan else None,
        "limit_bytes": limit.usable_bytes if limit else None,
        "transformer": [plan.of("transformer").form, plan.of("transformer").residency] if plan else None,
        "seconds": None,
        "missing_libraries": list(entry.missing_libraries),
        "missing_models": list(found.missing),
        "download_bytes": found.download_bytes,
        "is_estimate": not all(file.size for file in files),
        "licences": list(licences),
        "command": found.command if found.missing and found.fits != "no" else None,
    }


def _within(machine: Accelerator, limit: Limit) -> Accelerator:
    """The machine with the memory that an engine still plans with after it ran out."""
    from mien_pipeline.plan.placement import total_for

    return replace(machine, total_bytes=total_for(machine.kind, limit.usable_bytes))


def to_text(found: Mapping[str, Any]) -> str:
    """The machine in a line, then each engine in a paragraph of 80 columns; a command stays on one line."""
    from textwrap import fill

    machine = found["machine"]
    size = f"{machine['total_bytes'] / GIB:.1f} GiB" if machine["total_bytes"] else "memory that only torch can see"
    driver = f", driver {machine['driver']}" if machine["driver"] else ""
    name = "its processor" if machine["kind"] == "cpu" else machine["name"]
    lines = [f"This machine computes on {name} with {size}{driver}."]
    for engine in found["engines"]:
        lines.append(f"\n{engine['name']}")
        lines.append(fill(" ".join(_sentences(engine)), 80, initial_indent="    ", subsequent_indent="    "))
        if engine["command"]:
            lines.append(f"      {engine['command']}")
        if engine["limit_bytes"]:
            usable = f"{engine['limit_bytes'] / GIB:.1f} GiB"
            known = f"It ran out of memory here before and plans with {usable} since. To clear:"
            lines.append(fill(known, 80, initial_indent="    ", subsequent_indent="    "))
            lines.append("      mien plan --forget-limits")
    lines.append("\n`mien plan --vram GIB` lays out every network of an engine for a machine of that size.")
    return "\n".join(lines)


def _sentences(engine: Mapping[str, Any]) -> list[str]:
    if engine["fits"] is None:
        said = ["Whether it fits is known once torch is installed and sees the card."]
    elif not engine["fits"]:
        said = ["It does not fit this machine."]
    elif engine["peak_bytes"]:
        form, where = engine["transformer"]
        said = [
            f"It fits: {engine['peak_bytes'] / GIB:.1f} of {engine['usable_bytes'] / GIB:.1f} GiB, "
            f"the transformer as {form}, {where}."
        ]
    else:
        said = ["It fits."]
    said.append("Seconds a picture: not measured on this machine.")
    if engine["missing_libraries"]:
        said.append(f"It lacks {', '.join(engine['missing_libraries'])}; Mien's extra `gpu` brings them.")
    if engine["missing_models"]:
        about = "about " if engine["is_estimate"] else ""
        said.append(
            f"To download: {about}{engine['download_bytes'] / GIB:.1f} GiB, under {', '.join(engine['licences'])}."
        )
    else:
        said.append("Its models are installed.")
    return said
