"""What writes the files of the bundle: JSON, text, safetensors, pickles and sharded folders."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

Write = Callable[[Path], None]


def json_file(value: Any) -> Write:
    """Writes a value as JSON."""
    return text_file(json.dumps(value))


def text_file(content: str) -> Write:
    """Writes UTF-8 text."""

    def write(path: Path) -> None:
        path.write_text(content, encoding="utf-8")

    return write


def safetensors_file(state: Mapping[str, Tensor]) -> Write:
    """Writes named tensors as safetensors."""

    def write(path: Path) -> None:
        # The rotary table is one tensor under many names; a safetensors file has a copy for each.
        save_file({name: value.detach().clone().contiguous() for name, value in state.items()}, path)

    return write


def pickle_file(state: Mapping[str, Any]) -> Write:
    """Writes a state as a pickle, as torch does."""

    def write(path: Path) -> None:
        torch.save(dict(state), path)

    return write


def sharded_folder(folder: str, config: Mapping[str, Any], state: Mapping[str, Tensor], count: int) -> dict[str, Write]:
    """A diffusers folder: configuration, index and `count` shards."""
    shards = shard_files(folder, "diffusion_pytorch_model", state, count)
    return {f"{folder}/config.json": json_file(dict(config)), **shards}


def shard_files(folder: str, stem: str, state: Mapping[str, Tensor], count: int) -> dict[str, Write]:
    """The tensors in `count` files in the order of their names, and the index that says which file has which."""
    names = sorted(state)
    each = -(-len(names) // count)
    files = {
        f"{stem}-{number + 1:05d}-of-{count:05d}.safetensors": names[number * each : (number + 1) * each]
        for number in range(count)
    }
    index = {
        "metadata": {"total_size": sum(value.numel() * value.element_size() for value in state.values())},
        "weight_map": {name: file for file, inside in files.items() for name in inside},
    }
    return {
        **{
            f"{folder}/{file}": safetensors_file({name: state[name] for name in inside})
            for file, inside in files.items()
        },
        f"{folder}/{stem}.safetensors.index.json": json_file(index),
    }
