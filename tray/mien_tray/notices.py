"""From the daemon's events to notifications; several events of a kind make one sentence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mien_core.languages import key_of
from mien_tray.strings import Words


@dataclass(frozen=True, slots=True)
class Notice:
    """An event that is worth a notification. `category` is one of `status.NOTIFY`."""

    category: str
    name: str = ""
    reason: str = ""


def read_notice(kind: str, data: Mapping[str, Any], words: Words) -> Notice | None:
    """The notice of an event; None for most events."""
    if kind == "job" and data["state"] == "done":
        return Notice("finished")
    if kind == "job" and data["state"] == "failed":
        return Notice("failed", reason=describe_problem(data["problem"], words))
    if kind == "pairing" and data["state"] == "shown":
        return Notice("pairing", name=str(data["name"]))
    if kind == "download" and data["action"] == "download" and data["state"] == "done":
        return Notice("downloads", name=str(data["name"]))
    if kind == "download" and data["action"] == "download" and data["state"] == "failed":
        return Notice("downloads", name=str(data["name"]), reason=describe_problem(data["problem"], words))
    return None


def to_sentences(those: Sequence[Notice], words: Words) -> Iterator[tuple[str, str]]:
    """(category, sentence) of notices that came together; a hundred finished jobs make one sentence."""
    for category in ("finished", "failed"):
        same = [one for one in those if one.category == category]
        if len(same) == 1:
            yield category, words(f"said_{category}", reason=same[0].reason)
        elif same:
            yield category, words(f"said_{category}_many", count=len(same))
    for one in those:
        if one.category == "pairing":
            yield one.category, words("said_pairing", name=one.name)
        elif one.category == "downloads" and one.reason:
            yield one.category, words("said_download_failed", name=one.name, reason=one.reason)
        elif one.category == "downloads":
            yield one.category, words("said_download", name=one.name)


def describe_problem(problem: Mapping[str, Any] | None, words: Words) -> str:
    """A problem in the person's language; in the daemon's own words where its code has no string here."""
    if problem is None:
        return ""
    key = key_of("problem", str(problem["code"]))
    return words(key) if words.knows(key) else str(problem.get("title") or problem["code"])
