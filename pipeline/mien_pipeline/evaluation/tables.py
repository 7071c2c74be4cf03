"""From lines to numbers: means with the range they lie in, and paired differences with bootstrap intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien_pipeline.evaluation.claim import Line

# So many resamples give the ends of a 95 % interval to about a hundredth of its width.
RESAMPLES, SEED = 4000, 0
# With fewer pairs the bootstrap's interval is too narrow to be believed.
FEWEST_PAIRS = 6

Pair = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean paired difference, and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def is_one(self) -> bool:
        """True when there are enough pairs and 0 is not in the interval."""
        return self.pairs >= FEWEST_PAIRS and not self.low <= 0 <= self.high

    def __str__(self) -> str:
        if not self.pairs:
            return "no pairs"
        return f"{self.mean:+.3f} ({self.low:+.3f} to {self.high:+.3f}, n = {self.pairs})"


def value_of(line: Line, name: str) -> float | None:
    """A measure of a line by its dotted name, as `identity.to_reference`; None where it was not measured."""
    found: Any = line
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def values_of(lines: Sequence[Line], name: str) -> dict[Pair, float]:
    """A measure by what makes a pair: the same seed, target and reference."""
    found = {(line["seed"], line["target"], line["reference"]): value_of(line, name) for line in lines}
    return {pair: value for pair, value in found.items() if value is not None}


def differences(ones: Sequence[Line], others: Sequence[Line], name: str) -> Difference:
    """How much higher a measure is in `ones` than in `others`, over what both have."""
    first, second = values_of(ones, name), values_of(others, name)
    both = np.array([first[pair] - second[pair] for pair in first if pair in second])
    return bootstrap(both)


def bootstrap(values: "np.ndarray[Any, np.dtype[np.float64]]") -> Difference:
    """The mean of differences (N,) and its percentile bootstrap interval (Efron 1979)."""
    if not len(values):
        return Difference(0.0, 0.0, 0.0, 0)
    drawn = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(1), [0.025, 0.975])
    return Difference(float(values.mean()), float(low), float(high), len(values))


@dataclass(frozen=True, slots=True)
class Row:
    """One level of one series: how many cases, and each measure as (mean, least, most) or None.

    Attributes:
        n: how many were swapped; `refused` were not, `faulty` carry a fault.
        nearest: how many are more like their reference than like anyone else: rank 1.
    """

    axis: str
    series: str
    label: str
    level: float
    n: int
    refused: int
    faulty: int
    nearest: int
    measures: Mapping[str, tuple[float, float, float] | None]


# The measures of every claim: name, heading, digits, and whether the table also says from what to what they go.
MEASURES: Mapping[str, tuple[str, int, bool]] = {
    "identity.to_reference": ("likeness", 2, True),
    "margin": ("margin", 2, True),
    "naturalness": ("naturalness", 2, True),
    "identity.to_target": ("like the target", 2, False),
    "pose": ("pose off, °", 1, False),
    "expression": ("expression off, %", 1, False),
    "gaze": ("gaze off, %", 1, False),
    "shape": ("shape off, %", 1, False),
    "landmarks": ("landmarks off, %", 1, False),
    "outside": ("outside changed, %", 2, False),
    "seconds": ("s", 2, False),
    "memory_mb": ("MB", 0, False),
}
CEILING = "ceiling"


def summarise(lines: Sequence[Line], own: Sequence[str] = ()) -> list[Row]:
    """One row a level and series, in the order in which the lines have them; `own` are measures of the claim alone."""
    groups: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((str(line["axis"]), str(line["series"]), str(line["label"])), []).append(line)
    return [_row(*key, group, own) for key, group in groups.items()]


def _row(axis: str, series: str, label: str, lines: Sequence[Line], own: Sequence[str]) -> Row:
    done = [line for line in lines if line["state"] == "done"]
    found: dict[str, tuple[float, float, float] | None] = {}
    for name in (*MEASURES, CEILING, *own):
        values = [value for line in done if (value := value_of(line, name)) is not None]
        found[name] = (float(np.mean(values)), min(values), max(values)) if values else None
    faulty = sum(bool(line.get("faults")) for line in done)
    nearest = sum((value_of(line, "margin") or 0.0) > 0 for line in done)
    level = float(str(lines[0]["level"]))
    return Row(axis, series, label, level, len(done), len(lines) - len(done), faulty, nearest, found)


def worst(lines: Sequence[Line], name: str, count: int = 5) -> list[Line]:
    """The lines whose measure is lowest, lowest first."""
    known = [line for line in lines if line["state"] == "done" and value_of(line, name) is not None]
    return sorted(known, key=lambda line: value_of(line, name) or 0.0)[:count]
