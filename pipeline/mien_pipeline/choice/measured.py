"""What the committed evaluation measured of each engine: the table by which `auto` picks.

`measured.json` is written from `pipeline/evaluation/cases.jsonl` by `pipeline/scripts/write_measured.py`. An engine
that never ran there with its real weights has an empty row, and is picked after all that did.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from statistics import fmean
from typing import Any

FILE = "measured.json"
# The claims whose levels say how large a face is and how it is turned.
SIZE, ANGLE = "size", "angle"
LARGE_PX = 1024.0


@dataclass(frozen=True, slots=True)
class Row:
    """What an engine made of the cases of one level.

    Attributes:
        at: the face's width in pixels, or its yaw in degrees to either side as it is read.
        n: cases; `refused` of them gave no picture, `faulty` one with faults.
        likeness, naturalness: means of those with a picture.
        worth: the mean of likeness × naturalness, a refused case counting 0. Likeness alone rewards damage.
        seconds: the mean of those with a picture.
    """

    at: float
    n: int
    refused: int
    faulty: int
    likeness: float
    naturalness: float
    worth: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """An engine's rows, by size and by angle; both are empty where it was not measured."""

    size: tuple[Row, ...] = ()
    angle: tuple[Row, ...] = ()

    def find(self, width_px: float | None, yaw_deg: float | None) -> Row | None:
        """The worse of the rows nearest to a face's size and to its angle; None where there are none.

        A face that is not known counts as a large one that looks ahead.
        """
        width = LARGE_PX if width_px is None else max(width_px, 1.0)
        nearest = [
            *sorted(self.size, key=lambda row: abs(math.log(row.at / width)))[:1],
            *sorted(self.angle, key=lambda row: abs(row.at - abs(yaw_deg or 0.0)))[:1],
        ]
        return min(nearest, key=lambda row: row.worth, default=None)


Table = Mapping[str, Measured]
"""Every engine by name."""


@cache
def read_table() -> Table:
    """The table of this version."""
    told: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(
        files("mien_pipeline.choice").joinpath(FILE).read_bytes()
    )
    return {
        name: Measured(*(tuple(Row(**row) for row in rows[claim]) for claim in (SIZE, ANGLE)))
        for name, rows in told.items()
    }


def make_table(lines: Iterable[Mapping[str, Any]], engines: Iterable[str]) -> Table:
    """The table of an evaluation's lines; the cases of random weights are no measurement.

    Args:
        lines: of `cases.jsonl`.
        engines: those that have a row, measured or not.
    """
    known = list(lines)
    real = {line["key"] for line in known if line["state"] == "setup" and not line["random"] and not line["settings"]}
    cases = [line for line in known if line.get("setup") in real]
    own = {name: [line for line in cases if line["engine"] == name] for name in engines}
    return {name: Measured(_rows(lines, SIZE), _rows(lines, ANGLE)) for name, lines in own.items()}


def to_json(table: Table) -> str:
    """The table as its file has it."""
    return json.dumps({name: asdict(rows) for name, rows in table.items()}, indent=1) + "\n"


def _rows(cases: Sequence[Mapping[str, Any]], claim: str) -> tuple[Row, ...]:
    """A row for each level of a claim, those to the left and to the right together; levels without a picture have none.

    A level in which an engine says nothing of naturalness is not measured.
    """
    levels: dict[float, list[Mapping[str, Any]]] = {}
    for case in cases:
        if case["claim"] == claim:
            levels.setdefault(abs(case["level"]), []).append(case)
    return tuple(row for level in sorted(levels) if (row := _measure(level, claim, levels[level])))


def _measure(level: float, claim: str, cases: Sequence[Mapping[str, Any]]) -> Row | None:
    done = [case for case in cases if case["state"] == "done"]
    if not done or any(case["naturalness"] is None for case in done):
        return None
    likeness = [max(case["identity"]["to_reference"], 0.0) for case in done]
    natural = [case["naturalness"] for case in done]
    worth = sum(like * looks for like, looks in zip(likeness, natural, strict=True)) / len(cases)
    return Row(
        at=level if claim == SIZE else round(fmean(abs(case["target_yaw"]) for case in done), 1),
        n=len(cases),
        refused=len(cases) - len(done),
        faulty=sum(bool(case["faults"]) for case in done),
        likeness=round(fmean(likeness), 3),
        naturalness=round(fmean(natural), 3),
        worth=round(worth, 3),
        seconds=round(fmean(case["seconds"] for case in done), 2),
    )
