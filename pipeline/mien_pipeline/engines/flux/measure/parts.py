"""One network after the other at published size, where a processor computes: what each holds, and that it computes.

Of the transformer and of the identity methods one block of each kind is run, as wide as published; encoders and the
VAE are whole. Each is given up before the next is read, so that 16 GB of main memory are enough.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import psutil

from mien_core.errors import MienError
from mien_pipeline.device import release_cache
from mien_pipeline.engines.diffusion.forms import LIBRARIES, can_load
from mien_pipeline.engines.diffusion.measure.measured import LEFT_FREE_BYTES, LeftOut, Measured
from mien_pipeline.engines.diffusion.measure.memory import watch_memory
from mien_pipeline.engines.flux import trials
from mien_pipeline.engines.flux.measure.random_stack import RandomStack
from mien_pipeline.engines.flux.trials import Bench
from mien_pipeline.engines.probe import Tried
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import GIB, Placement

# No network that holds more is run, however much memory is free: the whole stays below 16 GB.
MOST_BYTES = 14 * GIB
Trial = Callable[[Bench], Tried]


@dataclass(frozen=True, slots=True)
class Part:
    """One network in one number format; None is the plan's."""

    network: str
    run: Trial
    form: NumberFormat | None = None


def _try_transformer(bench: Bench) -> Tried:
    return trials.try_transformer(bench, "dev")


# The formats that plans hold them in; GGUF's are those of whole files.
LARGE: Sequence[NumberFormat] = ("bfloat16", "float8")
PARTS: Sequence[Part] = (
    *(Part("transformer", _try_transformer, form) for form in (*LARGE, "int8", "nf4")),
    *(Part("control_net", trials.try_control_net, form) for form in LARGE),
    *(Part("faceid", trials.try_faceid, form) for form in LARGE),
    *(Part("pulid_attentions", trials.try_pulid, form) for form in LARGE),
    Part("id_former", trials.try_id_former),
    Part("eva", trials.try_eva),
    Part("resampler", trials.try_resampler),
    Part("ir_se50", trials.try_ir_se50),
    Part("parsing", trials.try_parsing),
    Part("vae", trials.try_vae),
    Part("text_encoder", trials.try_clip_text),
    *(Part("text_encoder_2", trials.try_t5, form) for form in (*LARGE, "float32")),
)


class RandomBench(Bench):
    """A bench whose networks have random values."""

    def stack(self) -> RandomStack:
        return RandomStack(self.store, self.files, self.device, self.plan)


def run_parts(bench: RandomBench, parts: Sequence[Part] = PARTS) -> Iterator[Measured | LeftOut]:
    """Each part in turn, freed before the next; what has no room or lacks its library is named instead."""
    for part in parts:
        placement = bench.plan.of(part.network)
        form = part.form or placement.form
        name = f"{part.network} {form}"
        if why := _find_obstacle(placement, form):
            yield LeftOut(name, why)
        else:
            yield _run(part, _hold(bench, part.network, form), name)


def _find_obstacle(placement: Placement, form: NumberFormat) -> str:
    if not can_load(form):
        return f"it needs {LIBRARIES[form]}"
    if form == "nf4":
        return "bitsandbytes packs it on a card alone"
    needed, free = placement.component.bytes_as(form), psutil.virtual_memory().available - LEFT_FREE_BYTES
    if needed > MOST_BYTES:
        return f"it needs {needed / GIB:.1f} GiB, and no more than {MOST_BYTES / GIB:.0f} GiB are taken"
    if needed > free:
        return f"it needs {needed / GIB:.1f} GiB, and {max(0, free) / GIB:.1f} GiB are free"
    return ""


def _hold(bench: RandomBench, network: str, form: NumberFormat) -> RandomBench:
    """The same with one network in another format."""
    placed = tuple(
        replace(each, form=form) if each.component.name == network else each for each in bench.plan.placements
    )
    return replace(bench, plan=replace(bench.plan, placements=placed))


def _run(part: Part, bench: RandomBench, name: str) -> Measured:
    placement = bench.plan.of(part.network)
    planned = placement.component.bytes_as(placement.form)
    found = Measured(name, {part.network: f"{placement.form} {placement.residency}"}, planned, planned)
    with watch_memory() as taken:
        began = time.perf_counter()
        try:
            tried = part.run(bench)
        except (MienError, RuntimeError, MemoryError, OSError) as error:
            found = replace(found, problem=f"{type(error).__name__}: {error}")
        else:
            finite = all(bool(np.isfinite(each).all()) for each in tried.outputs)
            problem = "" if finite else "it computes values that are no numbers"
            found = replace(found, held_bytes=tried.held_bytes, finite=finite, problem=problem)
        seconds = time.perf_counter() - began
    release_cache()
    return replace(found, seconds=seconds, peak_bytes=taken.device, main_bytes=taken.main)
