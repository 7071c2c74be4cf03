"""The index of the library: which master key is in use, and how to open each record and its pictures."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mien_core.errors import UnknownReference
from mien_daemon.references.sealing import MASTERS, is_check_of, opens

STEM = re.compile(r"[0-9a-f]{1,64}")
"""A stem is a part of a file's name; anything else could lead out of the folder."""


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """How to open one record.

    Attributes:
        key: the record's own, wrapped by the master key.
        stem: what its consent's file is called.
        pictures: what the files of each picture are called, by the picture's id, in the order they were added.
    """

    key: bytes
    stem: str
    pictures: Mapping[str, str]

    @property
    def stems(self) -> Sequence[str]:
        """The stems of all its files."""
        return list(dict.fromkeys([self.stem, *self.pictures.values()]))


@dataclass(frozen=True, slots=True)
class LibraryIndex:
    """Which master key is in use, a value that only this key makes, and every record."""

    master: str = ""
    records: Mapping[str, SealedRecord] = field(default_factory=dict[str, SealedRecord])
    check: bytes = b""

    def with_records(self, records: Mapping[str, SealedRecord]) -> "LibraryIndex":
        return replace(self, records={**self.records, **records})

    def is_sealed_by(self, master: bytes) -> bool:
        """Whether this is the master key in use.

        An index of an older version has no check value: there the key must open one of the records.
        """
        if self.check:
            return is_check_of(master, self.check)
        return not self.records or any(opens(master, each.key, name.encode()) for name, each in self.records.items())

    def encode(self) -> bytes:
        records = {
            name: {"key": _to_text(entry.key), "stem": entry.stem, "pictures": dict(entry.pictures)}
            for name, entry in self.records.items()
        }
        return json.dumps({"master": self.master, "check": _to_text(self.check), "records": records}, indent=1).encode()

    @classmethod
    def decode(cls, data: bytes) -> "LibraryIndex":
        """Raises `UnknownReference` for an index that was edited into something else."""
        try:
            raw = json.loads(data)
            records = {
                str(name): _to_record(str(name), entry)
                for name, entry in raw["records"].items()
                if STEM.fullmatch(str(entry["stem"]))
            }
            master = raw["master"] if raw["master"] in MASTERS else ""
            return cls(master, records, base64.b64decode(raw.get("check", "")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnknownReference("the library's index was changed outside of Mien", reason="edited") from error


def _to_record(name: str, entry: Mapping[str, Any]) -> SealedRecord:
    """One record of the file. Before there could be several pictures, the one had its record's id and stem."""
    stem = str(entry["stem"])
    named = {str(picture): str(its) for picture, its in entry.get("pictures", {name: stem}).items()}
    pictures = {picture: its for picture, its in named.items() if STEM.fullmatch(its)}
    return SealedRecord(base64.b64decode(entry["key"]), stem, pictures)


def _to_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
