"""What FLUX takes of this card, in at most eight minutes and without a download.

Every rung of the memory plan, then a whole swap plain, compiled and with the first-block cache.

`python tests/gpu/measure_card.py [--seconds 480] [--side 1024]` prints the table of pipeline/README.md and writes
`card.json`; exit status 1 where a rung failed or took more than a twentieth over its plan. Values are random, so that
speed and memory are real and pictures are noise. ArcFace is left out.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.check_engine import take_portrait
from mien_pipeline.device import Device, choose_device
from mien_pipeline.engines.diffusion.measure.measured import LeftOut
from mien_pipeline.engines.flux.files import FluxFiles
from mien_pipeline.engines.flux.measure.files import published_layout, write_layout
from mien_pipeline.engines.flux.measure.random_stack import RandomStack
from mien_pipeline.engines.flux.measure.report import to_table
from mien_pipeline.engines.flux.measure.rungs import WatchedLikeness, list_rungs, run_rung
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.face import Portrait
from mien_pipeline.image import Pixels
from mien_pipeline.plan.placement import Plan
from mien_pipeline.progress import ignore_step

# A measured peak may be so much over the planned one.
TOLERANCE = 1.05
STEPS = 28
CACHE = 0.12
# Left for the whole swaps when the rungs stop.
SWAPS_S = 150.0
SAME_DB = 99.0


def measure_card(
    store: ModelStore,
    files: FluxFiles,
    device: Device,
    portrait: Portrait,
    *,
    side: int,
    seconds: float,
    steps: int = STEPS,
    backend: str = "inductor",
    tell: Callable[[object], object] = print,
) -> dict[str, Any]:
    """Every rung, then the whole swaps, until the time is over; the rest is named as not run."""
    began = time.perf_counter()
    rungs: list[dict[str, Any]] = []
    left_out: list[LeftOut] = []
    best: Plan | None = None
    for rung in list_rungs(files, device, side):
        if isinstance(rung, LeftOut):
            left_out.append(rung)
        elif time.perf_counter() - began > seconds - SWAPS_S:
            left_out.append(LeftOut(rung.name, "the time is over"))
        else:
            best = best or rung.plan
            options = FluxOptions(side=side, steps=2, strength=1.0, drift_gate=False)
            found = run_rung(rung, store, files, device, portrait, options)
            tell(found)
            rungs.append(found.as_json())
    swaps: list[dict[str, Any]] = []
    if best is not None:
        for swap in run_swaps(RandomStack(store, files, device, best), portrait, side, steps, backend):
            tell(swap)
            swaps.append(swap)
    return {
        "device": {"name": device.name, "backend": device.backend, "memory_bytes": device.total_bytes},
        "side": side,
        "steps": 2,
        "rungs": rungs,
        "swaps": swaps,
        "parts": [],
        "text": [],
        "left_out": [{"what": each.what, "why": each.why} for each in left_out],
    }


def run_swaps(stack: RandomStack, portrait: Portrait, side: int, steps: int, backend: str) -> Iterator[dict[str, Any]]:
    """A whole swap, and a second one warm: plain, with the first-block cache, compiled; each compared with plain."""
    likeness = WatchedLikeness(stack, portrait)
    plain: Pixels | None = None
    for name, threshold in (("plain", 0.0), (f"first-block cache {CACHE}", CACHE), ("torch.compile", 0.0)):
        options = FluxOptions(side=side, steps=steps, strength=1.0, drift_gate=False, cache_threshold=threshold)
        try:
            if name == "torch.compile":
                compile_blocks(stack.transformer("dev"), backend)
            first, made = take_swap(likeness, portrait, options)
            second, made = take_swap(likeness, portrait, options)
        except Exception as error:  # noqa: BLE001 a compiler may raise anything; the table says so
            yield {"name": name, "problem": f"{type(error).__name__}: {error}"}
        else:
            plain = made if plain is None else plain
            yield {"name": name, "first_s": first, "second_s": second, "psnr_db": psnr(made, plain), "problem": ""}


def take_swap(likeness: WatchedLikeness, portrait: Portrait, options: FluxOptions) -> tuple[float, Pixels]:
    """Seconds and the patch of one swap."""
    began = time.perf_counter()
    made = likeness.render(*portrait, options, ignore_step).crop
    return time.perf_counter() - began, made


def compile_blocks(transformer: Any, backend: str) -> None:
    """Compile each block in place, as it is called between the hooks."""
    for block in (*transformer.transformer_blocks, *transformer.single_transformer_blocks):
        block.compile(backend=backend)


def psnr(one: Pixels, other: Pixels) -> float:
    """Decibels; 99 for the same pixels."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return SAME_DB if error == 0 else float(10 * np.log10(255**2 / error))


def over_plan(found: Mapping[str, Any]) -> list[str]:
    """The rungs that failed, or took more than planned."""
    return [
        each["name"]
        for each in found["rungs"]
        if each["problem"] or (each["peak_bytes"] or 0) > TOLERANCE * each["planned_bytes"]
    ]


def swaps_to_table(swaps: list[dict[str, Any]]) -> str:
    """The whole swaps as rows in Markdown."""
    rows = ["| whole swap | first | second, warm | against plain |", "|---|---|---|---|"]
    for each in swaps:
        if each["problem"]:
            rows.append(f"| {each['name']} | failed: {each['problem'].splitlines()[0][:60]} | | |")
        else:
            times = f"{each['first_s']:.1f} s | {each['second_s']:.1f} s"
            rows.append(f"| {each['name']} | {times} | {each['psnr_db']:.1f} dB |")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=480.0)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--output", type=Path, default=Path("card.json"))
    args = parser.parse_args()
    device = choose_device()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = ModelStore(folder / "models", load_catalogue({}), offline=True)
        files = write_layout(folder / "files", published_layout())
        torch.set_grad_enabled(False)
        found = measure_card(store, files, device, take_portrait(store), side=args.side, seconds=args.seconds)
    args.output.write_text(json.dumps(found, indent=1), encoding="utf-8")
    sys.stdout.write(f"{to_table(found)}\n\n{swaps_to_table(found['swaps'])}\n")
    for each in found["left_out"]:
        sys.stdout.write(f"not run: {each['what']}: {each['why']}\n")
    over = over_plan(found)
    sys.stdout.write(f"over plan or failed: {', '.join(over) or 'none'}\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
