"""The index of the library: which master key is in use, and how to open each record."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mien_core.errors import UnknownReference
from mien_daemon.references.sealing import MASTERS

STEM = re.compile(r"[0-9a-f]{1,64}")
"""A stem is a part of a file's name; anything else could lead out of the folder."""


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """How to open one record: its key, wrapped by the master key, and what its files are called."""

    key: bytes
    stem: str


@dataclass(frozen=True, slots=True)
class LibraryIndex:
    """Which master key is in use, and every record."""

    master: str = ""
    records: Mapping[str, SealedRecord] = field(default_factory=dict[str, SealedRecord])

    def with_record(self, reference: str, entry: SealedRecord) -> "LibraryIndex":
        return replace(self, records={**self.records, reference: entry})

    def encode(self) -> bytes:
        records = {
            name: {"key": base64.b64encode(entry.key).decode("ascii"), "stem": entry.stem}
            for name, entry in self.records.items()
        }
        return json.dumps({"master": self.master, "records": records}, indent=1).encode()

    @classmethod
    def decode(cls, data: bytes) -> "LibraryIndex":
        """Raises `UnknownReference` for an index that was edited into something else."""
        try:
            raw = json.loads(data)
            records = {
                str(name): SealedRecord(base64.b64decode(entry["key"]), str(entry["stem"]))
                for name, entry in raw["records"].items()
                if STEM.fullmatch(str(entry["stem"]))
            }
            return cls(raw["master"] if raw["master"] in MASTERS else "", records)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnknownReference("the library's index was changed outside of Mien", reason="edited") from error
