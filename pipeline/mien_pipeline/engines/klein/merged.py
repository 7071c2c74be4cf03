"""The transformer with the LoRA merged into it, kept in the model store: to merge takes longer than to read."""

import json
import logging
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import torch
from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel
from safetensors import SafetensorError, safe_open

from mien_core.errors import BrokenWeights, DiskFull, StoreNotWritable
from mien_models.local.derived import Recipe
from mien_models.store import ModelStore
from mien_pipeline.device import compute_dtype
from mien_pipeline.engines.diffusion.weights import load
from mien_pipeline.engines.klein.files import KleinFiles, installed_lora, transformer_of
from mien_pipeline.engines.klein.options import KleinOptions
from mien_pipeline.plan.component import NumberFormat

log = logging.getLogger(__name__)

# Of other scales none is kept: each would be as large as the transformer.
KEPT_SCALE = KleinOptions().lora_scale
NAME = "flux-2-klein-4b-merged"
# A change of how a LoRA is merged changes this.
_VERSION = 1
# What safetensors calls them.
_TYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}


class MergedFile:
    """Where the merged transformer of the installed full weights lies, or will."""

    def __init__(self, store: ModelStore, files: KleinFiles, form: NumberFormat, half: torch.dtype) -> None:
        """
        Args:
            files: with full weights.
            form, half: what its values are kept in, and read as.
        """
        self._derived = store.folder.derived
        self._form: NumberFormat = form
        self._half = half
        parents = {
            model.name: [str(file.sha256) for file in model.files]
            for model in store.states([transformer_of(files, form), installed_lora(store)])
        }
        settings = f"{KEPT_SCALE} {compute_dtype(form, half)} {_VERSION}"
        self._recipe = Recipe(NAME, parents, settings)

    def open(self, make: Callable[[], Flux2Transformer2DModel]) -> Flux2Transformer2DModel:
        """The kept transformer in main memory; where there is none that can be read, that of `make`, kept from now on.

        Where there is no room to keep it, or the disk fails, the log says so, and it is merged again next time.
        """
        if path := self._derived.find(self._recipe):
            try:
                return self._read(path)
            except BrokenWeights:
                log.warning("the merged transformer cannot be read, and is made again", exc_info=True)
                self._derived.discard_of(next(iter(self._recipe.parents)))
        made = make()
        size = sum(value.numel() * value.element_size() for value in made.state_dict().values())
        try:
            self._derived.keep(self._recipe, size, lambda beside: write(beside, made))
        except (DiskFull, StoreNotWritable, OSError):  # an error of a disk that has no name of ours, too
            log.warning("the merged transformer is not kept", exc_info=True)
        return made

    def _read(self, path: Path) -> Flux2Transformer2DModel:
        kind: Any = Flux2Transformer2DModel
        config = _config_of(path)
        built: Flux2Transformer2DModel = load(
            lambda _: kind.from_config(config), path, form=self._form, half=self._half
        )
        return built


def write(path: Path, network: Flux2Transformer2DModel) -> None:
    """A safetensors file with the network's configuration in it; one tensor at a time, none of them copied."""
    state = network.state_dict()
    header: dict[str, object] = {"__metadata__": {"config": json.dumps(dict(network.config))}}
    end = 0
    for name, value in state.items():
        begin, end = end, end + prod(value.shape) * value.element_size()
        header[name] = {"dtype": _TYPES[value.dtype], "shape": list(value.shape), "data_offsets": [begin, end]}
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 8)
    with path.open("xb") as file:
        file.write(len(words).to_bytes(8, "little") + words)
        for value in state.values():
            # By way of `file`: `ndarray.tofile` says only that bytes are missing, and not why.
            file.write(memoryview(value.contiguous().view(-1).view(torch.uint8).numpy()))


def _config_of(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, "pt") as stored:
            config: dict[str, Any] = json.loads(stored.metadata()["config"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise BrokenWeights(f"{path.name} cannot be read", file=path.name) from error
    return config
