"""What a run would do: files, names, disk and time, from the inputs and the journal alone. Nothing is written."""

from __future__ import annotations

import hashlib
import os
import shutil
from argparse import Namespace
from collections import Counter
from pathlib import Path
from typing import Any

from mien_cli.batch.inputs import InputFile
from mien_cli.batch.journal import FileRow, Journal, look_into
from mien_cli.batch.names import ResultNames
from mien_cli.batch.prepare import Wanted
from mien_cli.batch.sheet import list_asides
from mien_cli.batch.start import make_item
from mien_cli.output import print_answer
from mien_cli.result_file import ROOM


def try_dry(args: Namespace, wanted: Wanted) -> int:
    """Print what a run would do; the exit status.

    Raises:
        OutputExists, OutputNotWritable: the journal of the output folder cannot be read; `file` says which.
    """
    names = ResultNames(wanted.pattern)
    with look_into(wanted.folder) as journal:
        items = [look_at(wanted, file, number, names, journal) for number, file in enumerate(wanted.found.files, 1)]
        seconds_each = journal.seconds_each(wanted.key) if journal else None
    counts = Counter(item["state"] for item in items)
    to_do = [item for item in items if item["state"] == "waiting"]
    document = {
        "dry_run": True,
        **{state: counts[state] for state in ("waiting", "skipped", "failed")},
        "others": len(wanted.found.others),
        "linked_folders": len(wanted.found.linked_folders),
        "bytes": sum(item["bytes"] for item in to_do),
        "bytes_needed_at_most": ROOM * sum(item["bytes"] for item in to_do),
        "bytes_free": shutil.disk_usage(find_there(wanted.folder)).free,
        "seconds_each": round(seconds_each, 2) if seconds_each is not None else None,
        "items": items,
    }
    return print_answer(args, document, to_text(document))


def look_at(
    wanted: Wanted, file: InputFile, number: int, names: ResultNames, journal: Journal | None
) -> dict[str, Any]:
    """One input: its result's name, and whether it is done already. Its number is a guess: the journal gives it."""
    item = make_item(wanted, file, FileRow(number, "", ""), names)
    path = next(path for _, path in names.list_names(item.name, item.suffix))
    told: dict[str, Any] = {"input": str(file.path), "output": str(path.relative_to(wanted.folder)), "bytes": 0}
    if not file.path.is_file() or not os.access(file.path, os.R_OK):
        return {**told, "output": None, "state": "failed"}
    told["bytes"] = file.path.stat().st_size
    done = find_done(wanted, file.path, journal)
    if done is not None:
        return {**told, "output": done, "state": "skipped"}
    return {**told, "state": "skipped" if wanted.exists == "skip" and os.path.lexists(path) else "waiting"}


def find_done(wanted: Wanted, path: Path, journal: Journal | None) -> str | None:
    """Where the result of the same picture with the same options lies."""
    if journal is None:
        return None
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    there = [row.output for row in journal.find_done(content, wanted.key) if row.output]
    return next((output for output in there if (wanted.folder / output).is_file()), None)


def find_there(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir())


def to_text(document: dict[str, Any]) -> str:
    lines = [f"{each['input']} → {each['output']}" for each in document["items"] if each["state"] == "waiting"]
    lines.append(f"{document['waiting']} to do, {document['skipped']} done already")
    if document["failed"]:
        lines.append(f"{document['failed']} cannot be read")
    lines += list_asides(document)
    mb = 1_000_000
    lines.append(f"{document['bytes_needed_at_most'] / mb:,.0f} MB at most, {document['bytes_free'] / mb:,.0f} MB free")
    if document["seconds_each"] is not None:
        lines.append(f"{document['seconds_each']:.1f} s a picture so far")
    return "\n".join(lines)
