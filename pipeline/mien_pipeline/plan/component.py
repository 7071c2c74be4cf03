"""One network's size, from the names and shapes of its tensors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

NumberFormat = Literal["float32", "bfloat16", "float8", "int8", "nf4", "gguf-q8", "gguf-q4"]
Phase = Literal["identity", "text", "picture", "sampling"]
PHASES: tuple[Phase, ...] = ("identity", "text", "picture", "sampling")

# Bytes of one parameter of a matrix. Block formats keep a scale for every block: NF4 four bytes for 64 values
# (32 + 4) / 64, GGUF's Q4_0 two for 32 (16 + 2) / 32, Q8_0 two for 32 (32 + 2) / 32. Norms and biases stay in bfloat16
# in every format but float32.
BYTES: dict[NumberFormat, float] = {
    "float32": 4.0,
    "bfloat16": 2.0,
    "float8": 1.0,
    "int8": 1.0,
    "nf4": 0.5625,
    "gguf-q8": 1.0625,
    "gguf-q4": 0.5625,
}


@dataclass(frozen=True, slots=True)
class Component:
    """One network, by its size.

    Attributes:
        name: as the engine calls it.
        phase: when it works.
        wide, narrow: how many parameters are in matrices, and in vectors.
        window: parameters that streaming keeps on the accelerator: all outside the blocks, and the two largest blocks.
        part: the identity method that it belongs to, or "".
    """

    name: str
    phase: Phase
    wide: int
    narrow: int
    window: int
    part: str = ""

    def bytes_as(self, form: NumberFormat) -> int:
        """Bytes of the whole network with its matrices in `form`."""
        vectors = 4.0 if form == "float32" else 2.0
        return int(self.wide * BYTES[form] + self.narrow * vectors)

    def window_as(self, form: NumberFormat) -> int:
        """Bytes on the accelerator while the network is streamed in `form`; never more than the whole of it."""
        return min(int(self.window * BYTES[form]), self.bytes_as(form))


def component(
    name: str, phase: Phase, shapes: Mapping[str, tuple[int, ...]], part: str = "", leaves: bool = False
) -> Component:
    """A component from the names and shapes of its tensors.

    Args:
        shapes: of every tensor, by its name; blocks are known by a number in the name, as in `blocks.3.`.
        leaves: streamed one tensor at a time instead of one block at a time.
    """
    wide = {key: prod(shape) for key, shape in shapes.items() if len(shape) > 1}
    groups: dict[str, int] = {}
    outside = 0
    for key, size in wide.items():
        block = None if leaves else re.match(r"(.*?\.\d+)\.", key)
        if leaves:
            groups[key] = size
        elif block is None:
            outside += size
        else:
            groups[block[1]] = groups.get(block[1], 0) + size
    narrow = sum(prod(shape) for shape in shapes.values()) - sum(wide.values())
    window = outside + sum(sorted(groups.values())[-2:])
    return Component(name, phase, sum(wide.values()), narrow, window, part)
