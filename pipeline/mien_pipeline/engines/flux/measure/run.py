"""The whole measurement: what fits here is chosen by asking memory, and what does not is named with the reason."""

import tempfile
from pathlib import Path
from typing import Any

import psutil

from mien_models.store import ModelStore
from mien_pipeline.device import Device, choose_device
from mien_pipeline.engines.flux.files import FluxFiles
from mien_pipeline.engines.flux.measure.files import published_layout, write_layout
from mien_pipeline.engines.flux.measure.rungs import (
    LEFT_FREE_BYTES,
    LeftOut,
    Measured,
    OnMeasured,
    Rung,
    list_rungs,
    run_rung,
    run_text,
)
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.face import Portrait
from mien_pipeline.plan.placement import GIB, Plan

STEPS = 2


def measure(store: ModelStore, portrait: Portrait, side: int, on_measured: OnMeasured) -> dict[str, Any]:
    """Run every rung of this machine at published size; returns the document of `mien engines check flux --random`.

    Where main memory is the device's and has no room for the whole stack, one block of each kind is run, as wide as
    published, and T5 whole.

    Args:
        store: given to the stack; nothing of it is read.
        portrait: that is swapped with itself.
        side: of the square working picture, in pixels.
        on_measured: told of each as it is done.

    Raises:
        DiskFull: there is no room for files that the file system cannot keep as holes.
    """
    device = choose_device()
    with tempfile.TemporaryDirectory(prefix="mien-measure-") as name:
        folder = Path(name)
        whole = write_layout(folder / "whole", published_layout())
        files, left_out = whole, list[LeftOut]()
        if device.kind == "cpu" and (lacking := find_lacking(whole, device, side)):
            files = write_layout(folder / "one of each", published_layout(whole=False))
            left_out.append(lacking)
        return measure_files(store, files, device, portrait, side, on_measured, left_out)


def find_lacking(files: FluxFiles, device: Device, side: int) -> LeftOut | None:
    """What keeps the whole stack from being run in free main memory; None where nothing does."""
    plans = [each for each in list_rungs(files, device, side) if isinstance(each, Rung)]
    free = psutil.virtual_memory().available - LEFT_FREE_BYTES
    smallest = min((each.plan.peak_bytes for each in plans), default=None)
    if smallest is not None and smallest <= free:
        return None
    needs = "no plan fits this machine" if smallest is None else f"{smallest / GIB:.1f} GiB are needed at least"
    return LeftOut("all blocks but one of each kind", f"{needs}, and {max(0, free) / GIB:.1f} GiB are free")


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
    left_out.append(LeftOut("ArcFace", "its file is a network of its own format; an embedding is drawn instead"))
    return {
        "device": {"name": device.name, "backend": device.backend, "memory_bytes": device.total_bytes},
        "side": side,
        "steps": STEPS,
        "rungs": [each.as_json() for each in rungs],
        "text": [each.as_json() for each in text],
        "left_out": [{"what": each.what, "why": each.why} for each in left_out],
    }
