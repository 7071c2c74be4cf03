"""FLUX.2 [klein]'s own networks in the form the memory plan asks for: transformer and VAE."""

from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_flux2 import AutoencoderKLFlux2
from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel

from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.float8 import pack_linears
from mien_pipeline.engines.diffusion.weights import config_of, load, shards_in
from mien_pipeline.engines.klein.components import is_outside_blocks
from mien_pipeline.engines.klein.files import GGUF, KleinFiles
from mien_pipeline.engines.klein.lora import merge
from mien_pipeline.engines.klein.merged import KEPT_SCALE, MergedFile
from mien_pipeline.engines.klein.single_file import load_single_file
from mien_pipeline.plan.component import NumberFormat


def load_transformer(
    files: KleinFiles,
    form: NumberFormat,
    half: torch.dtype,
    lora_scale: float,
    store: ModelStore | None = None,
) -> Flux2Transformer2DModel:
    """The transformer in main memory, with the LoRA merged into it before its values are rounded to fewer bits.

    Args:
        files: float8 is made of full weights where they are there.
        half: what it computes in where `form` has 16 bits or less.
        lora_scale: how strongly the LoRA acts; 0 merges none.
        store: keeps full weights with the LoRA merged at its usual scale; None merges anew.

    Raises:
        BrokenWeights: the files do not hold this network, or the LoRA belongs to another.
    """
    if files.transformer is None or form in GGUF.values():
        # A LoRA stays beside values that a file has packed.
        return _with_lora(load_single_file(files.packed[form], form, half), files, half, lora_scale)
    whole: NumberFormat = "bfloat16" if form == "float8" else form
    full = files.transformer

    def make() -> Flux2Transformer2DModel:
        found = load_single_file(full, whole, half) if full.is_file() else _load_folder(full, whole, half)
        return _with_lora(found, files, half, lora_scale)

    if store is not None and lora_scale == KEPT_SCALE:
        found = MergedFile(store, files, whole, half).open(make)
    else:
        found = make()
    if form == "float8":
        pack_linears(found, is_outside_blocks)
    return found


def _with_lora(
    network: Flux2Transformer2DModel, files: KleinFiles, half: torch.dtype, lora_scale: float
) -> Flux2Transformer2DModel:
    if lora_scale:
        merge(network, files.lora, lora_scale, half)
    return network


def _load_folder(folder: Path, form: NumberFormat, half: torch.dtype) -> Flux2Transformer2DModel:
    kind: Any = Flux2Transformer2DModel
    config = config_of(folder)
    built: Flux2Transformer2DModel = load(lambda _: kind.from_config(config), shards_in(folder), form=form, half=half)
    return built


def load_vae(folder: Path, form: NumberFormat) -> AutoencoderKLFlux2:
    """FLUX.2's VAE. It is never cut into tiles: tiles of 512 pixels shift colours, and 1024 is the most there is."""
    kind: Any = AutoencoderKLFlux2
    config = config_of(folder)
    built: AutoencoderKLFlux2 = load(lambda _: kind.from_config(config), shards_in(folder), form=form)
    return built
