"""Cases: what is run, one JSON line each, written as it is done; a run goes on where an earlier one stopped."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mien_core.files import naming_output_errors
from mien_pipeline.evaluation.claim import Claim, Level, Line, Suite

FILE = "cases.jsonl"
SETUP = "setup"  # the state of a line that says with what cases were run


@dataclass(frozen=True, slots=True)
class Person:
    """A picture of one person; pictures of different names are of different people."""

    name: str
    data: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Case:
    """One swap of the evaluation."""

    claim: str
    engine: str
    axis: str
    level: Level
    seed: int
    target: Person
    reference: Person

    @property
    def describing(self) -> dict[str, object]:
        """What its line begins with."""
        return {
            "claim": self.claim,
            "engine": self.engine,
            "axis": self.axis,
            "series": self.level.series,
            "level": self.level.value,
            "label": self.level.name,
            "seed": self.seed,
            "target": self.target.name,
            "reference": self.reference.name,
        }

    def key(self, setup: str) -> str:
        """What is the same for the same case of the same setup, on whichever machine."""
        said = [*self.describing.values(), dict(self.level.options), self.target.digest, self.reference.digest, setup]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def plan_cases(
    claims: Sequence[Claim],
    engines: Sequence[str],
    suite: Suite,
    targets: Sequence[Person],
    references: Sequence[Person],
) -> list[Case]:
    """Every case, claim after claim, a pair of people after the other; a person is never put onto themselves."""
    return [
        Case(claim.name, engine, axis.name, level, seed, target, reference)
        for claim in claims
        for engine in engines
        if not claim.engines or engine in claim.engines
        for axis in claim.axes(suite)
        for level in axis.levels
        for seed in range(claim.seeds[suite])
        for target in targets
        for reference in references
        if target.name != reference.name
    ]


class CaseFile:
    """The lines of a folder's `cases.jsonl`; files of two machines may be put together with `cat`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lines: dict[str, Line] = {}
        self.setups: dict[str, Line] = {}
        for line in read_lines(self.path):
            self._remember(line)

    def _remember(self, line: Line) -> None:
        (self.setups if line["state"] == SETUP else self._lines)[str(line["key"])] = line

    def __contains__(self, key: str) -> bool:
        return key in self._lines

    @property
    def lines(self) -> list[Line]:
        """Every case once: the last line of a key counts."""
        return list(self._lines.values())

    def describe(self, setup: str, said: Mapping[str, object]) -> None:
        """Write what a setup is, unless the file has it; raises as `append`."""
        if setup not in self.setups:
            self.append({"key": setup, "state": SETUP, **said})

    def append(self, line: Mapping[str, object]) -> None:
        """Write a line, on the disk before this returns; raises `DiskFull`, `OutputNotWritable`."""
        self._remember(line)
        with naming_output_errors(self.path), self.path.open("ab+") as file:
            if not _ends_a_line(file):
                file.write(b"\n")  # a run that was killed left half a line
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of a file that are whole; none where there is no file."""
    if not path.exists():
        return
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        if isinstance(line, dict) and "key" in line and "state" in line:
            yield line


def _ends_a_line(file: BinaryIO) -> bool:
    if not file.seek(0, os.SEEK_END):
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def count_by(lines: Iterable[Line], key: str) -> dict[str, int]:
    """How many lines there are of each value."""
    found: dict[str, int] = {}
    for line in lines:
        found[str(line[key])] = found.get(str(line[key]), 0) + 1
    return found
