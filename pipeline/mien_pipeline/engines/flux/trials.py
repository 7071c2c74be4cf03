"""One network of the stack at a time: loaded by the engine's own code, from its own files, to compute once.

The pictures and prompts are the smallest that every layer works on. A file that is wrong raises.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mien_models.store import ModelStore
from mien_pipeline.device import Device, release_cache
from mien_pipeline.engines.diffusion import reference
from mien_pipeline.engines.diffusion.casting import held_bytes
from mien_pipeline.engines.diffusion.finite import check_values
from mien_pipeline.engines.diffusion.latents import encode
from mien_pipeline.engines.diffusion.placement import release
from mien_pipeline.engines.flux.files import Base, FluxFiles
from mien_pipeline.engines.flux.inject import WeightSchedule
from mien_pipeline.engines.flux.instantid import InstantId
from mien_pipeline.engines.flux.pulid import EVA_TAPS
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.engines.flux.velocity import ModelPass
from mien_pipeline.engines.probe import Tried
from mien_pipeline.face import Portrait
from mien_pipeline.faces.scrfd import Scrfd
from mien_pipeline.image import Floats
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import Plan

# Image tokens and text tokens of a transformer's one pass, and the side of a picture for the VAE.
IMAGE_TOKENS, TEXT_TOKENS = 4, 8
PICTURE_PX = 64
PROMPT = "a face"


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """What networks are tried with.

    Attributes:
        store, files: where they lie.
        device: what computes.
        plan: how each is held.
        asks_memory: no plan of the whole stack fits here, so that each network has to ask for itself.
    """

    store: ModelStore
    files: FluxFiles
    device: Device
    plan: Plan
    asks_memory: bool

    def stack(self) -> Stack:
        """A stack that holds nothing yet."""
        return Stack(self.store, self.files, self.device, self.plan)

    def needed(self, name: str) -> int:
        """Bytes that the network has to have free in main memory."""
        placement = self.plan.of(name)
        return placement.component.bytes_as(placement.form) if self.asks_memory else 0

    def holding(self, form: NumberFormat, files: FluxFiles) -> "Bench":
        """The same with the transformer from other files."""
        placed = tuple(
            replace(each, form=form) if each.component.name == "transformer" else each for each in self.plan.placements
        )
        return replace(self, files=files, plan=replace(self.plan, placements=placed))


# ── one network each ─────────────────────────────────────────────────────────────────────────────────────


def try_transformer(bench: Bench, base: Base) -> Tried:
    """One pass over a few tokens."""
    stack = bench.stack()
    network = stack.transformer(base)
    of = network.config

    def draw(*shape: int) -> Tensor:
        return stack.to_device(_draw(*shape), "transformer")

    with _Trial(network), torch.no_grad():
        made = network(
            hidden_states=draw(1, IMAGE_TOKENS, of["in_channels"]),
            encoder_hidden_states=draw(1, TEXT_TOKENS, of["joint_attention_dim"]),
            pooled_projections=draw(1, of["pooled_projection_dim"]),
            timestep=torch.full((1,), 0.5, device=stack.device.torch),
            guidance=torch.full((1,), 3.5, device=stack.device.torch) if of["guidance_embeds"] else None,
            img_ids=_ids(stack),
            txt_ids=torch.zeros(TEXT_TOKENS, 3, device=stack.device.torch),
            return_dict=False,
        )
        return _answer(network, *made)


def try_control_net(bench: Bench) -> Tried:
    """One pass of the control net, as InstantID makes it."""
    stack = bench.stack()
    network = stack.control_net
    of = network.config
    blocks = len(network.transformer_blocks), len(network.single_transformer_blocks)

    def draw(*shape: int) -> Tensor:
        return stack.to_device(_draw(*shape), "control_net")

    tokens, points = draw(1, TEXT_TOKENS, of["joint_attention_dim"]), draw(1, IMAGE_TOKENS, of["in_channels"])
    timestep, pooled = torch.full((1,), 0.5, device=stack.device.torch), draw(1, of["pooled_projection_dim"])
    one = ModelPass("cond", draw(1, IMAGE_TOKENS, of["in_channels"]), timestep, pooled, _ids(stack))
    with _Trial(network), torch.no_grad():
        made = InstantId(network, tokens, points, blocks, WeightSchedule(1.0)).residuals(one)
        return _answer(network, *(made.double if made else ()), *(made.single if made else ()))


def try_pulid(bench: Bench) -> Tried:
    """Every cross-attention."""
    stack = bench.stack()
    network: Any = stack.pulid_attentions
    with _Trial(network), torch.no_grad():
        made: list[Tensor] = []
        for attention in network:
            tokens = stack.to_device(_draw(1, 32, attention.norm1.normalized_shape[0]), "pulid_attentions")
            queries = stack.to_device(_draw(1, IMAGE_TOKENS, attention.norm2.normalized_shape[0]), "pulid_attentions")
            made.append(attention(tokens, queries))
        return _answer(network, *made)


def try_faceid(bench: Bench) -> Tried:
    """The projector, and every attention."""
    stack = bench.stack()
    network: Any = stack.faceid
    if stack.files.faceid_layout == "xlabs":
        width, dim = (
            stack.clip.config.projection_dim,
            network.double_blocks[0].get_submodule("processor.ip_adapter_double_stream_k_proj").weight.shape[0],
        )
        blocks, query = len(network.double_blocks), stack.to_device(_draw(1, IMAGE_TOKENS, 1, dim), "faceid")
    else:
        width, dim, blocks, query = network.arcface_in_arc[0].in_features, network.dim, len(network.ipa_arc), None
    with _Trial(network), torch.no_grad():
        tokens = network.project(stack.to_device(_draw(1, width), "faceid"))
        residuals = network.residuals(tokens)
        hidden = stack.to_device(_draw(1, IMAGE_TOKENS, dim), "faceid")
        made = [residuals.after(block, hidden, query) for block in range(blocks)]
        return _answer(network, tokens, *(each for each in made if each is not None))


def try_parsing(bench: Bench) -> Tried:
    """The scores of one portrait."""
    stack = bench.stack()
    network = stack.parsing
    picture = stack.to_device(_draw(1, 3, reference.PORTRAIT_PX, reference.PORTRAIT_PX), "parsing")
    with _Trial(network):
        made = stack.run("parsing", network, lambda net: net.conv_out(net.ffm(*net.cp(picture))))
        return _answer(network, made)


def try_ir_se50(bench: Bench) -> Tried:
    """One embedding."""
    stack = bench.stack()
    network = stack.ir_se50
    face = stack.to_device(_draw(1, 3, 112, 112), "ir_se50")
    with _Trial(network):
        return _answer(network, stack.run("ir_se50", network, lambda net: net(face)))


def try_resampler(bench: Bench) -> Tried:
    """The tokens of one embedding."""
    stack = bench.stack()
    network: Any = stack.resampler
    embedding = stack.to_device(_draw(1, 1, network.proj_in.in_features), "resampler")
    with _Trial(network):
        return _answer(network, stack.run("resampler", network, lambda net: net(embedding)))


def try_eva(bench: Bench) -> Tried:
    """The embedding and the levels of one picture."""
    stack = bench.stack()
    network = stack.eva
    picture = stack.to_device(_draw(1, 3, network.image_size, network.image_size), "eva")
    with _Trial(network):
        made, levels = stack.run("eva", network, lambda net: net(picture, EVA_TAPS))
        return _answer(network, made, *levels)


def try_id_former(bench: Bench) -> Tried:
    """Both kinds of identity tokens."""
    stack = bench.stack()
    network: Any = stack.id_former
    face_dim = network.id_embedding_mapping[0].in_features
    vit_dim = network.get_submodule("mapping_0.0").in_features
    levels = [_draw(1, IMAGE_TOKENS, int(vit_dim)) for _ in EVA_TAPS]
    with _Trial(network):
        made = stack.id_tokens(_draw(1, 512), _draw(1, face_dim - 512), levels)
        return _answer(network, made.cond, made.uncond)


def try_arcface(bench: Bench, portrait: Portrait) -> Tried:
    """The embedding of the portrait."""
    made = bench.stack().arcface.embed(portrait.image, portrait.face.kps)
    return Tried([made.numpy()])


def try_scrfd(bench: Bench, portrait: Portrait) -> Tried:
    """The faces that InsightFace's detector finds."""
    finder = Scrfd(bench.store.path("antelopev2", "scrfd_10g_bnkps.onnx"))
    return Tried([np.asarray(each.kps, np.float32) for each in finder.find(portrait.image.pixels)])


def try_clip_text(bench: Bench) -> Tried:
    """CLIP's vector of a prompt."""
    return _try_text(bench, "text_encoder")


def try_t5(bench: Bench) -> Tried:
    """T5's tokens of a prompt."""
    return _try_text(bench, "text_encoder_2")


def _try_text(bench: Bench, name: str) -> Tried:
    encoders = bench.stack().text("dev")
    encoders.max_tokens = TEXT_TOKENS
    held: list[int] = []
    on_device = encoders.on_device

    def watch(name: str, module: Any) -> Any:
        check_values(module)
        held.append(held_bytes(module))
        return on_device(name, module)

    encoders.on_device = watch
    made = encoders.encode_pooled([PROMPT]) if name == "text_encoder" else encoders.encode_tokens([PROMPT])
    return Tried([_to_floats(each) for each in made], sum(held))


def try_vae(bench: Bench) -> Tried:
    """A small picture there and back."""
    return _try_vae(bench, "full")


def try_tiny_vae(bench: Bench) -> Tried:
    """The same by TAEF1."""
    return _try_vae(bench, "tiny")


def _try_vae(bench: Bench, decoder: Any) -> Tried:
    stack = bench.stack()
    network = stack.vae(decoder)
    pixels = np.random.default_rng(0).integers(0, 256, (PICTURE_PX, PICTURE_PX, 3), np.uint8)
    with _Trial(network):
        packed = stack.run("vae", network, lambda net: encode(net, pixels))
        latents = packed.view(1, 16, PICTURE_PX // 8, PICTURE_PX // 8)
        made = stack.run("vae", network, lambda net: net.decode(latents, return_dict=False)[0])
        return _answer(network, packed, made)


# ── what they share ──────────────────────────────────────────────────────────────────────────────────────


class _Trial:
    """A network whose values are looked at before it computes, and that is given up afterwards."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def __enter__(self) -> None:
        check_values(self.network)

    def __exit__(self, *_: object) -> None:
        release(self.network)
        release_cache()


def _answer(network: nn.Module, *made: Tensor) -> Tried:
    return Tried([_to_floats(each) for each in made], held_bytes(network))


def _to_floats(value: Tensor) -> Floats:
    return np.asarray(value.detach().float().cpu().numpy(), np.float32)


def _ids(stack: Stack) -> Tensor:
    return torch.zeros(IMAGE_TOKENS, 3, device=stack.device.torch)


def _draw(*shape: int) -> Tensor:
    """The same numbers each time, on the CPU."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))
