"""The networks of FLUX.2 [klein], as `mien engines check` tries them: each loaded as a swap loads it, to compute once.

Pictures and prompts are the smallest that every layer works on. A file that is wrong raises.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien_core.errors import BrokenWeights
from mien_models.store import ModelStore
from mien_pipeline.device import choose_device, release_cache
from mien_pipeline.engines.diffusion.casting import held_bytes
from mien_pipeline.engines.diffusion.finite import check_values
from mien_pipeline.engines.diffusion.latents import encode
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.diffusion.placement import release
from mien_pipeline.engines.klein.components import NETWORKS, components
from mien_pipeline.engines.klein.files import FULL, PACKED, SINGLE, TEXT, VAE, KleinFiles, installed_lora, locate
from mien_pipeline.engines.klein.plan import read_shapes
from mien_pipeline.engines.klein.stack import Stack
from mien_pipeline.engines.klein.velocity import KleinVelocity, ReadPicture
from mien_pipeline.engines.probe import Probe, Tried
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import Placement, Plan

PICTURE_PX = 64
TEXT_TOKENS = 8
PROMPT = "a face"


def list_probes(store: ModelStore) -> Sequence[Probe]:
    """Every network that is installed, or would be needed; each transformer with the LoRA."""
    files = locate(store)
    probes = [
        _probe("text_encoder", (TEXT,), _try_text, _stack(store, files, "bfloat16")),
        _probe("vae", (VAE,), _try_vae, _stack(store, files, "bfloat16")),
    ]
    return [*probes, *_transformers(store, files)]


def _transformers(store: ModelStore, files: KleinFiles) -> Iterator[Probe]:
    """One probe for every transformer that is installed; for the published folder where none is."""
    lora = installed_lora(store)
    if files.transformer or not files.packed:
        single = files.transformer is not None and files.transformer.is_file()
        stack = _stack(store, files, "bfloat16")
        yield _probe("transformer", (SINGLE if single else FULL, lora), _try_transformer, stack)
    for model, form in PACKED.items():
        if form in files.packed:
            stack = _stack(store, replace(files, transformer=None), form)
            yield _probe("transformer", (model, lora), _try_transformer, stack, f"transformer ({form})")


def _probe(network: str, models: tuple[str, ...], run: Callable[[Stack], Tried], stack: Stack, name: str = "") -> Probe:
    placement = stack.plan.of(network)
    needed = placement.component.bytes_as(placement.form)
    return Probe(name or network, models, lambda _portrait: run(stack), needed)


def _stack(store: ModelStore, files: KleinFiles, form: NumberFormat) -> Stack:
    """A stack that holds nothing yet; each network comes to the device for the moment in which it is tried."""
    device = choose_device()
    sized = components({name: _shapes_or_published(name, files) for name in NETWORKS})
    placed = tuple(Placement(one, form if one.name == "transformer" else "bfloat16", "on-demand") for one in sized)
    plan = Plan(device.kind, device.total_bytes, PICTURE_PX, 0, placed)
    # What is tried are the installed files, and not what was derived from them once.
    return Stack(store, files, device, plan, keeps_merged=False)


def _shapes_or_published(name: str, files: KleinFiles) -> Shapes:
    """A file whose header cannot be read counts as the published one: what is wrong is said where it is tried."""
    try:
        return read_shapes(name, files)
    except (BrokenWeights, OSError):
        return manifest(NETWORKS[name][1])


def _try_transformer(stack: Stack) -> Tried:
    """One pass over a picture of noise and another that is read."""
    network = stack.transformer(1.0)
    check_values(network)
    size = (PICTURE_PX, PICTURE_PX)
    noise, read = (_draw(1, (PICTURE_PX // 16) ** 2, network.config.in_channels) for _ in range(2))
    prompt = stack.to_device(_draw(1, TEXT_TOKENS, network.config.joint_attention_dim), "transformer")

    def walk(placed: Any) -> Tensor:
        velocity = KleinVelocity(placed, prompt, size, [ReadPicture(stack.to_device(read, "transformer"), size)])
        return velocity(noise.to(stack.device.torch), 0.5, 0)

    made, held = stack.run("transformer", network, walk), held_bytes(network)
    release(network)
    release_cache()
    return _tried(held, made)


def _try_vae(stack: Stack) -> Tried:
    """A small picture, there and back."""
    check_values(stack.vae)
    pixels = np.random.default_rng(0).integers(0, 256, (PICTURE_PX, PICTURE_PX, 3), np.uint8)
    packed = stack.run("vae", stack.vae, lambda vae: encode(vae, pixels))
    side = PICTURE_PX // 8
    latents = packed.view(1, -1, side, side)
    made = stack.run("vae", stack.vae, lambda vae: vae.decode(latents, return_dict=False)[0])
    return _tried(held_bytes(stack.vae), packed, made)


def _try_text(stack: Stack) -> Tried:
    """The three hidden states of a prompt."""
    encoder, on_device = stack.text, stack.text.on_device
    held: list[int] = []

    def look(name: str, module: Any) -> Any:
        check_values(module)
        held.append(held_bytes(module))
        return on_device(name, module)

    encoder.on_device, encoder.max_tokens = look, 4 * TEXT_TOKENS
    made = encoder.encode(PROMPT)
    return _tried(sum(held), made)


def _tried(held: int, *made: Tensor) -> Tried:
    return Tried([np.asarray(each.detach().float().cpu().numpy(), np.float32) for each in made], held)


def _draw(*shape: int) -> Tensor:
    """The same numbers each time, on the CPU."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))
