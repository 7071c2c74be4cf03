"""The records of the library as files: sealed under a key each, and opened with the master key."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mien_core.errors import UnknownReference
from mien_core.files import write_whole
from mien_daemon.references.consent import Consent
from mien_daemon.references.index import LibraryIndex, SealedRecord
from mien_daemon.references.sealing import new_key, seal, unseal

SUFFIXES = (".consent", ".thumbnail", ".picture")


@dataclass(frozen=True, slots=True)
class Record:
    """One face of the library, without its pictures: their ids, in the order they were added."""

    id: str
    consent: Consent
    pictures: Sequence[str]


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """One picture of a face, with the small JPEG that lists show."""

    picture: bytes
    thumbnail: bytes


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
        entry = self._entry(reference)
        consent = Consent.decode(self._unseal(reference, entry.stem, "consent", b"consent"))
        if not entry.pictures:
            raise edited(reference)
        return Record(reference, consent, tuple(entry.pictures))

    def usable(self, reference: str) -> Record:
        """One record whose consent counts now.

        Raises:
            UnknownReference: `reason` is "absent", "edited" or "expired".
        """
        record = self.record(reference)
        if record.consent.is_over:
            raise UnknownReference("the consent for this reference has ended", reference=reference, reason="expired")
        return record

    def picture(self, record: Record, picture: str) -> bytes:
        """A picture, which opens only with the consent that it was sealed with; raises as `record`."""
        return self._unseal(record.id, self._stem(record.id, picture), "picture", digest_of(record.consent))

    def thumbnail(self, reference: str, picture: str | None = None) -> bytes:
        """The small JPEG of a picture, by default the first; raises as `record`."""
        return self._unseal(reference, self._stem(reference, picture), "thumbnail", b"thumbnail")

    def kept(self, record: Record) -> Mapping[str, KeptPicture]:
        """Every picture of a record with its thumbnail, by id; raises as `record`."""
        return {
            picture: KeptPicture(self.picture(record, picture), self.thumbnail(record.id, picture))
            for picture in record.pictures
        }

    def seal(self, reference: str, consent: Consent, kept: Mapping[str, KeptPicture]) -> SealedRecord:
        """Write a record's files under a new key and new stems, synced; nothing refers to them yet."""
        key, name, stem = new_key(), reference.encode(), secrets.token_hex(8)
        write_whole(self.folder / f"{stem}.consent", seal(key, consent.encode(), name + b"consent"), 0o600)
        pictures = dict[str, str]()
        for picture, each in kept.items():
            pictures[picture] = self._seal_picture(key, name, consent, each, "" if pictures else stem)
        return SealedRecord(seal(self.master, key, name), stem, pictures)

    def seal_further(self, record: Record, kept: Mapping[str, KeptPicture]) -> SealedRecord:
        """Write further pictures of a record under its own key, synced; nothing refers to them yet."""
        entry, name = self._entry(record.id), record.id.encode()
        key = unseal(self.master, entry.key, name)
        further = {picture: self._seal_picture(key, name, record.consent, each) for picture, each in kept.items()}
        return replace(entry, pictures={**entry.pictures, **further})

    def _seal_picture(self, key: bytes, name: bytes, consent: Consent, kept: KeptPicture, stem: str = "") -> str:
        """Write the two files of a picture, and return their stem, which is a new one where none is given."""
        stem = stem or secrets.token_hex(8)
        write_whole(self.folder / f"{stem}.thumbnail", seal(key, kept.thumbnail, name + b"thumbnail"), 0o600)
        write_whole(self.folder / f"{stem}.picture", seal(key, kept.picture, name + digest_of(consent)), 0o600)
        return stem

    def _entry(self, reference: str) -> SealedRecord:
        entry = self.index.records.get(reference)
        if entry is None:
            raise absent(reference)
        return entry

    def _stem(self, reference: str, picture: str | None) -> str:
        pictures = self._entry(reference).pictures
        stem = pictures.get(picture) if picture is not None else next(iter(pictures.values()), None)
        if stem is None:
            raise absent(reference, picture) if picture is not None else edited(reference)
        return stem

    def _unseal(self, reference: str, stem: str, kind: str, bound: bytes) -> bytes:
        """One of a record's files, opened."""
        name = reference.encode()
        try:
            key = unseal(self.master, self._entry(reference).key, name)
            return unseal(key, (self.folder / f"{stem}.{kind}").read_bytes(), name + bound)
        except (ValueError, OSError) as error:
            raise edited(reference) from error


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
        "pictures": list(record.pictures),
    }


def digest_of(consent: Consent) -> bytes:
    return hashlib.sha256(consent.encode()).digest()


def absent(reference: str, picture: str | None = None) -> UnknownReference:
    if picture is None:
        return UnknownReference("there is no such reference", reference=reference, reason="absent")
    return UnknownReference("this reference has no such picture", reference=reference, picture=picture, reason="absent")


def edited(reference: str) -> UnknownReference:
    return UnknownReference("this reference was changed outside of Mien", reference=reference, reason="edited")
