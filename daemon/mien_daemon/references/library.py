"""The reference library: faces of people who agreed, sealed so that withdrawing means shredding.

state/references/
  index.json                  the name of the master key in use and a value that only this key makes; for each record
                              its own key, wrapped, and its stem
  <stem>.consent, .thumbnail  sealed under the record's key
  <stem>.picture              sealed with the consent's digest as associated data

A consent that was exchanged or edited no longer opens the picture. When a record goes, the master key is replaced and
the other keys are wrapped anew, so that no copy of the old files can be opened again. The index is the only file that
changes, and it changes whole: a crash leaves the library as it was before or as it is after. Files that the index does
not name are left over from an interrupted change; the next change and the next start of the daemon remove them.
Embeddings are never kept.

The master key is checked before every change. A key that cannot be had, or is another one, is a refusal that changes
nothing. A new key is made only where no record is sealed with an older one.
"""

import base64
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from cryptography.exceptions import InvalidTag

from mien_core.errors import KeyUnavailable, UnknownReference
from mien_core.files import write_whole
from mien_core.locks import exclusively
from mien_daemon.references.backup import BackedUp, Exported, Imported, open_backup, writing
from mien_daemon.references.consent import STATEMENTS, Consent
from mien_daemon.references.index import LibraryIndex, SealedRecord
from mien_daemon.references.records import SUFFIXES, OpenRecords, Record, absent
from mien_daemon.references.sealing import MASTERS, Keys, MasterKeys, make_check, seal, unseal

LOCK = "lock"
INDEX = "index.json"

Found = TypeVar("Found")


class ReferenceLibrary:
    """The folder of sealed faces. Every method works on files; none belongs on an event loop.

    Every method raises `KeyUnavailable` where there are records and the master key cannot be had.
    """

    def __init__(self, state: Path, keys: Keys | None = None) -> None:
        """`keys` is where the master key is kept; by default the key store of this state folder."""

        def open_keys() -> Keys:
            from mien_core.key_store import KeyStore  # imports keyring, which is slow and seldom needed

            return keys or KeyStore(state)

        self._folder = state / "references"
        self._masters = MasterKeys(open_keys)

    # ── read ─────────────────────────────────────────────────────────────────────────────────────────────

    def records(self) -> list[Record]:
        """Every record that can be opened, by label; expired ones too, edited ones not."""
        return self._read(_list_records)

    def record(self, reference: str) -> Record:
        """One record, expired or not.

        Raises:
            UnknownReference: `reason` is "absent" or "edited".
        """
        return self._read(lambda opened: opened.record(reference))

    def usable(self, reference: str) -> Record:
        """One record whose consent counts now.

        Raises:
            UnknownReference: `reason` is "absent", "edited" or "expired".
        """
        return self._read(lambda opened: opened.usable(reference))

    def picture(self, reference: str) -> bytes:
        """The picture of a reference whose consent counts now; raises as `usable`."""
        return self._read(lambda opened: opened.picture(opened.usable(reference)))

    def thumbnail(self, reference: str) -> bytes:
        """The small JPEG; raises as `record`."""
        return self._read(lambda opened: opened.thumbnail(reference))

    def export(self, reference: str) -> dict[str, object]:
        """Everything that is kept of one person, for that person; raises as `record`."""

        def read(opened: OpenRecords) -> dict[str, object]:
            record = opened.record(reference)
            return {
                "id": record.id,
                **asdict(record.consent),
                "statement_text": STATEMENTS[record.consent.basis],
                "picture": base64.b64encode(opened.picture(record)).decode("ascii"),
            }

        return self._read(read)

    # ── changed ──────────────────────────────────────────────────────────────────────────────────────────

    def add(self, picture: bytes, thumbnail: bytes, consent: Consent) -> Record:
        """Seal a picture that was checked and shows one face."""
        with self._changing() as opened:
            record = Record(secrets.token_hex(8), consent)
            self._save(opened.index.with_records({record.id: opened.seal(record, picture, thumbnail)}))
            return record

    def change(self, reference: str, edit: Callable[[Consent], Consent]) -> Record:
        """Seal a record anew under the consent that `edit` makes of its own; raises as `record`."""
        with self._changing() as opened:
            old = opened.record(reference)
            new = replace(old, consent=edit(old.consent))
            entry = opened.seal(new, opened.picture(old), opened.thumbnail(reference))
            self._save(opened.index.with_records({reference: entry}))
            self._unlink(opened.index.records[reference].stem)
            return new

    def withdraw(self, reference: str) -> None:
        """Shred one record, readable or edited: no copy of its files can be opened afterwards.

        Raises:
            UnknownReference: there is none of that name.
        """
        with self._changing() as opened:
            entry = opened.index.records.get(reference)
            if entry is None:
                raise absent(reference)
            self._rotate(opened, without=reference)
            self._unlink(entry.stem)

    def forget_all(self) -> int:
        """Shred everything, readable or not, and return how many pictures there were.

        The empty index comes first: where this is interrupted, the next change and the next start go on with it.
        """
        with self._locked():
            self._masters.require_reachable()
            gone = len(list(self._folder.glob("*.picture")))
            self._save(LibraryIndex())
            self._remove_leftovers(LibraryIndex())
            (self._folder / INDEX).unlink(missing_ok=True)
            return gone

    def remove_leftovers(self) -> None:
        """Remove what an interrupted change left; where it left nothing, no key is asked for.

        Raises:
            UnknownReference: the index was edited, so what belongs to it is not known.
            KeyUnavailable: the key cannot be had, so whether this is the index that belongs to it is not known.
            OSError: a file cannot be removed.
        """
        if self._leftovers(self._index()):
            with self._locked():
                index = self._index()
                if index.records:
                    self._require_master(index)
                self._remove_leftovers(index)

    # ── backup ───────────────────────────────────────────────────────────────────────────────────────────

    def export_backup(self, out: BinaryIO, passphrase: str) -> Exported:
        """Write every record that can be opened, expired or not, sealed with the passphrase."""
        kept, left_out = list[str](), list[str]()
        with self._locked():
            opened = self._open(self._index())
            with writing(out, passphrase) as write:
                for reference in sorted(opened.index.records):
                    try:
                        record = opened.record(reference)
                        whole = BackedUp(record, opened.thumbnail(reference), opened.picture(record))
                    except UnknownReference:
                        left_out.append(reference)
                        continue
                    write(whole)
                    kept.append(reference)
        return Exported(tuple(kept), tuple(left_out))

    def import_backup(self, source: BinaryIO, passphrase: str) -> Imported:
        """Add what a backup has and the library has not: all of it or, after an error, nothing.

        A record is here already where its id is, or where the same picture is kept under the same name and basis.

        Raises:
            WrongPassphrase: nothing of it can be opened.
            BackupRefused: it is no backup, or not a whole one.
        """
        whole = open_backup(source, passphrase)
        for _ in whole.records():  # to its end, before anything changes
            pass
        added, present = dict[str, SealedRecord](), list[str]()
        with self._changing() as opened:
            known = _find_fingerprints(opened)
            try:
                for each in whole.records():
                    if each.record.id in {*opened.index.records, *added} or each.fingerprint in known:
                        present.append(each.record.id)
                        continue
                    added[each.record.id] = opened.seal(each.record, each.picture, each.thumbnail)
            except BaseException:
                for entry in added.values():
                    self._unlink(entry.stem)
                raise
            if added:
                self._save(opened.index.with_records(added))
        return Imported(tuple(added), tuple(present))

    # ── keys and files ───────────────────────────────────────────────────────────────────────────────────

    def _read(self, read: Callable[[OpenRecords], Found]) -> Found:
        """What `read` finds; once more where another process changed the library meanwhile."""
        while True:
            index = self._index()
            try:
                return read(self._open(index))
            except (KeyUnavailable, UnknownReference):
                if self._index() == index:
                    raise

    def _open(self, index: LibraryIndex) -> OpenRecords:
        return OpenRecords(self._folder, index, self._require_master(index) if index.records else b"")

    def _require_master(self, index: LibraryIndex) -> bytes:
        """The master key that sealed these records.

        Raises:
            KeyUnavailable: it cannot be had, is gone, or is another one.
            UnknownReference: the index was edited, and names no key.
        """
        if not index.master:
            raise UnknownReference("the library's index was changed outside of Mien", reason="edited")
        master, command = self._masters.load(index.master), "mien references forget-all"
        if master is None:
            raise KeyUnavailable("the key of the reference library is gone", reason="absent", command=command)
        if not index.is_sealed_by(master):
            raise KeyUnavailable("another key sealed the reference library", reason="wrong", command=command)
        return master

    @contextmanager
    def _locked(self) -> Generator[None]:
        """The folder, for this process alone."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusively(self._folder / LOCK):
            yield

    @contextmanager
    def _changing(self) -> Generator[OpenRecords]:
        """The library, for this process alone, with the key that seals it and without leftovers."""
        with self._locked():
            index = self._index()
            known = self._require_master(index) if index.records else None
            self._remove_leftovers(index)
            name = index.master or MASTERS[0]
            master = known or self._masters.load(name) or self._masters.make(name)
            if not (index.check and index.is_sealed_by(master)):
                index = replace(index, master=name, check=make_check(master))
                self._save(index)
            yield OpenRecords(self._folder, index, master)

    def _leftovers(self, index: LibraryIndex) -> list[Path]:
        """Sealed files that the index does not name, and files that were never written to their end."""
        known = {entry.stem for entry in index.records.values()}
        return [path for path in self._sealed() if path.stem not in known] + list(self._folder.glob(".*"))

    def _sealed(self) -> list[Path]:
        return [path for suffix in SUFFIXES for path in self._folder.glob(f"*{suffix}")]

    def _remove_leftovers(self, index: LibraryIndex) -> None:
        """Keys first: as long as files are left, the next start knows that there is something to remove."""
        self._masters.delete_all_but(index.master)
        for path in self._leftovers(index):
            path.unlink(missing_ok=True)

    def _rotate(self, opened: OpenRecords, without: str) -> None:
        """Wrap every other record's key with a new master key, then delete the old one."""
        name, master = self._masters.make_other(opened.index.master)
        records: dict[str, SealedRecord] = {}
        for reference, entry in opened.index.records.items():
            if reference != without:
                with suppress(InvalidTag, ValueError):  # edited: it cannot be opened now and never will be
                    key = unseal(opened.master, entry.key, reference.encode())
                    records[reference] = replace(entry, key=seal(master, key, reference.encode()))
        self._save(LibraryIndex(name, records, make_check(master)))
        self._masters.delete_all_but(name)

    def _index(self) -> LibraryIndex:
        """The index; an empty one where there is no library.

        Raises:
            UnknownReference: it was edited, or sealed files have none.
        """
        try:
            return LibraryIndex.decode((self._folder / INDEX).read_bytes())
        except FileNotFoundError:
            if self._sealed():
                raise UnknownReference("the library's index is gone", reason="edited") from None
            return LibraryIndex()

    def _save(self, index: LibraryIndex) -> None:
        write_whole(self._folder / INDEX, index.encode(), 0o600)

    def _unlink(self, stem: str) -> None:
        for suffix in SUFFIXES:
            (self._folder / f"{stem}{suffix}").unlink(missing_ok=True)


def _list_records(opened: OpenRecords) -> list[Record]:
    found: list[Record] = []
    for reference in opened.index.records:
        with suppress(UnknownReference):
            found.append(opened.record(reference))
    return sorted(found, key=lambda record: record.consent.label.casefold())


def _find_fingerprints(opened: OpenRecords) -> set[bytes]:
    """The fingerprint of every record that can be opened."""
    found = set[bytes]()
    for record in _list_records(opened):
        with suppress(UnknownReference):
            found.add(BackedUp(record, b"", opened.picture(record)).fingerprint)
    return found
