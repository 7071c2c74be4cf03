"""What a run would do: files, names, faces, disk and time, from the inputs and the journal. Nothing is written."""

from __future__ import annotations

import hashlib
import os
import shutil
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
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
from mien_core.errors import MienError


def try_dry(args: Namespace, wanted: Wanted) -> int:
    """Print what a run would do; the exit status.

    Raises:
        OutputExists, OutputNotWritable: the journal of the output folder cannot be read; `file` says which.
    """
    names = ResultNames(wanted.pattern)
    count = open_counter(args)
    with look_into(wanted.folder) as journal:
        looked_at = [look_at(wanted, file, at, names, journal) for at, file in enumerate(wanted.found.files, 1)]
        seconds_each = journal.seconds_each(wanted.key) if journal else None
    items = [count_faces(told, file, count) for told, file in zip(looked_at, wanted.found.files, strict=True)]
    counts = Counter(item["state"] for item in items)
    to_do = [item for item in items if item["state"] == "waiting"]
    document = {
        "dry_run": True,
        **{state: counts[state] for state in ("waiting", "skipped", "failed")},
        "others": len(wanted.found.others),
        "linked_folders": len(wanted.found.linked_folders),
        "faces": sum(item["faces"] or 0 for item in to_do) if count else None,
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
    done = find_done(wanted, file, journal)
    if done is not None:
        return {**told, "output": done, "state": "skipped"}
    return {**told, "state": "skipped" if wanted.exists == "skip" and os.path.lexists(path) else "waiting"}


def open_counter(args: Namespace) -> Callable[[bytes], int] | None:
    """What counts the faces of a picture; None where the networks that find them are not installed: none is fetched.

    From here on the process is caged.
    """
    from mien_cli.in_process import close_cage, open_store
    from mien_pipeline.engines.registry import ALWAYS

    store = open_store(args)
    if store.missing(ALWAYS):
        return None
    close_cage(args)
    from mien_pipeline.runtime import Runtime

    runtime = Runtime(store, None)
    return lambda picture: len(runtime.find_faces(picture))


def count_faces(told: dict[str, Any], file: InputFile, count: Callable[[bytes], int] | None) -> dict[str, Any]:
    """The same with the number of faces of a picture that is to be done, or the code for which it will fail.

    Faces of clips are not counted: that is the first half of the work.
    """
    told["faces"] = None
    if told["state"] != "waiting" or file.is_clip or count is None:
        return told
    try:
        told["faces"] = count(file.path.read_bytes())
    except MienError as error:
        told |= {"output": None, "state": "failed", "code": error.code}
    return told


def find_done(wanted: Wanted, file: InputFile, journal: Journal | None) -> str | None:
    """Where the result of the same picture with the same options lies."""
    if journal is None:
        return None
    with file.path.open("rb") as opened:
        content = hashlib.file_digest(opened, "sha256").hexdigest()
    there = [row.output for row in journal.find_done(content, wanted.find_key(file)) if row.output]
    return next((output for output in there if (wanted.folder / output).is_file()), None)


def find_there(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir())


def to_text(document: dict[str, Any]) -> str:
    lines = [f"{each['input']} → {each['output']}" for each in document["items"] if each["state"] == "waiting"]
    lines.append(f"{document['waiting']} to do, {document['skipped']} done already")
    if document["faces"] is not None:
        lines.append(f"{document['faces']} faces in the pictures to do")
    lines += [f"{each['input']} will fail ({each['code']})" for each in document["items"] if each.get("code")]
    if unreadable := sum(each["state"] == "failed" and not each.get("code") for each in document["items"]):
        lines.append(f"{unreadable} cannot be read")
    lines += list_asides(document)
    mb = 1_000_000
    lines.append(f"{document['bytes_needed_at_most'] / mb:,.0f} MB at most, {document['bytes_free'] / mb:,.0f} MB free")
    if document["seconds_each"] is not None:
        lines.append(f"{document['seconds_each']:.1f} s a picture so far")
    return "\n".join(lines)
