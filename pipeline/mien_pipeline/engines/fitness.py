"""Whether an engine runs on this machine, and what is still to fetch for it. No torch here."""

from dataclasses import dataclass
from typing import Literal

from mien_models.store import ModelStore
from mien_pipeline.accelerator import Accelerator
from mien_pipeline.engines.entry import GIB, EngineEntry
from mien_pipeline.engines.flux.offer import make_offer, weigh
from mien_pipeline.engines.registry import missing_models
from mien_pipeline.plan.placement import Plan


@dataclass(frozen=True, slots=True)
class Fitness:
    """An engine on a machine.

    Attributes:
        fits: "unknown" where only torch sees how much memory the card has.
        why: the same with its reason, as a clause.
        missing: models that are still to fetch; for FLUX.1 those of the bundle that fits best.
        download_bytes: about what they weigh.
        command: fetches them; empty where nothing is missing.
        plan: how the machine would hold it, where the engine makes plans and one fits.
    """

    fits: Literal["yes", "no", "unknown"]
    why: str
    missing: tuple[str, ...]
    download_bytes: int
    command: str = ""
    plan: Plan | None = None


def judge_fitness(entry: EngineEntry, store: ModelStore, machine: Accelerator) -> Fitness:
    """What `machine` makes of the engine, with what the store has."""
    missing = tuple(missing_models(entry.name, store))
    command = f"mien models pull {' '.join(missing)}" if missing else ""
    if entry.name != "flux":
        if entry.needs_accelerator and machine.kind == "cpu":
            why = "it needs a graphics card: a processor takes minutes for each of its steps"
            return Fitness("no", why, missing, weigh(store, missing), command)
        total = machine.total_bytes or 0
        fits = machine.kind != "cpu" or total > entry.memory_bytes
        size = f"it needs {entry.memory_bytes / GIB:.1f} GiB"
        why = size if machine.kind != "cpu" else f"{size}, and this machine has {total / GIB:.1f} GiB"
        return Fitness("yes" if fits else "no", why, missing, weigh(store, missing), command)
    offer = make_offer(store, machine)
    if missing and offer.missing:
        missing, command = offer.missing, offer.command
    known: Literal["yes", "no"] = "yes" if offer.plan else "no"
    fits_flux = "unknown" if machine.total_bytes is None else known
    return Fitness(fits_flux, offer.verdict, missing, weigh(store, missing), command, offer.plan)
