"""`mien engines check klein --random`: each plan of this card, run at published size with random values."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from mien_core.errors import BrokenWeights, MienError, NotEnoughMemory
from mien_models.store import ModelStore
from mien_pipeline.device import Device, choose_device, installed_memory, name_out_of_memory
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.diffusion.measure.holes import require_room, write_sparse, write_sparse_gguf
from mien_pipeline.engines.diffusion.measure.measured import SIZES_GIB, LeftOut, Measured, OnMeasured, Rung
from mien_pipeline.engines.diffusion.measure.memory import watch_memory
from mien_pipeline.engines.diffusion.measure.random_values import RandomPlacer
from mien_pipeline.engines.diffusion.measure.report import make_document
from mien_pipeline.engines.diffusion.target import extract
from mien_pipeline.engines.klein import published
from mien_pipeline.engines.klein.canvas import canvas_for
from mien_pipeline.engines.klein.components import LORA, NETWORKS, check_processor, components, published_shapes
from mien_pipeline.engines.klein.engine import KleinEngine, KleinLikeness
from mien_pipeline.engines.klein.files import KleinFiles
from mien_pipeline.engines.klein.options import KleinOptions
from mien_pipeline.engines.klein.plan import plan_memory
from mien_pipeline.engines.klein.stack import Stack
from mien_pipeline.engines.klein.tiny.networks import tokenizer_files
from mien_pipeline.face import Portrait
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import DEFAULT_SIDE, GIB, Plan

# The second step is one that begins with everything in its place.
STEPS = 2
SMALLEST_GIB = 4
GGUF: NumberFormat = "gguf-q4"
# What a walk reads at most: the memory plan counts so many tokens.
OPTIONS = KleinOptions(steps=STEPS, reference_side=1024)
NOT_WRITTEN = LeftOut("gguf-q8, float8 as the makers pack it", "no file of holes is written for them")


@dataclass(frozen=True, slots=True)
class Layout:
    """What the files hold: names and shapes by network, `LORA` and `GGUF` among them, and their configurations."""

    shapes: Mapping[str, Shapes]
    configs: Mapping[str, Mapping[str, Any]]

    @property
    def bytes(self) -> int:
        """What they take where the file system has no holes; a GGUF file is counted as if it were bfloat16."""
        return sum(2 * prod(shape) for shapes in self.shapes.values() for shape in shapes.values())


def published_layout() -> Layout:
    """Every file with full weights, the LoRA, and the transformer's GGUF file."""
    more = {LORA: manifest("bfs-head-klein-4b"), GGUF: manifest("flux2-klein-4b.single-file")}
    configs = {"transformer": published.TRANSFORMER, "text_encoder": published.TEXT_ENCODER, "vae": published.VAE}
    return Layout({**published_shapes(), **more}, configs)


def write_layout(folder: Path, layout: Layout) -> KleinFiles:
    """Write every file below `folder`.

    Raises:
        DiskFull: the file system has no holes, and the files would leave less than 5 GiB; nothing is written.
    """
    require_room(folder, layout.bytes)
    for name in NETWORKS:
        path = write_sparse(folder / name / "diffusion_pytorch_model.safetensors", layout.shapes[name])
        path.with_name("config.json").write_text(json.dumps(dict(layout.configs[name])), encoding="utf-8")
    (folder / "tokenizer").mkdir()
    for inside, write in tokenizer_files().items():
        write(folder / inside)
    packed: dict[NumberFormat, Path] = {}
    if GGUF in layout.shapes:
        packed[GGUF] = write_sparse_gguf(folder / "flux-2-klein-4b-Q4_0.gguf", layout.shapes[GGUF])
    lora = write_sparse(folder / "lora.safetensors", layout.shapes[LORA])
    return KleinFiles(folder / "transformer", packed, folder, folder, lora)


def measure(store: ModelStore, portrait: Portrait, side: int | None, on_measured: OnMeasured) -> dict[str, Any]:
    """Run every plan of this card at published size; returns the document of `mien engines check klein --random`.

    Args:
        store: given to the stack; nothing of it is read, and nothing is kept in it.
        portrait: that is swapped with itself.
        side: of the square working picture, in pixels; None is 1024.
        on_measured: told of each as it is done.

    Raises:
        EngineUnavailable: a processor would take minutes for each step; `reason` is "processor".
        InvalidOptions: the side is none that the engine works at.
        DiskFull: there is no room for files that the file system cannot keep as holes.
    """
    device = choose_device()
    if device.kind == "cpu":
        check_processor(components(published_shapes())[0])
    options = KleinOptions.model_validate({**OPTIONS.model_dump(), "side": side or DEFAULT_SIDE})
    with tempfile.TemporaryDirectory(prefix="mien-measure-") as name:
        files = write_layout(Path(name), published_layout())
        return measure_files(store, files, device, portrait, options, on_measured)


def measure_files(
    store: ModelStore,
    files: KleinFiles,
    device: Device,
    portrait: Portrait,
    options: KleinOptions,
    on_measured: OnMeasured,
) -> dict[str, Any]:
    """The document for files of any size; see `measure`."""
    rungs: list[Measured] = []
    left_out = [NOT_WRITTEN]
    for rung in list_rungs(files, device, options.side):
        done = rung if isinstance(rung, LeftOut) else run_rung(rung, store, files, device, portrait, options)
        if isinstance(done, LeftOut):
            left_out.append(done)
        else:
            rungs.append(done)
        on_measured(done)
    return make_document(device, options.side, options.steps, left_out, rungs=rungs)


def list_rungs(files: KleinFiles, device: Device, side: int) -> Iterator[Rung | LeftOut]:
    """Each different plan of this device, from its own size downwards, for full weights and for the GGUF file.

    Args:
        side: of the square working picture, in pixels.
    """
    room = [gib * GIB for gib in reversed((SMALLEST_GIB, *SIZES_GIB)) if gib * GIB < device.total_bytes]
    sizes = [device.total_bytes, *(room if device.kind != "cpu" else [])]
    installs = {"full weights": replace(files, packed={}), GGUF: replace(files, transformer=None)}
    seen: list[object] = []
    for install, these in installs.items():
        if these.transformer is None and not these.packed:
            continue
        for total in sizes:
            name = f"{total / GIB:.0f} GiB, {install}"
            try:
                plan = plan_memory(these, replace(device, total_bytes=total), side, installed_memory())
            except NotEnoughMemory as error:
                yield LeftOut(name, str(error))
                continue
            held = [(each.component.name, each.form, each.residency) for each in plan.placements]
            if held not in seen:
                seen.append(held)
                yield Rung(name, plan)


class RandomStack(Stack):
    """The engine's stack on files whose values are holes."""

    def __init__(self, store: ModelStore, files: KleinFiles, device: Device, plan: Plan) -> None:
        super().__init__(store, files, device, plan, keeps_merged=False)
        self.placer = RandomPlacer(device, plan)


class WatchedLikeness(KleinLikeness):
    """The engine's likeness, whose latents are looked at before they become a picture. No face is looked for in it."""

    def __init__(self, stack: RandomStack, portrait: Portrait) -> None:
        super().__init__(KleinEngine(stack, cast("Any", None)), [portrait])
        self._portrait = portrait

    def sample(self, *arguments: Any) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        latents = super().sample(*arguments)
        if not torch.isfinite(latents).all():
            raise BrokenWeights("what was sampled is no number")
        return latents

    def take_steps(self, options: KleinOptions) -> list[float]:
        """Paint the portrait over itself; when each step ended, on the clock of `time.perf_counter`.

        Raises:
            BrokenWeights: what was sampled is no number.
            GpuOutOfMemory: the device ran out of memory.
        """
        ends: list[float] = []
        image, face = self._portrait
        cut = canvas_for((image.width, image.height), face, options.side)

        def note(_done: int, _total: int) -> None:
            ends.append(time.perf_counter())

        with name_out_of_memory():
            self.make(extract(image, cut), cut, options, note)
        return ends


def run_rung(
    rung: Rung, store: ModelStore, files: KleinFiles, device: Device, portrait: Portrait, options: KleinOptions
) -> Measured:
    """One picture from nothing loaded, and a second while everything is: what the plan said, and what it took.

    A plan that cannot be run is reported with its problem.
    """
    held = {each.component.name: f"{each.form} {each.residency}" for each in rung.plan.placements}
    found = Measured(rung.name, held, rung.plan.peak_bytes, rung.plan.host_peak_bytes)
    # A plan of packed weights alone was made without the full ones.
    is_packed = LORA in held
    stack = RandomStack(store, replace(files, transformer=None) if is_packed else files, device, rung.plan)
    with watch_memory() as taken:
        try:
            likeness = WatchedLikeness(stack, portrait)
            ends, seconds = _time(lambda: likeness.take_steps(options))
            _, again = _time(lambda: likeness.take_steps(options))
            steps = tuple(float(each) for each in np.diff(ends))
            found = replace(found, seconds=seconds, again_seconds=again, step_seconds=steps, finite=True)
        except (MienError, RuntimeError, MemoryError) as error:
            found = replace(found, problem=f"{type(error).__name__}: {error}")
    stack.replan(rung.plan)  # gives up all that is loaded
    return replace(found, peak_bytes=taken.device, main_bytes=taken.main)


def _time(work: Callable[[], list[float]]) -> tuple[list[float], float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began
