"""Names and shapes of the published weight files, without torch.

The memory plan sums them, and the tests build every network at published size against them.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files

Shapes = Mapping[str, tuple[int, ...]]


def manifest(name: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of one published file, as `manifests/{name}.txt` lists them.

    A line is a name and its sizes, as `3072x64` ("-" for a single number). `[0-18]` in a name means every index of
    the range, `[0,2-4]` the indices 0, 2, 3 and 4.
    """
    text = files("mien_pipeline.engines.diffusion").joinpath("manifests", f"{name}.txt").read_text(encoding="utf-8")
    return dict(entry for line in text.splitlines() for entry in _expand(line))


def _expand(line: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    name, sizes = line.rsplit(" ", 1)
    shape = () if sizes == "-" else tuple(int(size) for size in sizes.split("x"))
    ranges = re.search(r"\[([\d,-]+)\]", name)
    if ranges is None:
        yield name, shape
        return
    for part in ranges[1].split(","):
        first, _, last = part.partition("-")
        for index in range(int(first), int(last or first) + 1):
            yield f"{name[: ranges.start()]}{index}{name[ranges.end() :]}", shape
