"""What to download for FLUX.1 on this machine, and whether the machine can run it. No torch here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mien_core.errors import ModelNotInstalled, NotEnoughMemory
from mien_models.store import ModelStore
from mien_pipeline.accelerator import Accelerator, see_accelerator
from mien_pipeline.engines.flux.components import plan_stack, published_shapes
from mien_pipeline.engines.flux.files import FULL, find_files
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import DEFAULT_SIDE, GIB, Plan

# The bundles of the catalogue, the better one first, and what the transformer of each can become without a library
# that may be missing.
BUNDLES: dict[str, frozenset[NumberFormat]] = {
    "flux-dev": frozenset({"float32", "bfloat16", "float8"}),
    "flux-8gb": frozenset({"gguf-q4"}),
}
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Offer:
    """A bundle of the catalogue for one machine.

    Attributes:
        bundle: the best that fits; the smallest where none does, or where the memory is not known.
        missing: its models that are not installed.
        download_bytes: about what they weigh; the catalogue knows sizes in memory where it knows none of files.
        licences: their names, those to accept first.
        plan: how the machine would hold it; None where none fits or the memory is not known.
        machine: what was seen of it.
    """

    bundle: str
    missing: tuple[str, ...]
    download_bytes: int
    licences: tuple[str, ...]
    plan: Plan | None
    machine: Accelerator

    @property
    def command(self) -> str:
        return f"mien models pull {self.bundle}"

    @property
    def verdict(self) -> str:
        """Whether the machine can run it, as a clause."""
        if self.machine.total_bytes is None:
            return f"how much memory this machine's {self.machine.name} has cannot be seen without torch"
        called = "this machine" if self.machine.kind == "cpu" else self.machine.name
        size = f"{called} with {self.machine.total_bytes / GIB:.1f} GiB"
        if self.plan is None:
            return f"{size} cannot run it"
        if self.machine.kind == "cpu":
            return f"{size} can run it on its processor, slowly"
        return f"{size} can run it"


def make_offer(store: ModelStore, machine: Accelerator, side: int = DEFAULT_SIDE) -> Offer:
    """The best bundle that fits the machine.

    Args:
        store: what is installed already, and the catalogue.
        side: of the square working picture, in pixels.
    """
    bundle, plan = _choose(machine, side)
    missing = store.missing([bundle])
    licences = [store.catalogue.licence_of(name) for name in missing]
    names = [each.name for each in sorted(licences, key=lambda each: not each.must_accept)]
    return Offer(bundle, missing, weigh(store, missing), tuple(dict.fromkeys(names)), plan, machine)


@lru_cache(maxsize=1)  # a plan is tried for hundreds of placements, and a page asks again and again
def _choose(machine: Accelerator, side: int) -> tuple[str, Plan | None]:
    """The first bundle whose transformer stays on the card; else the smallest that fits: less is streamed."""
    best: tuple[str, Plan | None] = list(BUNDLES)[-1], None
    if machine.total_bytes is None:
        return best
    shapes = published_shapes()
    for bundle, forms in BUNDLES.items():
        try:
            best = bundle, plan_stack(shapes, machine.kind, machine.total_bytes, forms, side, machine.host_bytes)
        except NotEnoughMemory:
            continue
        if best[1] and best[1].of("transformer").residency == "resident":
            break
    return best


def weigh(store: ModelStore, models: Sequence[str]) -> int:
    """About how many bytes these models are."""
    entries = [store.catalogue.model(name) for name in models]
    return sum(each.size if all(file.size for file in each.files) else each.memory_mib * MIB for each in entries)


def check(store: ModelStore, see: Callable[[], Accelerator] = see_accelerator) -> None:
    """Check that the weights are installed, before torch is imported.

    Args:
        see: looks at the machine.

    Raises:
        ModelNotInstalled: `bundle`, `download_bytes`, `licences`, `machine` and `command` say what to do, and whether
            this machine can run it; `models` and `files` name all that is missing.
        LicenceNotAccepted: `model` is the first whose terms must be accepted.
    """
    try:
        find_files(store)
    except ModelNotInstalled as error:
        raise _explain(error, make_offer(store, see()), store) from error


def _explain(error: ModelNotInstalled, offer: Offer, store: ModelStore) -> ModelNotInstalled:
    """The refusal with what a person has to know. Where a transformer is installed, another one is not offered."""
    named = error.fields["models"]
    models = [str(name) for name in named] if isinstance(named, list) else []
    command = str(error.fields["command"])
    if FULL in models and offer.missing:
        command, models = offer.command, list(offer.missing)
    size = weigh(store, models)
    fields = {**error.fields, "models": models, "model": models[0], "command": command, "download_bytes": size}
    return ModelNotInstalled(
        f"FLUX.1 needs {len(models)} models that are not installed, about {size / GIB:.1f} GiB "
        f"(bundle {offer.bundle}; licences: {', '.join(offer.licences)}); {offer.verdict}",
        **fields,
        bundle=offer.bundle,
        licences=list(offer.licences),
        machine={
            "device": offer.machine.backend,
            "name": offer.machine.name,
            "memory_bytes": offer.machine.total_bytes,
            "can_run": offer.plan is not None if offer.machine.total_bytes is not None else None,
        },
    )
