"""One network's size, from the names and shapes of its tensors."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

NumberFormat = Literal["float32", "bfloat16", "float8", "int8", "nf4", "gguf-q8", "gguf-q4"]
Phase = Literal["identity", "text", "picture", "sampling"]
PHASES: tuple[Phase, ...] = ("identity", "text", "picture", "sampling")

# Layers that float8 leaves in bfloat16, by patterns of their modules' names: small ones that every token passes, and
# T5's `wo`, because transformers gives the dtype of its weight to the activations before a hook can make bfloat16 of it
# (`T5DenseGatedActDense.forward`, modeling_t5.py).
KEPT_IN_FULL = (r"(^|_)x_embedder$", r"^time_text_embed\.", r"^norm_out\.", r"^proj_out$", r"\.wo$")

# Bytes of one parameter of a matrix. Block formats keep a scale for every block: NF4 four bytes for 64 values
# (32 + 4) / 64, GGUF's Q4_0 two for 32 (16 + 2) / 32, Q8_0 two for 32 (32 + 2) / 32. Norms and biases are counted in
# bfloat16 in every format but float32.
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
        kept, window_kept: those of `wide` and of `window` that float8 leaves in bfloat16.
        largest: parameters of the largest matrix that float8 holds: it is made bfloat16 while it computes.
        matrices: parameters of each matrix, and whether float8 leaves it in bfloat16.
        exact: it is float32 in every plan.
    """

    name: str
    phase: Phase
    wide: int
    narrow: int
    window: int
    part: str = ""
    kept: int = 0
    window_kept: int = 0
    largest: int = 0
    matrices: tuple[tuple[int, bool], ...] = ()
    exact: bool = False

    def bytes_as(self, form: NumberFormat) -> int:
        """Bytes of the whole network with its matrices in `form`."""
        return _bytes(self.wide, self.kept, form) + self.narrow * (4 if form == "float32" else 2)

    def window_as(self, form: NumberFormat) -> int:
        """Bytes on the accelerator while the network is streamed in `form`; never more than the whole of it."""
        return min(_bytes(self.window, self.window_kept, form), self.bytes_as(form))

    def pinned_as(self, form: NumberFormat) -> int:
        """Bytes of the whole network in pinned memory: PyTorch rounds every tensor up to a power of two there."""
        each = (_bytes(size, size if kept else 0, form) for size, kept in self.matrices)
        vectors = self.bytes_as(form) - _bytes(self.wide, self.kept, form)
        return sum(1 << max(0, size - 1).bit_length() for size in each) + vectors

    def unpacked_as(self, form: NumberFormat) -> int:
        """Bytes of the one matrix that is made bfloat16 while it computes."""
        return 0 if form in ("float32", "bfloat16") else 2 * self.largest


def _bytes(matrices: int, kept: int, form: NumberFormat) -> int:
    packed = matrices - kept if form == "float8" else matrices
    return int(packed * BYTES[form] + (matrices - packed) * BYTES["bfloat16"])


def is_kept_in_full(name: str) -> bool:
    """True when float8 leaves the tensor of this name in bfloat16."""
    module = name.rpartition(".")[0]
    return any(re.search(pattern, module) for pattern in KEPT_IN_FULL)


def component(
    name: str,
    phase: Phase,
    shapes: Mapping[str, tuple[int, ...]],
    part: str = "",
    *,
    exact: bool = False,
    keeps: Callable[[str], bool] = is_kept_in_full,
) -> Component:
    """A component from the names and shapes of its tensors.

    Args:
        shapes: of every tensor, by its name; blocks are known by a number in the name, as in `blocks.3.`.
        exact: it is float32 in every plan.
        keeps: whether float8 leaves the tensor of this name in bfloat16.
    """
    wide = {key: prod(shape) for key, shape in shapes.items() if len(shape) > 1}
    kept = {key: size for key, size in wide.items() if keeps(key)}
    groups: dict[str, list[str]] = {}
    for key in wide:
        block = re.match(r"(.*?\.\d+)\.", key)
        groups.setdefault(block[1] if block else "", []).append(key)
    outside = groups.pop("", [])
    largest = sorted(groups.values(), key=lambda keys: sum(wide[key] for key in keys))[-2:]
    window = [*outside, *(key for keys in largest for key in keys)]
    return Component(
        name,
        phase,
        wide=sum(wide.values()),
        narrow=sum(prod(shape) for shape in shapes.values()) - sum(wide.values()),
        window=sum(wide[key] for key in window),
        part=part,
        kept=sum(kept.values()),
        window_kept=sum(kept.get(key, 0) for key in window),
        largest=max((size for key, size in wide.items() if key not in kept), default=0),
        matrices=tuple((size, key in kept) for key, size in wide.items()),
        exact=exact,
    )
