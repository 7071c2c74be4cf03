"""Published weight files and the modules they belong to: names and shapes are checked before a value is read.

A module is built without memory (on torch's meta device) in the size its file says, its own names and shapes are
compared with the file's header, and only then are the values loaded.
"""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from mien_pipeline.engines.flux.manifest import Shapes
from mien_pipeline.errors import BrokenWeights

Built = TypeVar("Built", bound=nn.Module)

# How many names a message quotes before it counts the rest.
QUOTED = 5


def shapes_of(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes in a safetensors file, from its header alone.

    Raises:
        BrokenWeights: the file is cut short or is no safetensors file.
    """
    try:
        with safe_open(path, "pt") as stored:
            return {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise BrokenWeights(f"{path.name} cannot be read as a safetensors file", file=path.name) from error


def agree(file: str, found: Shapes, wanted: Shapes, ignored: Collection[str] = ()) -> None:
    """Return in silence when `found` is exactly `wanted`, names that begin with one of `ignored` set aside.

    Raises:
        BrokenWeights: `missing`, `extra` and `misshapen` name every tensor that stands in the way.
    """
    missing = sorted(wanted.keys() - found.keys())
    extra = sorted(name for name in found.keys() - wanted.keys() if not name.startswith(tuple(ignored)))
    misshapen = sorted(name for name in wanted.keys() & found.keys() if tuple(wanted[name]) != tuple(found[name]))
    if not (missing or extra or misshapen):
        return
    said = [f"{what}: {_quoted(names)}" for what, names in _named(missing, extra, misshapen) if names]
    raise BrokenWeights(
        f"{file} does not hold the expected tensors; {'; '.join(said)}",
        file=file,
        missing=missing,
        extra=extra,
        misshapen=misshapen,
    )


def _named(missing: list[str], extra: list[str], misshapen: list[str]) -> Iterator[tuple[str, list[str]]]:
    yield "missing", missing
    yield "not expected", extra
    yield "of another shape", misshapen


def _quoted(names: list[str]) -> str:
    rest = len(names) - QUOTED
    return ", ".join(names[:QUOTED]) + (f" and {rest} more" if rest > 0 else "")


def load(
    build: Callable[[Shapes], Built],
    path: Path,
    *,
    prefix: str = "",
    ignored: Collection[str] = (),
    dtype: torch.dtype | None = None,
    device: str | torch.device = "cpu",
) -> Built:
    """The module of one file, in the size the file says, ready to run.

    Args:
        build: makes the module from the file's names (without `prefix`) and shapes; called on the meta device.
        path: a safetensors file.
        prefix: what the file puts before this module's names.
        ignored: beginnings of names that belong to other parts of the same file.
        dtype: of floating-point values; None keeps the file's.

    Raises:
        BrokenWeights: the file and the module do not have the same names and shapes.
    """
    found = shapes_of(path)
    try:
        with torch.device("meta"):
            module = build(below(found, prefix))
    except (KeyError, IndexError, ZeroDivisionError, ValueError) as error:
        raise BrokenWeights(
            f"{path.name} lacks {error.args[0]}, which says the network's size", file=path.name, missing=[str(error)]
        ) from error
    wanted = {f"{prefix}{name}": tuple(value.shape) for name, value in module.state_dict().items()}
    agree(path.name, found, wanted, ignored)
    with safe_open(path, "pt", device=str(device)) as stored:
        state = {name.removeprefix(prefix): _cast(stored.get_tensor(name), dtype) for name in wanted}
    module.load_state_dict(state, assign=True)
    return module.eval().requires_grad_(False)


def _cast(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    return value.to(dtype) if dtype is not None and value.is_floating_point() else value


def below(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    """The part of a file whose names begin with `prefix`, without it."""
    return {name[len(prefix) :]: tuple(shape) for name, shape in shapes.items() if name.startswith(prefix)}


def depth(shapes: Shapes, name: str) -> int:
    """How many layers a file has: one more than the largest index that follows `name`."""
    indices = [int(key[len(name) :].split(".", 1)[0]) for key in shapes if key.startswith(name)]
    if not indices:
        raise KeyError(f"{name}*")
    return max(indices) + 1
