"""From the daemon's events to notifications; several events of a kind make one sentence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mien_api.job_name import name_job
from mien_core.languages import key_of
from mien_tray.menu import Action, Entry, Verb, group_digits
from mien_tray.status import PairingSummary
from mien_tray.strings import Words


@dataclass(frozen=True, slots=True)
class Notice:
    """An event that is worth a notification.

    Attributes:
        category: one of `status.NOTIFY`.
        job: the id of the job that it is about.
        label: what a person calls that job.
    """

    category: str
    name: str = ""
    reason: str = ""
    job: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A notification to show: its words, the job whose result it shows, and what can be pressed."""

    category: str
    text: str
    job: str = ""
    buttons: Sequence[Entry] = ()


def read_notice(kind: str, data: Mapping[str, Any], words: Words, people: Mapping[str, str]) -> Notice | None:
    """The notice of an event; None for most events. `people` are those of the library."""
    if kind == "job":
        return read_job_notice(data, words, people)
    if kind == "pairing" and data["state"] == "shown":
        return Notice("pairing", name=str(data["name"]))
    if kind == "download" and data["action"] == "download" and data["state"] == "done":
        return Notice("downloads", name=str(data["name"]))
    if kind == "download" and data["action"] == "download" and data["state"] == "failed":
        return Notice("downloads", name=str(data["name"]), reason=describe_problem(data["problem"], words))
    return None


def read_job_notice(data: Mapping[str, Any], words: Words, people: Mapping[str, str]) -> Notice | None:
    """Of a job's end. A look at a clip is told by the page that asked for it."""
    if data.get("kind") == "analyse" or data["state"] not in {"done", "failed"}:
        return None
    job, label = str(data.get("id", "")), name_job(data, people)
    if data["state"] == "done":
        return Notice("finished", job=job, label=label)
    return Notice("failed", reason=describe_problem(data["problem"], words), job=job, label=label)


def to_messages(those: Sequence[Notice], pairing: PairingSummary, words: Words) -> Iterator[Message]:
    """What is said of notices that came together; a hundred finished jobs make one message."""
    for category, view in (("finished", "results"), ("failed", "jobs")):
        same = [one for one in those if one.category == category]
        if len(same) == 1:
            (one,) = same
            text, place = describe_end(one, words), f"{view}/{one.job}"
            yield Message(category, text, one.job, (Entry(words("show"), Action(Verb.OPEN, place)),))
        elif same:
            text = words(f"said_{category}_many", count=len(same))
            yield Message(category, text, buttons=(Entry(words("show"), Action(Verb.OPEN, view)),))
    for one in those:
        if one.category == "pairing":
            yield ask_about(one, pairing, words)
        elif one.category == "downloads" and one.reason:
            yield Message(one.category, words("said_download_failed", name=one.name, reason=one.reason))
        elif one.category == "downloads":
            yield Message(one.category, words("said_download", name=one.name))


def describe_end(notice: Notice, words: Words) -> str:
    """How one job ended, by its name where it has one."""
    if notice.label:
        return words(f"said_{notice.category}_named", name=notice.label, reason=notice.reason)
    return words(f"said_{notice.category}", reason=notice.reason)


def ask_about(one: Notice, pairing: PairingSummary, words: Words) -> Message:
    """A browser at the door: with its digits where they are known, and no click that lets it in by accident."""
    if pairing.id is None or pairing.digits is None:
        return Message(one.category, words("said_pairing", name=one.name))
    digits = group_digits(pairing.digits)
    buttons = (
        Entry(words("show"), Action(Verb.OPEN, "settings")),
        Entry(words("pair_approve", digits=digits), Action(Verb.APPROVE, pairing.id)),
        Entry(words("pair_refuse"), Action(Verb.REFUSE, pairing.id)),
    )
    return Message(one.category, words("said_pairing_digits", name=one.name, digits=digits), buttons=buttons)


def describe_problem(problem: Mapping[str, Any] | None, words: Words) -> str:
    """A problem in the person's language; in the daemon's own words where its code has no string here."""
    if problem is None:
        return ""
    key = key_of("problem", str(problem["code"]))
    return words(key) if words.knows(key) else str(problem.get("title") or problem["code"])
