"""A claim about engines that cases can measure, and every claim of this package."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mien_core.errors import InvalidOptions
from mien_pipeline.evaluation import claims
from mien_pipeline.evaluation.look import Look
from mien_pipeline.face import Face
from mien_pipeline.image import Pixels

Suite = Literal["quick", "full"]
Settings = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Level:
    """One point of an axis.

    Attributes:
        value: where it stands on the axis.
        series: which line of the plot it belongs to.
        options: what of the engine's options it sets.
        label: what the tables call it; by default its value.
    """

    value: float
    series: str = ""
    options: Settings = field(default_factory=dict[str, object])
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or f"{self.value:g}"


Change = Callable[[Pixels, Face, Level, int], Pixels]
"""What a level does to a picture: its (H, W, 3) uint8 RGB pixels, its face, the level, a seed."""

Measure = Callable[[Look], Mapping[str, float]]
"""What a claim measures beyond what every claim does; a name may be missing where there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What is varied, everything else being as it is by default."""

    name: str
    levels: Sequence[Level]


Line = Mapping[str, object]
"""One case as `cases.jsonl` has it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, what is varied to test it, and what it says in the end.

    Attributes:
        name: as `--claims` names it.
        says: the claim in one sentence.
        axes: what is varied in a quick and in a full run.
        seeds: how many a quick and a full run take.
        engines: the engines that have these options; empty for all.
        change: what a level does to the target; None leaves it as it is.
        change_reference: what it does to the reference.
        ceiling: whether the level is also done to the result on the unchanged target: no engine can be more alike.
        measure: what it measures beyond the rest.
        columns: the heading of each of these in tables.
        conclude: lines of Markdown from the finished lines of one engine; None says nothing beyond the tables.
    """

    name: str
    says: str
    axes: Callable[[Suite], Sequence[Axis]]
    seeds: Mapping[Suite, int] = field(default_factory=lambda: {"quick": 1, "full": 1})
    engines: Sequence[str] = ()
    change: Change | None = None
    change_reference: Change | None = None
    ceiling: bool = False
    measure: Measure | None = None
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    conclude: Callable[[Sequence[Line]], Sequence[str]] | None = None


def find_claims() -> dict[str, Claim]:
    """Every claim by name."""
    modules = (
        importlib.import_module(f"{claims.__name__}.{each.name}") for each in pkgutil.iter_modules(claims.__path__)
    )
    found = [module.CLAIM for module in modules]
    return {claim.name: claim for claim in found}


def choose_claims(names: Sequence[str]) -> list[Claim]:
    """The claims of these names; all where there is none.

    Raises:
        InvalidOptions: `field` "claims": there is none of a name; `known` are those there are.
    """
    known = find_claims()
    for name in names:
        if name not in known:
            raise InvalidOptions(f"there is no claim called {name!r}", field="claims", known=list(known))
    return [known[name] for name in names or known]
