"""Published weight files and the modules they belong to: names and shapes are checked before a value is read.

A module is built without memory (on torch's meta device) in the size its file says, its own names and shapes are
compared with the file's header, and only then are the values loaded.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from mien_core.errors import BrokenWeights
from mien_pipeline.device import compute_dtype
from mien_pipeline.engines.diffusion.casting import cast
from mien_pipeline.engines.diffusion.manifest import Shapes
from mien_pipeline.plan.component import NumberFormat

Built = TypeVar("Built", bound=nn.Module)

# How many names a message quotes before it counts the rest.
QUOTED = 5


def shapes_of(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes in a safetensors file, from its header alone.

    Raises:
        BrokenWeights: the file is cut short or is no safetensors file.
    """
    return {name: shape for name, (shape, _) in _header_of(path).items()}


def _header_of(path: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and number format, as "BF16", of every tensor."""
    try:
        with safe_open(path, "pt") as stored:
            slices = {name: stored.get_slice(name) for name in stored.keys()}  # noqa: SIM118
            return {name: (tuple(each.get_shape()), each.get_dtype()) for name, each in slices.items()}
    except (SafetensorError, OSError) as error:
        raise BrokenWeights(f"{path.name} cannot be read as a safetensors file", file=path.name) from error


def agree(file: str, found: Shapes, wanted: Shapes, ignored: Collection[str] = ()) -> None:
    """Check that `found` holds exactly the tensors of `wanted`.

    Args:
        file: its name, for the message.
        ignored: beginnings of names that may be in the file beside them.

    Raises:
        BrokenWeights: `missing`, `extra` and `misshapen` name every tensor that differs, `file` is the file.
    """
    missing = sorted(wanted.keys() - found.keys())
    extra = sorted(name for name in found.keys() - wanted.keys() if not name.startswith(tuple(ignored)))
    misshapen = sorted(name for name in wanted.keys() & found.keys() if tuple(wanted[name]) != tuple(found[name]))
    if not (missing or extra or misshapen):
        return
    said = [f"{what}: {_quote(names)}" for what, names in _differences(missing, extra, misshapen) if names]
    raise BrokenWeights(
        f"{file} does not hold the expected tensors; {'; '.join(said)}",
        file=file,
        missing=missing,
        extra=extra,
        misshapen=misshapen,
    )


def _differences(missing: list[str], extra: list[str], misshapen: list[str]) -> Iterator[tuple[str, list[str]]]:
    yield "missing", missing
    yield "not expected", extra
    yield "of another shape", misshapen


def _quote(names: list[str]) -> str:
    rest = len(names) - QUOTED
    return ", ".join(names[:QUOTED]) + (f" and {rest} more" if rest > 0 else "")


def load(
    build: Callable[[Shapes], Built],
    paths: Path | Sequence[Path],
    *,
    prefix: str = "",
    ignored: Collection[str] = (),
    form: NumberFormat | None = None,
    half: torch.dtype = torch.bfloat16,
) -> Built:
    """The network of one file or of several shards, in main memory, in evaluation mode and without gradients.

    Args:
        build: makes the module from the files' names (without `prefix`) and shapes; runs on the meta device.
        paths: one safetensors file, or its shards.
        prefix: what the files put before this module's names.
        ignored: beginnings of names that belong to other parts of the same files.
        form: that each value takes as it is read: float32, bfloat16 or float8; None keeps the files'.
        half: in bfloat16's place on a device that is slow in it.

    Raises:
        BrokenWeights: the files and the module do not have the same names and shapes, or floats in the same places.
    """
    shards = [paths] if isinstance(paths, Path) else list(paths)
    found, where, types = _headers(shards)
    file = shards[0].name if len(shards) == 1 else shards[0].parent.name
    module = build_empty(build, strip_prefix(found, prefix), file)
    tied = _tied_names(module)
    shapes = {f"{prefix}{name}": tuple(value.shape) for name, value in module.state_dict().items()}
    wanted = {name: shape for name, shape in shapes.items() if name[len(prefix) :] not in tied or name in found}
    agree(file, found, wanted, ignored)
    _check_floats(file, types, module, prefix)
    if form is not None:
        cast(module, form, half)
    forms = {name: value.dtype for name, value in module.state_dict().items()} if form is not None else {}
    # By way of what it computes in, as the libraries' own readers do it.
    way = None if form is None else compute_dtype(form, half)
    read = _read_values({name: where[name] for name in wanted}, way)
    state = {name[len(prefix) :]: _cast(value, forms.get(name[len(prefix) :])) for name, value in read}
    module.load_state_dict(state | {name: state[first] for name, first in tied.items()}, assign=True)
    for name, first in tied.items():
        owner, _, last = name.rpartition(".")
        setattr(module.get_submodule(owner), last, module.get_parameter(first))
    return module.eval().requires_grad_(False)


def build_empty(build: Callable[[Shapes], Built], shapes: Shapes, file: str) -> Built:
    """The module without memory; raises `BrokenWeights` where a name that says its size is missing."""
    try:
        with torch.device("meta"):
            return build(shapes)
    except (KeyError, IndexError, ZeroDivisionError, ValueError) as error:
        raise BrokenWeights(
            f"{file} lacks {error.args[0]}, which says the network's size", file=file, missing=[str(error.args[0])]
        ) from error


def _read_values(where: Mapping[str, Path], way: torch.dtype | None) -> Iterator[tuple[str, Tensor]]:
    """Each named value of its shard, floats as `way`; one shard is open at a time."""
    for shard in dict.fromkeys(where.values()):
        with safe_open(shard, "pt") as stored:
            for name in (name for name, its in where.items() if its == shard):
                yield name, _cast(stored.get_tensor(name), way)


def _tied_names(module: nn.Module) -> dict[str, str]:
    """Second names of parameters that have several, and the first name of each: files have them once."""
    first: dict[int, str] = {}
    every = module.named_parameters(remove_duplicate=False)
    return {name: first[id(value)] for name, value in every if first.setdefault(id(value), name) != name}


def _check_floats(file: str, types: Mapping[str, str], module: nn.Module, prefix: str) -> None:
    """Check that the file holds floats where the module does.

    Raises:
        BrokenWeights: `mistyped` names every tensor that is something else, `file` is the file.
    """
    floats = (f"{prefix}{name}" for name, value in module.state_dict().items() if value.is_floating_point())
    mistyped = sorted(name for name in floats if not types.get(name, "F").lstrip("B").startswith("F"))
    if mistyped:
        said = _quote([f"{name} ({types[name]})" for name in mistyped])
        raise BrokenWeights(f"{file} does not hold floating-point numbers in: {said}", file=file, mistyped=mistyped)


def _headers(shards: Sequence[Path]) -> tuple[dict[str, tuple[int, ...]], dict[str, Path], dict[str, str]]:
    """Names and shapes over all shards, which shard has which name, and the number format of each."""
    found: dict[str, tuple[int, ...]] = {}
    where: dict[str, Path] = {}
    types: dict[str, str] = {}
    for shard in shards:
        header = _header_of(shard)
        found |= {name: shape for name, (shape, _) in header.items()}
        where |= dict.fromkeys(header, shard)
        types |= {name: kind for name, (_, kind) in header.items()}
    return found, where, types


def config_of(folder: Path) -> dict[str, Any]:
    """The `config.json` of a diffusers folder.

    Raises:
        BrokenWeights: the file is missing or not JSON.
    """
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BrokenWeights(f"{folder.name}/config.json cannot be read", file=f"{folder.name}/config.json") from error
    return config


def shards_in(folder: Path) -> list[Path]:
    """The safetensors files of a diffusers or transformers folder.

    Raises:
        BrokenWeights: there is none.
    """
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        raise BrokenWeights(f"there is no safetensors file in {folder.name}", file=folder.name)
    return found


def shapes_in(folder: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes over every safetensors file of a folder."""
    return _headers(shards_in(folder))[0]


def _cast(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    return value.to(dtype) if dtype is not None and value.is_floating_point() else value


def strip_prefix(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    """The names that begin with `prefix`, without it, and their shapes."""
    return {name[len(prefix) :]: tuple(shape) for name, shape in shapes.items() if name.startswith(prefix)}


def depth(shapes: Shapes, name: str) -> int:
    """How many layers a file has: one more than the largest index that follows `name`.

    Raises:
        KeyError: no name begins with `name`.
    """
    indices = [int(key[len(name) :].split(".", 1)[0]) for key in shapes if key.startswith(name)]
    if not indices:
        raise KeyError(f"{name}*")
    return max(indices) + 1
