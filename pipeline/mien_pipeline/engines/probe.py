"""One network of an engine, and how it is tried: what `mien engines check` runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mien_pipeline.face import Portrait
from mien_pipeline.image import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """What a network that was tried computed.

    Attributes:
        outputs: float32 of any shape, all that it computed.
        held_bytes: that its values take in memory; 0 where that is not known.
    """

    outputs: Sequence[Floats]
    held_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Probe:
    """One network.

    Attributes:
        network: what it is called.
        models: whose files it is read from.
        run: loads it from these files and has it compute once; raises what is wrong with them. It is given a portrait.
        needed_bytes: of memory; 0 is not worth asking for.
    """

    network: str
    models: tuple[str, ...]
    run: Callable[[Portrait], Tried]
    needed_bytes: int = 0
