"""Every network of the stack, loaded when it is first needed and kept."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from mien_core.errors import InvalidOptions, ModelNotInstalled
from mien_models.store import ModelStore
from mien_pipeline.device import Device, compute_dtype, release_cache
from mien_pipeline.engines.diffusion.clip import load_clip
from mien_pipeline.engines.diffusion.eva import EvaTower
from mien_pipeline.engines.diffusion.foreign import foreign_to
from mien_pipeline.engines.diffusion.irse import IrSe50
from mien_pipeline.engines.diffusion.manifest import Shapes
from mien_pipeline.engines.diffusion.parsing import BiSeNet
from mien_pipeline.engines.diffusion.placement import Placer, release
from mien_pipeline.engines.diffusion.reference import ArcFaceRecogniser, ParsingMap, parse_face
from mien_pipeline.engines.diffusion.weights import Built, config_of, load, shards_in
from mien_pipeline.engines.flux import pulid
from mien_pipeline.engines.flux.faceid import ArcAdapter, XlabsAdapter
from mien_pipeline.engines.flux.files import FULL, GGUF, OTHER_BASES, TINY_VAE, XLABS, Base, FluxFiles
from mien_pipeline.engines.flux.instantid import Resampler, identity_net
from mien_pipeline.engines.flux.plan import plan_memory
from mien_pipeline.engines.flux.pulid import IDFormer, PulidAttentions
from mien_pipeline.engines.flux.text import DEV_TOKENS, SCHNELL_TOKENS, Prompt, TextEncoders
from mien_pipeline.engines.flux.transformer import load_transformer, load_vae, work_in_tiles
from mien_pipeline.image import Pixels
from mien_pipeline.plan.placement import Plan

Network = TypeVar("Network")


class Stack:
    """The networks, each loaded on first use and placed as the plan says."""

    def __init__(self, store: ModelStore, files: FluxFiles, device: Device, plan: Plan) -> None:
        self.store = store
        self.files = files
        self.device = device
        self.plan = plan
        self.placer = Placer(device, plan)
        self._base: tuple[Base, Any] | None = None
        self._vaes: dict[str, Any] = {}
        self._texts: dict[int, TextEncoders] = {}

    def plan_for(self, device: Device) -> Plan:
        """The plan of the same files on another device, at the same size; raises `NotEnoughMemory`."""
        return plan_memory(self.files, device, self.plan.side, self.plan.host_total_bytes)

    def replan(self, plan: Plan) -> None:
        """Hold the networks as another plan says; those in memory are given up first."""
        self._give_up_base()
        for network in self._vaes.values():
            release(network)
        self._vaes.clear()
        self._texts.clear()
        for name, value in vars(type(self)).items():
            if isinstance(value, cached_property) and isinstance(held := vars(self).pop(name, None), nn.Module):
                release(held)
        release_cache()
        self.plan = plan
        self.placer = Placer(self.device, plan)

    # ── FLUX.1 ───────────────────────────────────────────────────────────────────────────────────────────

    def transformer(self, base: Base) -> Any:
        """The base's transformer. Only one is in memory: another base is given up before this one is loaded."""
        if self._base is None or self._base[0] != base:
            self._give_up_base()
            self._base = base, self.placer.place("transformer", self._load_transformer(base))
        return self._base[1]

    def _give_up_base(self) -> None:
        if self._base is not None:
            release(self._base[1])
            self._base = None
            release_cache()

    def _load_transformer(self, base: Base) -> Any:
        form, half = self.plan.of("transformer").form, self.placer.half("transformer")
        if base != "dev":
            return load_transformer(self.base_folder(base) / "transformer", form, half)
        if form in self.files.gguf:
            return load_transformer(self.files.gguf[form], form, half)
        if self.files.transformer is None:
            raise ModelNotInstalled(f"{FULL} is not installed", model=FULL, command=f"mien models pull {FULL}")
        return load_transformer(self.files.transformer, form, half)

    def check(self, base: Base, decoder: Literal["full", "tiny"]) -> None:
        """Check that the weights of these options are installed; nothing is loaded.

        Raises:
            ModelNotInstalled, LicenceNotAccepted: they are not; `model` names the first.
            InvalidOptions: the memory plan has room for a GGUF file, and this base is published in full weights only.
        """
        self.base_folder(base)
        if base != "dev" and self.plan.of("transformer").form in GGUF.values():
            raise InvalidOptions(f"base: {base} comes in full weights, and memory is planned for a file", field="base")
        if decoder == "tiny":
            self.store.path(TINY_VAE)

    def base_folder(self, base: Base) -> Path:
        """Where a base's own files lie; text encoders and VAE are the same for every base."""
        return self.files.base if base == "dev" else self.store.path(OTHER_BASES[base])

    def vae(self, decoder: Literal["full", "tiny"]) -> Any:
        """FLUX.1's VAE, or TAEF1 for "tiny"; in tiles where the memory plan says so."""
        if decoder not in self._vaes:
            folder = self.files.base / "vae" if decoder == "full" else self.store.path(TINY_VAE)
            network = load_vae(folder, self.plan.of("vae").form)
            if self.plan.tiled:
                work_in_tiles(network)
            self._vaes[decoder] = self.placer.place("vae", network)
        return self._vaes[decoder]

    def text(self, base: Base) -> TextEncoders:
        """The text encoders with as many tokens as the base was trained with."""
        max_tokens = SCHNELL_TOKENS if base == "schnell" else DEV_TOKENS
        if max_tokens not in self._texts:
            self._texts[max_tokens] = TextEncoders(
                self.files.base,
                forms={name: self.plan.of(name).form for name in ("text_encoder", "text_encoder_2")},
                on_device=self._hold_on_device,
                max_tokens=max_tokens,
            )
        return self._texts[max_tokens]

    @contextmanager
    def _hold_on_device(self, name: str, module: Any) -> Generator[Any]:
        """A text encoder where the plan says, while the context is open; its caller gives it up afterwards."""
        placed = self.placer.place(name, module)
        try:
            with self.placer.on_device(name, placed) as there:
                yield there
        finally:
            release(placed)

    # ── identity ─────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def control_net(self) -> Any:
        """InstantID's identity net, InfuseNet."""
        config = config_of(self.files.control_net)
        network = load(
            lambda _: identity_net(config),
            shards_in(self.files.control_net),
            form=self.plan.of("control_net").form,
            half=self.placer.half("control_net"),
        )
        return self.placer.place("control_net", network)

    @cached_property
    def pulid_attentions(self) -> PulidAttentions:
        return self._load("pulid_attentions", PulidAttentions.from_shapes, self.files.pulid, "pulid_ca.")

    @cached_property
    def faceid(self) -> ArcAdapter | XlabsAdapter:
        if self.files.faceid_layout == "xlabs":
            return self._load("faceid", XlabsAdapter.from_shapes, self.files.faceid)
        return self._load("faceid", ArcAdapter.from_shapes, self.files.faceid)

    @cached_property
    def clip(self) -> Any:
        """CLIP's image tower, for XLabs' layout only."""
        if self.files.clip is None:
            raise ModelNotInstalled(
                f"{XLABS[1]} is not installed", model=XLABS[1], command=f"mien models pull {XLABS[1]}"
            )
        return load_clip(self.files.clip)

    @cached_property
    def id_former(self) -> IDFormer:
        return self._load("id_former", IDFormer.from_shapes, self.files.pulid, "pulid_encoder.")

    @cached_property
    def eva(self) -> EvaTower:
        return self._load("eva", EvaTower.from_shapes, self.files.eva, "visual.")

    @cached_property
    def parsing(self) -> BiSeNet:
        return self._load("parsing", BiSeNet.from_shapes, self.files.parsing)

    def parse_face(self, portrait: Pixels) -> ParsingMap:
        """(512, 512) int64: the `ParsingClass` of every pixel of a (512, 512, 3) uint8 RGB portrait."""
        return self.run("parsing", self.parsing, lambda network: parse_face(network, portrait))

    @cached_property
    def resampler(self) -> Resampler:
        return self._load("resampler", Resampler.from_shapes, self.files.resampler, "image_proj.")

    @cached_property
    def ir_se50(self) -> IrSe50:
        return self._load("ir_se50", IrSe50.from_shapes, self.files.ir_se50)

    @cached_property
    def arcface(self) -> ArcFaceRecogniser:
        return ArcFaceRecogniser(self.files.arcface)

    @property
    def recogniser_provider(self) -> str | None:
        """What runs the recogniser; None before it is loaded."""
        return self.arcface.network.provider if "arcface" in vars(self) else None

    @property
    def recogniser_failed(self) -> bool:
        """True when the recogniser's provider failed, and the processor ran it."""
        return "arcface" in vars(self) and self.arcface.network.failed is not None

    def run(self, name: str, network: Any, work: Callable[[Any], Network]) -> Network:
        """The result of `work` with the network on the device, without gradients."""
        with torch.no_grad(), self.placer.on_device(name, network) as placed:
            return work(placed)

    def to_device(self, value: Tensor, name: str) -> Tensor:
        """The tensor on the device, in the dtype that the named network computes in."""
        return value.to(self.device.torch, self._form(name))

    def id_tokens(self, embedding: Tensor, eva: Tensor, levels: list[Tensor]) -> pulid.IdTokens:
        """PuLID's tokens on the device.

        Args:
            embedding: (1, 512) ArcFace antelopev2; of n pictures (1, n, 512).
            eva: (1, 768) EVA embedding; of n pictures (1, n, 768).
            levels: five (1, n · 577, 1024) EVA hidden states.
        """
        return self.run(
            "id_former",
            self.id_former,
            lambda former: pulid.id_tokens(
                former,
                self.to_device(embedding, "id_former"),
                self.to_device(eva, "id_former"),
                [self.to_device(level, "id_former") for level in levels],
            ),
        )

    def prompt_to_device(self, prompt: Prompt) -> Prompt:
        """The prompt on the device, in the dtype that the transformer computes in."""
        return Prompt(self.to_device(prompt.tokens, "transformer"), self.to_device(prompt.pooled, "transformer"))

    def _form(self, name: str) -> torch.dtype:
        return compute_dtype(self.plan.of(name).form, self.placer.half(name))

    def _load(self, name: str, build: Callable[[Shapes], Built], path: Path, prefix: str = "") -> Built:
        form, half = self.plan.of(name).form, self.placer.half(name)
        network = load(build, path, prefix=prefix, ignored=foreign_to(name), form=form, half=half)
        settled: Built = self.placer.place(name, network)
        return settled
