"""The identity stack without its weights: what composing costs, what caching saves, what streaming takes.

A mid-size stack of random numbers: FLUX.1's 19 + 38 blocks at a width of 512, a 512 px picture, on the CPU. Nothing
here says how fast or how good the real one is.
"""

import ctypes
import gc
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.device import Device
from mien_pipeline.engines.diffusion.perceiver import PerceiverCrossAttention
from mien_pipeline.engines.diffusion.placement import Placer
from mien_pipeline.engines.flux.engine import load
from mien_pipeline.engines.flux.faceid import ArcAdapter, FaceId, face_tokens
from mien_pipeline.engines.flux.inject import WeightSchedule
from mien_pipeline.engines.flux.instantid import InstantId, identity_net
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.flux.pulid import IdTokens, Pulid, PulidAttentions
from mien_pipeline.engines.flux.text import Prompt
from mien_pipeline.engines.flux.tiny.bundle import BUNDLE, make_tiny
from mien_pipeline.engines.flux.velocity import Canvas, IdentityMethod, ModelPass, bind_conditioning
from mien_pipeline.evaluation.measures import Row, memory_added, ratio, resident_bytes
from mien_pipeline.face import Face, Portrait
from mien_pipeline.image import Image
from mien_pipeline.plan.component import component
from mien_pipeline.plan.fit import Hardware, make_plan
from mien_pipeline.plan.placement import GIB
from mien_pipeline.sampling import noise_like

SIDE, WIDTH, TEXT_WIDTH, TEXT_TOKENS = 32, 512, 256, 64  # 32 × 32 tokens are 512 px
TOKENS = SIDE * SIDE
CONFIG: dict[str, Any] = {
    "in_channels": 64,
    "attention_head_dim": 128,
    "num_attention_heads": WIDTH // 128,
    "joint_attention_dim": TEXT_WIDTH,
    "pooled_projection_dim": 64,
    "guidance_embeds": True,
    "axes_dims_rope": (16, 56, 56),
}


def rows(store: ModelStore) -> Iterator[Row]:
    """On networks with random weights; those of `store` are not used."""
    del store
    yield from streaming()
    yield from composing()
    yield from caching()


@dataclass(frozen=True, slots=True)
class RandomStack:
    transformer: Any
    control: Any
    attentions: PulidAttentions
    adapter: ArcAdapter

    def parts(self) -> tuple[InstantId, Pulid, FaceId]:
        tokens = IdTokens(drawn(1, 32, 512), drawn(1, 32, 512))
        everywhere = WeightSchedule(0.7)
        return (
            InstantId(self.control, drawn(1, 8, TEXT_WIDTH), drawn(1, TOKENS, 64), (19, 38), everywhere),
            Pulid(self.attentions, tokens, 19, everywhere),
            FaceId(self.adapter, face_tokens(self.adapter.project, drawn(1, 512)), everywhere),
        )


def drawn(*shape: int) -> torch.Tensor:
    return noise_like(torch.empty(shape), 1)


def stack() -> RandomStack:
    torch.manual_seed(0)
    attentions = PulidAttentions(PerceiverCrossAttention(WIDTH, 512, 4, 128) for _ in range(20))
    modules: list[Any] = [
        FluxTransformer2DModel(**CONFIG),
        identity_net(CONFIG | {"num_layers": 4, "num_single_layers": 10}),
        attentions,
        ArcAdapter(WIDTH, 57, WIDTH // 64, 4 * WIDTH),
    ]
    return RandomStack(*(module.eval().requires_grad_(False) for module in modules))


LATENTS = drawn(1, TOKENS, 64)
PROMPT = Prompt(drawn(1, TEXT_TOKENS, TEXT_WIDTH), drawn(1, 64))
IDS = torch.tensor([[0.0, row, column] for row in range(SIDE) for column in range(SIDE)])


def step(whole: RandomStack, parts: tuple[IdentityMethod, ...]) -> None:
    with bind_conditioning(
        whole.transformer, PROMPT, PROMPT, Canvas(IDS), parts, guidance_scale=3.5, total=1
    ) as velocity:
        velocity(LATENTS, 0.7, 0)


def composing() -> Iterator[Row]:
    """One step with everything on, against its own pieces run by themselves."""
    whole = stack()
    parts = whole.parts()
    one = ModelPass("cond", LATENTS, torch.tensor([0.7]), PROMPT.pooled, IDS)
    hidden = drawn(1, TOKENS, WIDTH)

    @torch.no_grad()
    def pieces() -> None:
        step(whole, ())
        parts[0].residuals(one)
        for part in parts[1:]:
            residuals = part.residuals(one)
            for block in range(57):
                residuals.after(block, hidden, None)

    with one_thread():
        value = ratio(lambda: step(whole, parts), pieces, times=3, clock=time.process_time)
    yield Row("a step with three identity parts ÷ its pieces run alone", value, "ratio", 1.05)


@contextmanager
def one_thread() -> Generator[None]:
    """Threads that wait for each other would be counted as work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def caching() -> Iterator[Row]:
    """A first and a second swap on the tiny bundle, without the steps themselves."""
    with tempfile.TemporaryDirectory() as folder:
        catalogue = make_tiny(Path(folder) / "tiny")
        tiny = ModelStore(Path(folder) / "models", load_catalogue({"MIEN_CATALOGUE": str(catalogue)}))
        tiny.pull([BUNDLE])
        engine = load(tiny)
        seen = portrait()
        likeness = engine.prepare([seen])
        options = FluxOptions(side=256, steps=2, strength=1.0)
        first = beside_the_steps(lambda on_step: likeness.render(seen.image, seen.face, options, on_step))
        second = beside_the_steps(lambda on_step: likeness.render(seen.image, seen.face, options, on_step))
    yield Row("a second swap ÷ the first, sampling left out (tiny bundle)", second / first, "ratio", 0.2)


def beside_the_steps(run: Callable[[Callable[[int, int], None]], object]) -> float:
    """Seconds of a run of two steps, less twice the second step."""
    told: list[float] = []
    began = time.perf_counter()
    run(lambda _done, _total: told.append(time.perf_counter()))
    return time.perf_counter() - began - 2 * (told[1] - told[0])


def portrait() -> Portrait:
    pixels = np.random.default_rng(0).integers(60, 180, (300, 300, 3), np.uint8)
    kps = np.array([[120, 120], [180, 120], [150, 150], [125, 185], [175, 185]], np.float32)
    return Portrait(Image(pixels), Face(np.array([95, 80, 205, 215], np.float32), 0.9, kps))


def streaming() -> Iterator[Row]:
    """A step of the transformer and the control net with their blocks on the disk, against all in memory."""
    # glibc keeps freed pieces of up to 32 MB for itself (mallopt(3), M_MMAP_THRESHOLD): have it give them back.
    ctypes.CDLL(None).mallopt(-3, 1 << 16)
    peaks = {residency: peak_of_a_step(residency) for residency in ("streamed", "resident")}
    yield Row("peak memory with group offload ÷ resident", peaks["streamed"] / peaks["resident"], "ratio", 0.4)
    yield Row("peak memory, resident", peaks["resident"] / 1e6, "MB")


def peak_of_a_step(residency: Any) -> int:
    before = resident_bytes()
    whole = stack()
    networks = {"transformer": whole.transformer, "control_net": whole.control}
    plan = make_plan(
        [
            component(name, "sampling", {key: tuple(value.shape) for key, value in network.state_dict().items()})
            for name, network in networks.items()
        ],
        Hardware("cpu", 64 * GIB, WIDTH),
    )
    plan = replace(plan, placements=tuple(replace(each, residency=residency) for each in plan.placements))
    placer = Placer(Device(torch.device("cpu"), "unified", "cpu", 64 * GIB, "cpu", torch.bfloat16), plan)
    for name, network in networks.items():
        placer.place(name, network)
    parts = whole.parts()
    gc.collect()
    return resident_bytes() - before + memory_added(lambda: step(whole, parts))
