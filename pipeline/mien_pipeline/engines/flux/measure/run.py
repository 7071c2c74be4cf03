"""The whole measurement: what fits here is chosen by asking memory, and what does not is named with the reason."""

import tempfile
from pathlib import Path
from typing import Any

import psutil

from mien_models.store import ModelStore
from mien_pipeline.device import Device, choose_device, installed_memory
from mien_pipeline.engines.diffusion.measure.measured import LEFT_FREE_BYTES, LeftOut, Measured, OnMeasured, Rung
from mien_pipeline.engines.diffusion.measure.report import make_document
from mien_pipeline.engines.flux.files import GGUF, FluxFiles
from mien_pipeline.engines.flux.measure.files import published_layout, write_layout
from mien_pipeline.engines.flux.measure.parts import RandomBench, run_parts
from mien_pipeline.engines.flux.measure.rungs import list_rungs, run_rung, run_text
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.flux.plan import plan_memory
from mien_pipeline.face import Portrait
from mien_pipeline.plan.placement import DEFAULT_SIDE, GIB, Plan

STEPS = 2
ARCFACE = LeftOut("ArcFace", "its file is a network of its own format; an embedding is drawn instead")
# Of the working square where a processor computes: more tokens take longer and tell nothing more of the networks.
PROCESSORS_SIDE = 256


def measure(store: ModelStore, portrait: Portrait, side: int | None, on_measured: OnMeasured) -> dict[str, Any]:
    """Run every rung of this machine at published size; returns the document of `mien engines check flux --random`.

    Where a processor computes, each network is run alone (`parts`), then the whole stack with one block of each kind.

    Args:
        store: given to the stack; nothing of it is read.
        portrait: that is swapped with itself.
        side: of the square working picture, in pixels; None is 1024, and 256 on a processor.
        on_measured: told of each as it is done.

    Raises:
        DiskFull: there is no room for files that the file system cannot keep as holes.
    """
    device = choose_device()
    with tempfile.TemporaryDirectory(prefix="mien-measure-") as name:
        files = write_layout(Path(name), published_layout(whole=device.kind != "cpu"))
        if device.kind == "cpu":
            return measure_parts(store, files, device, portrait, side or PROCESSORS_SIDE, on_measured)
        return measure_files(store, files, device, portrait, side or DEFAULT_SIDE, on_measured, [])


def measure_parts(
    store: ModelStore, files: FluxFiles, device: Device, portrait: Portrait, side: int, on_measured: OnMeasured
) -> dict[str, Any]:
    """The document for a processor and files with one block of each kind; see `measure`."""
    parts: list[Measured] = []
    rungs: list[Measured] = []
    left_out = [LeftOut("all blocks but one of each kind", "a processor takes minutes for a step of them")]
    left_out += [LeftOut(form, "its file is read as the whole transformer") for form in GGUF.values()]
    plan = plan_memory(files, device, side, installed_memory(), "bfloat16")
    bench = RandomBench(store, files, device, plan, asks_memory=True)
    for one in run_parts(bench):
        if isinstance(one, LeftOut):
            left_out.append(one)
        else:
            parts.append(one)
        on_measured(one)
    options = FluxOptions(side=side, steps=STEPS, strength=1.0, drift_gate=False)
    rungs.append(run_rung(Rung("bfloat16, one block of each kind", plan), store, files, device, portrait, options))
    on_measured(rungs[0])
    return make_document(device, side, STEPS, [*left_out, ARCFACE], rungs=rungs, parts=parts)


def measure_files(
    store: ModelStore,
    files: FluxFiles,
    device: Device,
    portrait: Portrait,
    side: int,
    on_measured: OnMeasured,
    left_out: list[LeftOut],
    max_tokens: int | None = None,
) -> dict[str, Any]:
    """The document for files of any size; see `measure`."""
    options = FluxOptions(side=side, steps=STEPS, strength=1.0, drift_gate=False)
    rungs: list[Measured] = []
    text: list[Measured] = []
    plan: Plan | None = None

    def tell(one: Measured | LeftOut, into: list[Measured]) -> None:
        if isinstance(one, LeftOut):
            left_out.append(one)
        else:
            into.append(one)
        on_measured(one)

    for rung in list_rungs(files, device, side):
        if isinstance(rung, LeftOut):
            tell(rung, rungs)
            continue
        plan = plan or rung.plan
        free = psutil.virtual_memory().available - LEFT_FREE_BYTES
        if device.kind == "cpu" and rung.plan.peak_bytes > free:
            needs = f"it needs {rung.plan.peak_bytes / GIB:.1f} GiB, and {max(0, free) / GIB:.1f} GiB are free"
            tell(LeftOut(rung.name, needs), rungs)
            continue
        tell(run_rung(rung, store, files, device, portrait, options), rungs)
    if plan:
        for one in run_text(store, files, device, plan, max_tokens):
            tell(one, text)
    return make_document(device, side, STEPS, [*left_out, ARCFACE], rungs=rungs, text=text)
