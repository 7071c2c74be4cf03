"""Turns a pickled state dict into safetensors, in a child process in a cage.

The program `convert` of `mien_core.program`, called with the pickle and the file to write.

Loading is `weights_only`: torch builds tensors and plain containers and refuses everything else.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

from mien_core.cage import walls
from mien_core.cage.walls import Cage
from mien_core.errors import BrokenWeights, EngineUnavailable
from mien_core.program import command_for, windowless

_NOT_LOADABLE, _NO_TORCH = 3, 4
_POLL_S = 0.2


def convert(pickle: Path, target: Path, name: str, tick: Callable[[], None]) -> None:
    """Write what is in `pickle` to `target`, calling `tick` now and then; what it raises ends this.

    Raises:
        BrokenWeights: it holds something else than tensors, or none.
        EngineUnavailable: there is no torch here.
    """
    command = [*command_for("convert"), str(pickle), str(target)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **windowless()
    ) as child:
        try:
            said = _said(child, tick)
        finally:
            child.kill()
    if child.returncode == _NO_TORCH:
        raise EngineUnavailable(f"{name} is a pickle and needs torch to be converted", needs="torch")
    if child.returncode != 0:
        reason = said.strip().splitlines()[-1] if said.strip() else f"exit status {child.returncode}"
        raise BrokenWeights(f"{name} cannot be converted: {reason}", file=name, reason=reason)


def _said(child: subprocess.Popen[str], tick: Callable[[], None]) -> str:
    while True:
        try:
            return child.communicate(timeout=_POLL_S)[1]
        except subprocess.TimeoutExpired:
            tick()


def main() -> int:
    source, target = (Path(word).absolute() for word in sys.argv[1:])
    walls.close(Cage(readable=[source], writable=[target.parent], memory_bytes=walls.most_memory_bytes()))
    try:
        import torch
        from safetensors.torch import save_file
    except ImportError as error:
        sys.stderr.write(str(error))
        return _NO_TORCH
    from pickle import UnpicklingError

    try:
        loaded = torch.load(source, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        sys.stderr.write(str(error).splitlines()[0])
        return _NOT_LOADABLE
    tensors = {
        name: value.detach().clone().contiguous() for name, value in _flat(loaded) if isinstance(value, torch.Tensor)
    }
    if not tensors:
        sys.stderr.write("there is no tensor in it")
        return _NOT_LOADABLE
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
    sys.exit(main())
