"""What a run came to: one document for programs, the same as a table and as a contact sheet for people."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien_api.problems import problem_for
from mien_cli.batch.run import Item
from mien_cli.batch.sheet import MARK, render_sheet
from mien_core.errors import MienError, OutputExists
from mien_core.files import naming_output_errors, write_whole

MADE_BY = "mien batch"
COLUMNS = (
    *("input", "output", "state", "reason", "code", "seconds", "faces"),
    *("to_reference", "to_target", "before", "verdict", "naturalness", "warnings"),
)
# What spreadsheets take for a formula at the beginning of a cell, also in the wide letters of East Asian keyboards
# (OWASP, CSV injection). An apostrophe before it makes it text.
_FORMULA = tuple("=+-@\t\r\n|%＝＋－＠")
# Worst first: the face that a person should look at speaks for its picture.
_VERDICTS = ("not", "partial", "clear")


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run as it ended, or as far as it came.

    Attributes:
        error: why it stopped before its end; None where every input was tried.
        others: how many files of the folders are neither pictures nor clips.
        linked_folders: how many links to folders were not followed.
    """

    items: Sequence[Item]
    seconds: float
    others: int = 0
    linked_folders: int = 0
    error: MienError | None = None

    @property
    def status(self) -> int:
        """0: every input is done; 3: some; 1: none."""
        states = Counter(item.state for item in self.items)
        good = states["done"] + states["skipped"]
        return 0 if good == len(self.items) else 3 if good else 1

    def to_document(self) -> dict[str, Any]:
        """As `report.json` has it."""
        states = Counter(item.state for item in self.items)
        document: dict[str, Any] = {"made_by": MADE_BY}
        document |= {state: states[state] for state in ("done", "skipped", "failed", "waiting")}
        document |= {"others": self.others, "linked_folders": self.linked_folders, "seconds": round(self.seconds, 2)}
        if self.error is not None:
            document["problem"] = problem_for(self.error)
        return {**document, "items": [describe_item(item) for item in self.items]}


def describe_item(item: Item) -> dict[str, Any]:
    """One input; `identity` is that of the face that became least like its reference."""
    row = item.row
    swapped = [face for face in row.faces if face.get("swapped")]
    scored = [face for face in swapped if face.get("identity")]
    worst = min(scored, key=lambda face: float(face["identity"]["to_reference"]), default=None)
    verdicts = [face.get("verdict") for face in swapped]
    natural = [float(face["naturalness"]) for face in swapped if face.get("naturalness") is not None]
    remarks = [*row.warnings, *(each for face in swapped for each in (*face["warnings"], *face.get("faults", ())))]
    return {
        "input": str(item.file.path),
        "output": row.output,
        "state": item.state,
        "reason": item.reason,
        "code": row.code,
        "seconds": row.seconds if item.state == "done" else None,
        "identity": worst["identity"] if worst else None,
        "verdict": next((verdict for verdict in _VERDICTS if verdict in verdicts), None),
        "naturalness": min(natural, default=None),
        "warnings": list(dict.fromkeys(remarks)),
        "faces": len(swapped),
        "problem": dict(row.problem) if row.problem is not None else None,
    }


def to_json_bytes(document: Mapping[str, Any]) -> bytes:
    """UTF-8, with the letters of every language as they are; a name that is no text makes all of it escapes."""
    try:
        return json.dumps(document, ensure_ascii=False, indent=1).encode()
    except UnicodeEncodeError:
        return json.dumps(document, indent=1).encode()


def to_csv_bytes(document: Mapping[str, Any]) -> bytes:
    """A table that spreadsheets open as UTF-8 and take no cell of for a formula."""
    text = io.StringIO(newline="")
    table = csv.writer(text, quoting=csv.QUOTE_ALL)
    table.writerow(COLUMNS)
    for item in document["items"]:
        cells = {**item, **(item["identity"] or {}), "warnings": " ".join(item["warnings"])}
        table.writerow([defuse(cells.get(name)) for name in COLUMNS])
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def defuse(value: object) -> object:
    """A cell that no spreadsheet computes; numbers stay numbers."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value


def write_reports(folder: Path, document: Mapping[str, Any], items: Sequence[Item]) -> None:
    """Write the three reports of the same document.

    Raises:
        OutputNotWritable, DiskFull: `file` says which.
    """
    thumbnails = [(item.row.before, item.row.after) for item in items]
    files = {
        "report.json": to_json_bytes(document),
        "report.csv": to_csv_bytes(document),
        "report.html": render_sheet(document, thumbnails),
    }
    for name, data in files.items():
        with naming_output_errors(folder / name):
            write_whole(folder / name, data)


def refuse_foreign_reports(folder: Path) -> None:
    """Return if the reports of this folder, where there are any, were written by a run.

    Raises:
        OutputExists: `file` is one that was not.
    """
    marks = {"report.json": f'"made_by": "{MADE_BY}"', "report.csv": '"input","output","state"', "report.html": MARK}
    for name, mark in marks.items():
        path = folder / name
        try:
            with path.open("rb") as file:
                is_own = mark.encode() in file.read(1000)
        except FileNotFoundError:
            continue
        except OSError:
            is_own = False
        if not is_own:
            raise OutputExists(f"{path} was not written by mien batch, which would replace it", file=str(path))
