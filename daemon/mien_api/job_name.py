"""What a job is called: whose face goes into which picture, "Eileen → holiday.jpg"; and the file its result becomes."""

import re
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import PurePath
from typing import Any

ARROW = " → "
LONGEST_BYTES = 200  # of UTF-8: some file systems take 255, and an ending and a number may follow
# What some system takes in no file name, what is not seen in one, and halves of characters.
REFUSED = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff<>:"/\\|?*]')
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # devices, to Windows


def name_job(job: Mapping[str, Any], people: Mapping[str, str]) -> str:
    """The name of a job as the API shows it; "" where nothing in it has a name.

    Args:
        job: its `references` and its `label`.
        people: "ref:ID" → what the library calls that person.
    """
    label: Mapping[str, Any] = job.get("label") or {"target": None, "references": ()}
    given = (people.get(pictures[0]) if pictures else None for pictures in job.get("references") or ())
    files = (PurePath(name).stem if name else None for name in label["references"])
    names = [known or file for known, file in zip_longest(given, files)]
    told = ", ".join(dict.fromkeys(name for name in names if name))
    return ARROW.join(part for part in (told, label["target"]) if part)


def name_file(name: str) -> str:
    """The name of a file for a job's name, without an ending; "" where nothing is left of it."""
    stem = re.sub(r"\.[A-Za-z0-9]{2,5}$", "", name.replace(ARROW, " - "))
    stem = cut_bytes(REFUSED.sub("_", stem), LONGEST_BYTES).strip(". ")
    return f"_{stem}" if RESERVED.match(stem) else stem


def cut_bytes(text: str, limit: int) -> str:
    """The longest beginning of whole characters that has at most `limit` bytes in UTF-8."""
    return text.encode()[:limit].decode(errors="ignore")
