"""Turns a pickled state dict into safetensors; run as a child process that has no network.

`python -m mien_pipeline.egress mien_pipeline.models.convert PICKLE SAFETENSORS`

Loading is `weights_only`: torch builds tensors and plain containers and refuses everything else.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

NOT_LOADABLE, NO_TORCH = 3, 4


def main(arguments: list[str]) -> int:
    source, target = map(Path, arguments)
    try:
        import torch
        from safetensors.torch import save_file
    except ImportError as error:
        sys.stderr.write(str(error))
        return NO_TORCH
    from pickle import UnpicklingError

    try:
        loaded = torch.load(source, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        sys.stderr.write(str(error).splitlines()[0])
        return NOT_LOADABLE
    tensors = {
        name: value.detach().clone().contiguous() for name, value in _flat(loaded) if isinstance(value, torch.Tensor)
    }
    if not tensors:
        sys.stderr.write("there is no tensor in it")
        return NOT_LOADABLE
    save_file(tensors, target)
    return 0


def _flat(value: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Nested dicts as dotted names: `{"image_proj": {"w": t}}` becomes `image_proj.w`."""
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[object, object]", value).items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
