"""Where the weights of the stack lie: found in the model store, or refused with all that is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.installed import is_available, place_of, require_installed
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.report import ModelUse

Base = Literal["dev", "schnell", "fill"]
# One of these holds FLUX.1 [dev]'s transformer: full weights in a folder or in one file, or GGUF files of one number
# format each.
FULL, SINGLE = "flux-1-dev-transformer", "flux-1-dev-single"
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
# Files of those models that another part of a swap reads, and reports where it did.
READ_BY_OTHERS = ("antelopev2/scrfd_10g_bnkps.onnx",)


@dataclass(frozen=True, slots=True)
class FluxFiles:
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


def find_files(store: ModelStore) -> FluxFiles:
    """Every file of the stack.

    Raises:
        ModelNotInstalled: `models` and `files` name all that is missing, `command` installs it.
        LicenceNotAccepted: `model` is the first whose terms must be accepted.
    """
    found = locate(store)
    require_installed(store, [*_models_for(found.faceid_layout), *([] if found.transformer or found.gguf else [FULL])])
    return found


def locate(store: ModelStore) -> FluxFiles:
    """Where every file is, or would be if it were installed. Transformers are those that are installed."""
    layout = _faceid_layout(store)
    gguf: dict[NumberFormat, Path] = {
        form: store.path(model) for model, form in GGUF.items() if is_available(store, model)
    }
    infiniteyou = place_of(store, "infiniteyou")
    return FluxFiles(
        transformer=_full_weights(store),
        gguf=gguf,
        base=place_of(store, "flux-1-dev-parts"),
        control_net=infiniteyou / "InfuseNetModel",
        resampler=infiniteyou / "image_proj_model.safetensors",
        ir_se50=place_of(store, "ir-se50"),
        arcface=place_of(store, "antelopev2", "glintr100.onnx"),
        pulid=place_of(store, "pulid-flux"),
        eva=place_of(store, "eva-clip"),
        parsing=place_of(store, "face-parsing"),
        faceid=place_of(store, "withanyone" if layout == "withanyone" else XLABS[0]),
        faceid_layout=layout,
        clip=place_of(store, XLABS[1]) if layout == "xlabs" else None,
    )


def _full_weights(store: ModelStore) -> Path | None:
    if is_available(store, FULL):
        return store.path(FULL) / "transformer"
    return store.path(SINGLE) if is_available(store, SINGLE) else None


def _models_for(layout: str) -> tuple[str, ...]:
    return MODELS if layout == "withanyone" else (*(name for name in MODELS if name != "withanyone"), *XLABS)


def _faceid_layout(store: ModelStore) -> Literal["withanyone", "xlabs"]:
    """WithAnyone, which was made for faces, unless only XLabs' adapter is installed."""
    wanted = not is_available(store, "withanyone") and all(is_available(store, name) for name in XLABS)
    return "xlabs" if wanted else "withanyone"


def models_used(store: ModelStore, files: FluxFiles) -> tuple[ModelUse, ...]:
    """Every weight file that the engine uses, with its digest; configurations and vocabularies are left out."""
    full = SINGLE if files.transformer and files.transformer.is_file() else FULL
    transformer = [full] if files.transformer else [model for model, form in GGUF.items() if form in files.gguf]
    return tuple(
        ModelUse(f"{model.name}/{file.name}", file.sha256, file.state == "ready")
        for model in store.states([*transformer, *_models_for(files.faceid_layout)])
        for file in model.files
        if file.sha256 and file.format != "text" and f"{model.name}/{file.name}" not in READ_BY_OTHERS
    )
