"""The records of the library as files: sealed under a key each, and opened with the master key."""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag

from mien_core.errors import UnknownReference
from mien_core.files import write_whole
from mien_daemon.references.consent import Consent
from mien_daemon.references.index import LibraryIndex, SealedRecord
from mien_daemon.references.sealing import new_key, seal, unseal

SUFFIXES = (".consent", ".thumbnail", ".picture")


@dataclass(frozen=True, slots=True)
class Record:
    """One face of the library, without its picture."""

    id: str
    consent: Consent


@dataclass(frozen=True, slots=True)
class OpenRecords:
    """The records of an index, with the master key that opens them; with an index of no records the key is empty."""

    folder: Path
    index: LibraryIndex
    master: bytes

    def record(self, reference: str) -> Record:
        """One record, expired or not.

        Raises:
            UnknownReference: `reason` is "absent" or "edited".
        """
        return Record(reference, Consent.decode(self._unseal(reference, "consent", b"consent")))

    def usable(self, reference: str) -> Record:
        """One record whose consent counts now.

        Raises:
            UnknownReference: `reason` is "absent", "edited" or "expired".
        """
        record = self.record(reference)
        if record.consent.is_over:
            raise UnknownReference("the consent for this reference has ended", reference=reference, reason="expired")
        return record

    def picture(self, record: Record) -> bytes:
        """The picture, which opens only with the consent that it was sealed with; raises as `record`."""
        return self._unseal(record.id, "picture", hashlib.sha256(record.consent.encode()).digest())

    def thumbnail(self, reference: str) -> bytes:
        """The small JPEG; raises as `record`."""
        return self._unseal(reference, "thumbnail", b"thumbnail")

    def seal(self, record: Record, picture: bytes, thumbnail: bytes) -> SealedRecord:
        """Write a record's files under a new key and a new stem, synced; nothing refers to them yet."""
        key, stem, name = new_key(), secrets.token_hex(8), record.id.encode()
        consent = record.consent.encode()
        for kind, content, bound in (
            ("consent", consent, b"consent"),
            ("thumbnail", thumbnail, b"thumbnail"),
            ("picture", picture, hashlib.sha256(consent).digest()),
        ):
            write_whole(self.folder / f"{stem}.{kind}", seal(key, content, name + bound), 0o600)
        return SealedRecord(seal(self.master, key, name), stem)

    def _unseal(self, reference: str, kind: str, bound: bytes) -> bytes:
        """One of a record's files, opened."""
        entry = self.index.records.get(reference)
        if entry is None:
            raise absent(reference)
        name = reference.encode()
        try:
            key = unseal(self.master, entry.key, name)
            return unseal(key, (self.folder / f"{entry.stem}.{kind}").read_bytes(), name + bound)
        except (InvalidTag, ValueError, OSError) as error:
            raise UnknownReference(
                "this reference was changed outside of Mien", reference=reference, reason="edited"
            ) from error


def describe(record: Record) -> dict[str, Any]:
    """A record as the API and the command line show it, without its thumbnail."""
    consent = record.consent
    return {
        "id": record.id,
        "name": consent.label,
        "basis": consent.basis,
        "given_at": consent.given_at,
        "expires_at": consent.expires_at,
        "usable": not consent.is_over,
    }


def absent(reference: str) -> UnknownReference:
    return UnknownReference("there is no such reference", reference=reference, reason="absent")
