"""Every network of the stack: found in the model store, planned for, loaded when it is first needed, kept."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor

from mien_core.errors import InvalidOptions, LicenceNotAccepted, ModelNotInstalled, UnknownModel
from mien_models.store import ModelStore
from mien_pipeline.device import Device, Placer, compute_dtype, onnx_providers
from mien_pipeline.engines.diffusion.clip import load_clip
from mien_pipeline.engines.diffusion.eva import EvaTower
from mien_pipeline.engines.diffusion.irse import IrSe50
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.diffusion.parsing import TRAINING_HEADS, BiSeNet
from mien_pipeline.engines.diffusion.reference import Recogniser
from mien_pipeline.engines.diffusion.weights import Built, load, shapes_in, shapes_of, shards_in
from mien_pipeline.engines.flux import pulid
from mien_pipeline.engines.flux.components import components
from mien_pipeline.engines.flux.faceid import ArcAdapter, XlabsAdapter
from mien_pipeline.engines.flux.instantid import Resampler, identity_net
from mien_pipeline.engines.flux.pulid import IDFormer, PulidAttentions
from mien_pipeline.engines.flux.text import DEV_TOKENS, SCHNELL_TOKENS, Prompt, TextEncoders
from mien_pipeline.engines.flux.transformer import can_load, check_libraries, config_of, load_transformer, load_vae
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.fit import Machine, make_plan
from mien_pipeline.plan.placement import Plan
from mien_pipeline.report import ModelUse

Base = Literal["dev", "schnell", "fill"]
# One of these holds FLUX.1 [dev]'s transformer: full weights in a folder or in one file, or GGUF files of one number
# format each.
FULL, SINGLE = "flux-1-dev-transformer", "flux-1-dev-single"
FROM_FULL: tuple[NumberFormat, ...] = ("float32", "bfloat16", "float8", "int8", "nf4")
GGUF: dict[str, NumberFormat] = {"flux-1-dev-q8": "gguf-q8", "flux-1-dev-q4": "gguf-q4"}
MODELS = (
    "flux-1-dev-parts",
    "pulid-flux",
    "eva-clip",
    "infiniteyou",
    "withanyone",
    "antelopev2",
    "ir-se50",
    "face-parsing",
)
XLABS = ("xlabs-ip-adapter", "clip-vit-l14")
OTHER_BASES: dict[Base, str] = {"schnell": "flux-1-schnell", "fill": "flux-1-fill-dev"}
TINY_VAE = "taef1"

Network = TypeVar("Network")


@dataclass(frozen=True, slots=True)
class Files:
    """Where each network's weights lie.

    Attributes:
        transformer: full weights, a folder or one file; None where only GGUF files are installed.
        gguf: those files by their number format.
        base: text encoders, tokenizers and VAE.
        faceid_layout: which of two published adapters is installed.
    """

    transformer: Path | None
    gguf: Mapping[NumberFormat, Path]
    base: Path
    control_net: Path
    resampler: Path
    ir_se50: Path
    arcface: Path
    pulid: Path
    eva: Path
    parsing: Path
    faceid: Path
    faceid_layout: Literal["withanyone", "xlabs"]
    clip: Path | None = None


def find_files(store: ModelStore) -> Files:
    """Every file of the stack.

    Raises:
        ModelNotInstalled: `models` and `files` name all that is missing, `command` gets it.
        LicenceNotAccepted: `model` is the first whose terms must be accepted.
    """
    layout = _faceid_layout(store)
    gguf: dict[NumberFormat, Path] = {
        form: store.path(model) for model, form in GGUF.items() if _is_there(store, model)
    }
    full = _full_weights(store)
    _require(store, [*_wanted(layout), *([] if full or gguf else [FULL])])
    infiniteyou = store.path("infiniteyou")
    return Files(
        transformer=full,
        gguf=gguf,
        base=store.path("flux-1-dev-parts"),
        control_net=infiniteyou / "InfuseNetModel",
        resampler=infiniteyou / "image_proj_model.safetensors",
        ir_se50=store.path("ir-se50"),
        arcface=store.path("antelopev2", "glintr100.onnx"),
        pulid=store.path("pulid-flux"),
        eva=store.path("eva-clip"),
        parsing=store.path("face-parsing"),
        faceid=store.path("withanyone" if layout == "withanyone" else XLABS[0]),
        faceid_layout=layout,
        clip=store.path(XLABS[1]) if layout == "xlabs" else None,
    )


def _full_weights(store: ModelStore) -> Path | None:
    if _is_there(store, FULL):
        return store.path(FULL) / "transformer"
    return store.path(SINGLE) if _is_there(store, SINGLE) else None


def _wanted(layout: str) -> tuple[str, ...]:
    return MODELS if layout == "withanyone" else (*(name for name in MODELS if name != "withanyone"), *XLABS)


def _require(store: ModelStore, models: Sequence[str]) -> None:
    """All that is missing, in one refusal."""
    missing: dict[str, list[str]] = {}
    for model in models:
        try:
            store.path(model)
        except ModelNotInstalled as error:
            missing[model] = [f"{model}/{file}" for file in _named(error.fields.get("files"))]
    if missing:
        raise ModelNotInstalled(
            f"not installed: {', '.join(missing)}",
            model=next(iter(missing)),
            models=list(missing),
            files=[file for files in missing.values() for file in files],
            command=f"mien models pull {' '.join(missing)}",
        )


def _faceid_layout(store: ModelStore) -> Literal["withanyone", "xlabs"]:
    """WithAnyone, which is made for faces, unless XLabs' adapter is installed and it is not."""
    wanted = not _is_there(store, "withanyone") and all(_is_there(store, name) for name in XLABS)
    return "xlabs" if wanted else "withanyone"


def _is_there(store: ModelStore, model: str) -> bool:
    try:
        store.path(model)
    except (ModelNotInstalled, LicenceNotAccepted, UnknownModel):
        return False
    return True


def _named(files: object) -> list[str]:
    return [str(file) for file in files] if isinstance(files, list | tuple) else []


def plan_for(files: Files, device: Device, side: int) -> Plan:
    """The memory plan of the files at hand, from their headers alone.

    Raises:
        NotEnoughMemory: with the smallest plan there is, and what would fit.
        EngineUnavailable: as `forms_at_hand` says.
    """
    # One file, safetensors or GGUF, is FLUX.1 [dev]'s at published size under its makers' own names.
    folder = files.transformer if files.transformer and files.transformer.is_dir() else None
    transformer = shapes_in(folder) if folder else manifest("flux1-dev.transformer")
    shapes: Mapping[str, Shapes] = {
        "transformer": transformer,
        "control_net": shapes_in(files.control_net),
        "pulid_attentions": shapes_of(files.pulid),
        "faceid": shapes_of(files.faceid),
        "text_encoder_2": shapes_in(files.base / "text_encoder_2"),
        "text_encoder": shapes_in(files.base / "text_encoder"),
        "vae": shapes_in(files.base / "vae"),
        "id_former": shapes_of(files.pulid),
        "eva": shapes_of(files.eva),
        "parsing": shapes_of(files.parsing),
        "resampler": shapes_of(files.resampler),
        "ir_se50": shapes_of(files.ir_se50),
    }
    width = transformer["x_embedder.weight"][0]
    machine = Machine(device.kind, device.total_bytes, width, forms_at_hand(files))
    return make_plan(components(shapes), machine, side)


def forms_at_hand(files: Files) -> frozenset[NumberFormat]:
    """What the transformer can be loaded as: full weights become any form that is no file of its own.

    Raises:
        EngineUnavailable: the only files there are need a library that is not installed.
    """
    forms: list[NumberFormat] = [*files.gguf, *(FROM_FULL if files.transformer else ())]
    usable: frozenset[NumberFormat] = frozenset(form for form in forms if can_load(form))
    if not usable:
        check_libraries(forms[0])
    return usable


class Stack:
    """The networks, each loaded on first use and placed as the plan says."""

    def __init__(self, store: ModelStore, files: Files, device: Device, plan: Plan) -> None:
        self.store = store
        self.files = files
        self.device = device
        self.plan = plan
        self.placer = Placer(device, plan)
        self.dtype = compute_dtype(plan.of("transformer").form)
        self._base: tuple[Base, Any] | None = None
        self._vaes: dict[str, Any] = {}
        self._texts: dict[int, TextEncoders] = {}

    # ── FLUX.1 ───────────────────────────────────────────────────────────────────────────────────────────

    def transformer(self, base: Base) -> Any:
        """One base at a time: the other is dropped before this one is loaded."""
        if self._base is None or self._base[0] != base:
            self._base = None
            self._base = base, self.placer.settle("transformer", self._load_transformer(base))
        return self._base[1]

    def _load_transformer(self, base: Base) -> Any:
        form = self.plan.of("transformer").form
        if base != "dev":
            return load_transformer(self.base_folder(base) / "transformer", form)
        if form in self.files.gguf:
            return load_transformer(self.files.gguf[form], form)
        if self.files.transformer is None:
            raise ModelNotInstalled(f"{FULL} is not installed", model=FULL, command=f"mien models pull {FULL}")
        return load_transformer(self.files.transformer, form)

    def check(self, base: Base, decoder: Literal["full", "tiny"]) -> None:
        """Return in silence when what these options take is there; nothing is loaded for it.

        Raises:
            ModelNotInstalled, LicenceNotAccepted: it is not.
            InvalidOptions: the memory plan has room for a GGUF file, and this base comes in full weights alone.
        """
        self.base_folder(base)
        if base != "dev" and self.plan.of("transformer").form in GGUF.values():
            raise InvalidOptions(f"base: {base} comes in full weights, and memory is planned for a file", field="base")
        if decoder == "tiny":
            self.store.path(TINY_VAE)

    def base_folder(self, base: Base) -> Path:
        """Where a base's own files lie; text encoders and VAE are the same for all of them."""
        return self.files.base if base == "dev" else self.store.path(OTHER_BASES[base])

    def vae(self, decoder: Literal["full", "tiny"]) -> Any:
        if decoder not in self._vaes:
            folder = self.files.base / "vae" if decoder == "full" else self.store.path(TINY_VAE)
            network = load_vae(folder, self.plan.of("vae").form)
            if self.plan.tiled:
                network.enable_tiling()  # type: ignore[no-untyped-call]  # diffusers' own
            self._vaes[decoder] = self.placer.settle("vae", network)
        return self._vaes[decoder]

    def text(self, base: Base) -> TextEncoders:
        max_tokens = SCHNELL_TOKENS if base == "schnell" else DEV_TOKENS
        if max_tokens not in self._texts:
            self._texts[max_tokens] = TextEncoders(
                self.files.base, dtype=self.dtype, placed=self._placed_for_a_moment, max_tokens=max_tokens
            )
        return self._texts[max_tokens]

    def _placed_for_a_moment(self, name: str, module: Any) -> AbstractContextManager[Any]:
        return self.placer.placed(name, self.placer.settle(name, module))

    # ── identity ─────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def control_net(self) -> Any:
        config = config_of(self.files.control_net)
        network = load(
            lambda _: identity_net(config), shards_in(self.files.control_net), dtype=self._form("control_net")
        )
        return self.placer.settle("control_net", network)

    @cached_property
    def pulid_attentions(self) -> PulidAttentions:
        return self._load(
            "pulid_attentions", PulidAttentions.shaped, self.files.pulid, "pulid_ca.", ("pulid_encoder.",)
        )

    @cached_property
    def faceid(self) -> ArcAdapter | XlabsAdapter:
        if self.files.faceid_layout == "xlabs":
            return self._load("faceid", XlabsAdapter.shaped, self.files.faceid)
        # The published file carries WithAnyone's SigLIP branch as well.
        others = ("ipa_sig.", "arcface_in_sig.", "siglip_in_sig.")
        return self._load("faceid", ArcAdapter.shaped, self.files.faceid, "", others)

    @cached_property
    def clip(self) -> Any:
        """For XLabs' layout alone."""
        if self.files.clip is None:
            raise ModelNotInstalled(
                f"{XLABS[1]} is not installed", model=XLABS[1], command=f"mien models pull {XLABS[1]}"
            )
        return load_clip(self.files.clip)

    @cached_property
    def id_former(self) -> IDFormer:
        return self._load("id_former", IDFormer.shaped, self.files.pulid, "pulid_encoder.", ("pulid_ca.",))

    @cached_property
    def eva(self) -> EvaTower:
        return self._load("eva", EvaTower.shaped, self.files.eva, "visual.", ("text.", "logit_scale"))

    @cached_property
    def parsing(self) -> BiSeNet:
        return self._load("parsing", BiSeNet.shaped, self.files.parsing, "", TRAINING_HEADS)

    @cached_property
    def resampler(self) -> Resampler:
        return self._load("resampler", Resampler.shaped, self.files.resampler, "image_proj.")

    @cached_property
    def ir_se50(self) -> IrSe50:
        return self._load("ir_se50", IrSe50.shaped, self.files.ir_se50)

    @cached_property
    def arcface(self) -> Recogniser:
        return Recogniser(self.files.arcface, onnx_providers(self.device))

    def run(self, name: str, network: Any, work: Callable[[Any], Network]) -> Network:
        """`work` with the network on the device, without gradients."""
        with torch.no_grad(), self.placer.placed(name, network) as placed:
            return work(placed)

    def there(self, value: Tensor, name: str) -> Tensor:
        """A tensor on the device, in what the network computes in."""
        return value.to(self.device.torch, self._form(name))

    def id_tokens(self, embedding: Tensor, eva: Tensor, levels: list[Tensor]) -> pulid.IdTokens:
        """PuLID's tokens, ready for the transformer."""
        return self.run(
            "id_former",
            self.id_former,
            lambda former: pulid.id_tokens(
                former,
                self.there(embedding, "id_former"),
                self.there(eva, "id_former"),
                [self.there(level, "id_former") for level in levels],
            ),
        )

    def prompt_there(self, prompt: Prompt) -> Prompt:
        """A prompt on the device, in what the transformer computes in."""
        return Prompt(self.there(prompt.tokens, "transformer"), self.there(prompt.pooled, "transformer"))

    def _form(self, name: str) -> torch.dtype:
        return compute_dtype(self.plan.of(name).form)

    def _load(
        self,
        name: str,
        build: Callable[[Shapes], Built],
        path: Path,
        prefix: str = "",
        ignored: tuple[str, ...] = (),
    ) -> Built:
        network = load(build, path, prefix=prefix, ignored=ignored, dtype=self._form(name))
        settled: Built = self.placer.settle(name, network)
        return settled


def models_used(store: ModelStore, files: Files) -> tuple[ModelUse, ...]:
    """Every weight file that takes part, with its digest."""
    full = SINGLE if files.transformer and files.transformer.is_file() else FULL
    transformer = [full] if files.transformer else [model for model, form in GGUF.items() if form in files.gguf]
    return tuple(
        ModelUse(f"{name}/{file.installed_as}", file.sha256)
        for name in (*transformer, *_wanted(files.faceid_layout))
        for file in store.catalogue.model(name).files
        if file.sha256
    )
