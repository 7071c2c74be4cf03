"""Where the weights of FLUX.2 [klein] lie: found in the model store, or refused with all that is missing. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.forms import usable_forms
from mien_pipeline.engines.diffusion.installed import is_available, place_of, require_installed
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.report import ModelUse

# One of these holds the transformer: full weights in a folder or in one file, or a file of one number format.
FULL, SINGLE = "flux-2-klein-4b-transformer", "flux-2-klein-4b-single"
FLOAT8 = "flux-2-klein-4b-fp8"
GGUF: dict[str, NumberFormat] = {"flux-2-klein-4b-q8": "gguf-q8", "flux-2-klein-4b-q4": "gguf-q4"}
PACKED: dict[str, NumberFormat] = {FLOAT8: "float8", **GGUF}
TRANSFORMERS = frozenset({FULL, SINGLE, *PACKED})
TEXT, VAE = "flux-2-klein-4b-text", "flux-2-klein-4b-vae"
# The later version first. One must be installed: the engine is loaded before a person may ask for a scale of 0.
LORAS = ("bfs-head-klein-4b", "bfs-head-klein-4b-v1")


@dataclass(frozen=True, slots=True)
class KleinFiles:
    """Where each network's weights lie.

    Attributes:
        transformer: full weights, a folder or the makers' one file; None where only packed files are installed.
        packed: files of one number format each.
        text: a folder with `text_encoder` and `tokenizer`.
        vae: a folder with `vae`.
        lora: the head-swap LoRA.
    """

    transformer: Path | None
    packed: Mapping[NumberFormat, Path]
    text: Path
    vae: Path
    lora: Path


def check(store: ModelStore) -> None:
    """Check that the weights are installed, before torch is imported; raises as `find_files`."""
    find_files(store)


def find_files(store: ModelStore) -> KleinFiles:
    """Every file of the engine.

    Raises:
        ModelNotInstalled: `models` and `files` name all that is missing, `command` installs it.
        LicenceNotAccepted: `model` is the first whose terms must be accepted.
    """
    found = locate(store)
    transformer = [] if found.transformer or found.packed else [FULL]
    require_installed(store, [*transformer, TEXT, VAE, installed_lora(store)])
    return found


def locate(store: ModelStore) -> KleinFiles:
    """Where every file is, or would be if it were installed. Transformers are those that are installed."""
    return KleinFiles(
        transformer=_full_weights(store),
        packed={form: store.path(model) for model, form in PACKED.items() if is_available(store, model)},
        text=place_of(store, TEXT),
        vae=place_of(store, VAE),
        lora=place_of(store, installed_lora(store)),
    )


def installed_lora(store: ModelStore) -> str:
    """The LoRA's model: the later version, unless only the first is installed."""
    return LORAS[1] if is_available(store, LORAS[1]) and not is_available(store, LORAS[0]) else LORAS[0]


def forms_of(files: KleinFiles) -> frozenset[NumberFormat]:
    """The number formats that these files can be loaded in with the libraries that are installed.

    Raises:
        EngineUnavailable: every one needs a library that is not installed; `libraries` names one.
    """
    return usable_forms(files.transformer is not None, list(files.packed), "klein")


def transformer_of(files: KleinFiles, form: NumberFormat) -> str:
    """The model that a transformer of this form is read from; float8 is made of full weights where they are there."""
    if files.transformer and form not in GGUF.values():
        return SINGLE if files.transformer.is_file() else FULL
    return next(model for model, packed in PACKED.items() if packed == form)


def models_used(store: ModelStore, files: KleinFiles) -> tuple[ModelUse, ...]:
    """Every weight file that the engine may use, with its digest; configurations and vocabularies are left out.

    Every transformer that is installed is among them: see `transformer_of`.
    """
    forms: list[NumberFormat] = [*(("bfloat16",) if files.transformer else ()), *files.packed]
    transformers = dict.fromkeys(transformer_of(files, form) for form in forms)
    return tuple(
        ModelUse(f"{model.name}/{file.name}", file.sha256, file.state == "ready")
        for model in store.states([*transformers, TEXT, VAE, installed_lora(store)])
        for file in model.files
        if file.sha256 and file.format != "text"
    )


def _full_weights(store: ModelStore) -> Path | None:
    if is_available(store, FULL):
        return store.path(FULL) / "transformer"
    return store.path(SINGLE) if is_available(store, SINGLE) else None
