"""The reference library: faces of people who agreed, sealed so that withdrawing means shredding.

state/references/
  index.json                  the name of the master key in use; for each record its own key, wrapped, and its stem
  <stem>.consent, .thumbnail  sealed under the record's key
  <stem>.picture              sealed with the consent's digest as associated data

A consent that was exchanged or edited no longer opens the picture. When a record goes, the master key is replaced and
the other keys are wrapped anew, so that no copy of the old files can be opened again. The index is the only file that
changes, and it changes whole: a crash leaves the library as it was before or as it is after. Files that the index does
not name are left over from an interrupted change; the next change and the next start of the daemon remove them.
Embeddings are never kept.
"""

import base64
import hashlib
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag

from mien_core.errors import UnknownReference
from mien_core.files import write_whole
from mien_core.locks import exclusively
from mien_daemon.references.consent import STATEMENTS, Consent
from mien_daemon.references.index import LibraryIndex, SealedRecord
from mien_daemon.references.sealing import Keys, MasterKeys, new_key, seal, unseal

LOCK = "lock"
INDEX = "index.json"
_SEALED = (".consent", ".thumbnail", ".picture")


@dataclass(frozen=True, slots=True)
class Record:
    """One face of the library, without its picture."""

    id: str
    consent: Consent


class ReferenceLibrary:
    """The folder of sealed faces. Every method works on files; none belongs on an event loop."""

    def __init__(self, state: Path, keys: Keys | None = None) -> None:
        """`keys` is where the master key is kept; by default the key store of this state folder."""

        def open_keys() -> Keys:
            from mien_core.key_store import KeyStore  # imports keyring, which is slow and seldom needed

            return keys or KeyStore(state)

        self._folder = state / "references"
        self._masters = MasterKeys(open_keys)

    def add(self, picture: bytes, thumbnail: bytes, consent: Consent) -> Record:
        """Seal a picture that was checked and shows one face."""
        with self._changing() as index:
            record = Record(secrets.token_hex(8), consent)
            self._save(index.with_record(record.id, self._seal(index, record, picture, thumbnail)))
            return record

    def records(self) -> list[Record]:
        """Every record that can be opened, by label; expired ones too, edited ones not."""
        index, found = self._index(), list[Record]()
        for reference in index.records:
            with suppress(UnknownReference):
                found.append(self._record(index, reference))
        return sorted(found, key=lambda record: record.consent.label.casefold())

    def record(self, reference: str) -> Record:
        """One record, expired or not.

        Raises:
            UnknownReference: `reason` is "absent" or "edited".
        """
        return self._record(self._index(), reference)

    def usable(self, reference: str) -> Record:
        """One record whose consent counts now.

        Raises:
            UnknownReference: `reason` is "absent", "edited" or "expired".
        """
        record = self.record(reference)
        if record.consent.is_over:
            raise UnknownReference("the consent for this reference has ended", reference=reference, reason="expired")
        return record

    def picture(self, reference: str) -> bytes:
        """The picture of a reference whose consent counts now; raises as `usable`."""
        return self._picture(self._index(), self.usable(reference))

    def thumbnail(self, reference: str) -> bytes:
        """The small JPEG; raises as `record`."""
        return self._unseal(self._index(), reference, "thumbnail", b"thumbnail")

    def export(self, reference: str) -> dict[str, object]:
        """Everything that is kept of one person, for that person; raises as `record`."""
        record = self.record(reference)
        return {
            "id": record.id,
            **asdict(record.consent),
            "statement_text": STATEMENTS[record.consent.basis],
            "picture": base64.b64encode(self._picture(self._index(), record)).decode("ascii"),
        }

    def change(self, reference: str, consent: Consent) -> Record:
        """Seal a record anew under another consent; raises as `record`."""
        with self._changing() as index:
            old = self._record(index, reference)
            new = replace(old, consent=consent)
            thumbnail = self._unseal(index, reference, "thumbnail", b"thumbnail")
            entry = self._seal(index, new, self._picture(index, old), thumbnail)
            self._save(index.with_record(reference, entry))
            self._unlink(index.records[reference].stem)
            return new

    def withdraw(self, reference: str) -> None:
        """Shred one record, readable or edited: no copy of its files can be opened afterwards.

        Raises:
            UnknownReference: there is none of that name.
        """
        with self._changing() as index:
            entry = index.records.get(reference)
            if entry is None:
                raise _absent(reference)
            self._rotate(index, without=reference)
            self._unlink(entry.stem)

    def forget_all(self) -> int:
        """Shred everything, readable or not, and return how many pictures there were."""
        with self._locked():
            self._masters.delete_all_but("")
            gone = len(list(self._folder.glob("*.picture")))
            for path in self._folder.iterdir():
                if path.name != LOCK:
                    path.unlink(missing_ok=True)
            return gone

    def remove_leftovers(self) -> None:
        """Remove what an interrupted change left; where it left nothing, no key is asked for.

        Raises:
            UnknownReference: the index was edited, so what belongs to it is not known.
            OSError: a file or a key cannot be removed.
        """
        if self._leftovers(self._index()):
            with self._locked():
                self._remove_leftovers(self._index())

    # ── sealing ──────────────────────────────────────────────────────────────────────────────────────────

    def _seal(self, index: LibraryIndex, record: Record, picture: bytes, thumbnail: bytes) -> SealedRecord:
        """Write a record's files under a new key and a new stem; nothing refers to them yet."""
        key, stem, name = new_key(), secrets.token_hex(8), record.id.encode()
        consent = record.consent.encode()
        for kind, content, bound in (
            ("consent", consent, b"consent"),
            ("thumbnail", thumbnail, b"thumbnail"),
            ("picture", picture, hashlib.sha256(consent).digest()),
        ):
            write_whole(self._folder / f"{stem}.{kind}", seal(key, content, name + bound), 0o600)
        return SealedRecord(seal(self._masters.require(index.master), key, name), stem)

    def _unseal(self, index: LibraryIndex, reference: str, kind: str, bound: bytes) -> bytes:
        """One of a record's files, opened."""
        entry = index.records.get(reference)
        if entry is None:
            raise _absent(reference)
        try:
            key = unseal(self._masters.require(index.master), entry.key, reference.encode())
            return unseal(key, (self._folder / f"{entry.stem}.{kind}").read_bytes(), reference.encode() + bound)
        except (InvalidTag, ValueError, OSError) as error:
            raise UnknownReference(
                "this reference was changed outside of Mien", reference=reference, reason="edited"
            ) from error

    def _record(self, index: LibraryIndex, reference: str) -> Record:
        return Record(reference, Consent.decode(self._unseal(index, reference, "consent", b"consent")))

    def _picture(self, index: LibraryIndex, record: Record) -> bytes:
        bound = hashlib.sha256(record.consent.encode()).digest()
        return self._unseal(index, record.id, "picture", bound)

    # ── changing ─────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _locked(self) -> Generator[None]:
        """The folder, for this process alone."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusively(self._folder / LOCK):
            yield

    @contextmanager
    def _changing(self) -> Generator[LibraryIndex]:
        """The index, for this process alone, with a master key and without leftovers."""
        with self._locked():
            index = self._index()
            self._remove_leftovers(index)
            yield replace(index, master=self._masters.ensure(index.master))

    def _leftovers(self, index: LibraryIndex) -> list[Path]:
        """Sealed files that the index does not name, and files that were never written to their end."""
        known = {entry.stem for entry in index.records.values()}
        sealed = [path for suffix in _SEALED for path in self._folder.glob(f"*{suffix}")]
        return [path for path in sealed if path.stem not in known] + list(self._folder.glob(".*"))

    def _remove_leftovers(self, index: LibraryIndex) -> None:
        for path in self._leftovers(index):
            path.unlink(missing_ok=True)
        self._masters.delete_all_but(index.master)

    def _rotate(self, index: LibraryIndex, without: str) -> None:
        """Wrap every other record's key with a new master key, then delete the old one."""
        old = self._masters.require(index.master)
        name, master = self._masters.add_other(index.master)
        records: dict[str, SealedRecord] = {}
        for reference, entry in index.records.items():
            if reference != without:
                with suppress(InvalidTag, ValueError):  # edited: it cannot be opened now and never will be
                    key = unseal(old, entry.key, reference.encode())
                    records[reference] = replace(entry, key=seal(master, key, reference.encode()))
        self._save(LibraryIndex(name, records))
        self._masters.delete_all_but(name)

    def _index(self) -> LibraryIndex:
        try:
            return LibraryIndex.decode((self._folder / INDEX).read_bytes())
        except FileNotFoundError:
            return LibraryIndex()

    def _save(self, index: LibraryIndex) -> None:
        write_whole(self._folder / INDEX, index.encode(), 0o600)

    def _unlink(self, stem: str) -> None:
        for suffix in _SEALED:
            (self._folder / f"{stem}{suffix}").unlink(missing_ok=True)


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


def _absent(reference: str) -> UnknownReference:
    return UnknownReference("there is no such reference", reference=reference, reason="absent")
