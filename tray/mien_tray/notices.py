"""What is worth a notification: from the daemon's events to sentences, several of a kind in one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mien_core.languages import key_of
from mien_tray.strings import Words


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of the daemon, as far as a person is concerned. `category` is one of `status.NOTIFY`."""

    category: str
    name: str = ""
    reason: str = ""


def happened(kind: str, data: Mapping[str, Any], words: Words) -> Happened | None:
    """What an event means to a person; None for most of them."""
    if kind == "job" and data["state"] == "done":
        return Happened("finished")
    if kind == "job" and data["state"] == "failed":
        return Happened("failed", reason=reason_of(data["problem"], words))
    if kind == "pairing" and data["state"] == "shown":
        return Happened("pairing", name=str(data["name"]))
    if kind == "download" and data["action"] == "download" and data["state"] == "done":
        return Happened("downloads", name=str(data["name"]))
    if kind == "download" and data["action"] == "download" and data["state"] == "failed":
        return Happened("downloads", name=str(data["name"]), reason=reason_of(data["problem"], words))
    return None


def sentences(those: Sequence[Happened], words: Words) -> Iterator[tuple[str, str]]:
    """(category, sentence) for what happened in one moment; a hundred finished jobs are one sentence."""
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


def reason_of(problem: Mapping[str, Any] | None, words: Words) -> str:
    """A problem in the person's language; in the daemon's own words where its code has no string here."""
    if problem is None:
        return ""
    key = key_of("problem", str(problem["code"]))
    return words(key) if words.knows(key) else str(problem.get("title") or problem["code"])
