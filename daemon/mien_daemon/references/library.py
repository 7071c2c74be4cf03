"""The reference library: faces of people who agreed, sealed so that withdrawing means shredding.

state/references/
  index.json                  the name of the master key in use and a value that only this key makes; for each record
                              its own key, wrapped, its stem, and the stem of each of its pictures
  <stem>.consent, .thumbnail  sealed under the record's key
  <stem>.picture              sealed with the consent's digest as associated data

A record is one person, with one consent and 1 to 20 pictures. A consent that was exchanged or edited no longer opens
the pictures. When a record or a picture goes, the master key is replaced and the keys of what stays are wrapped anew,
so that no copy of the old files can be opened again. The index is the only file that changes, and it changes whole: a
crash leaves the library as it was before or as it is after. Files that the index does not name are left over from an
interrupted change; the next change and the next start of the daemon remove them. Embeddings are never kept.

The master key is checked before every change. A key that cannot be had, or is another one, is a refusal that changes
nothing. A new key is made only where no record is sealed with an older one.
"""

import base64
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from mien_core.errors import LastPicture, UnknownReference
from mien_daemon.references.backup import BackedUp, Exported, Imported, open_backup, writing
from mien_daemon.references.consent import STATEMENTS, Consent
from mien_daemon.references.index import SealedRecord
from mien_daemon.references.records import KeptPicture, OpenRecords, Record, absent
from mien_daemon.references.sealed_folder import SealedFolder
from mien_daemon.references.sealing import Keys, MasterKeys
from mien_pipeline.options import require_readable_count

Value = TypeVar("Value")


class ReferenceLibrary:
    """The folder of sealed faces. Every method works on files; none belongs on an event loop.

    Every method raises `KeyUnavailable` where there are records and the master key cannot be had.
    """

    def __init__(self, state: Path, keys: Keys | None = None) -> None:
        """`keys` is where the master key is kept; by default the key store of this state folder."""

        def open_keys() -> Keys:
            from mien_core.key_store import KeyStore  # imports keyring, which is slow and seldom needed

            return keys or KeyStore(state)

        self._sealed = SealedFolder(state / "references", MasterKeys(open_keys))

    # ── read ─────────────────────────────────────────────────────────────────────────────────────────────

    def records(self) -> list[Record]:
        """Every record that can be opened, by label; expired ones too, edited ones not."""
        return self._sealed.read(_list_records)

    def record(self, reference: str) -> Record:
        """One record, expired or not.

        Raises:
            UnknownReference: `reason` is "absent" or "edited".
        """
        return self._sealed.read(lambda opened: opened.record(reference))

    def usable(self, reference: str) -> Record:
        """One record whose consent counts now.

        Raises:
            UnknownReference: `reason` is "absent", "edited" or "expired".
        """
        return self._sealed.read(lambda opened: opened.usable(reference))

    def pictures(self, reference: str) -> Mapping[str, bytes]:
        """The pictures of a person whose consent counts now, by id, the first added first; raises as `usable`."""

        def read(opened: OpenRecords) -> Mapping[str, bytes]:
            record = opened.usable(reference)
            return {picture: opened.picture(record, picture) for picture in record.pictures}

        return self._sealed.read(read)

    def thumbnail(self, reference: str, picture: str | None = None) -> bytes:
        """The small JPEG of one picture, by default the first; raises as `record`."""
        return self._sealed.read(lambda opened: opened.thumbnail(reference, picture))

    def export(self, reference: str) -> dict[str, object]:
        """Everything that is kept of one person, for that person; raises as `record`."""

        def read(opened: OpenRecords) -> dict[str, object]:
            record = opened.record(reference)
            return {
                "id": record.id,
                **asdict(record.consent),
                "statement_text": STATEMENTS[record.consent.basis],
                "pictures": [
                    {"id": picture, "picture": base64.b64encode(opened.picture(record, picture)).decode("ascii")}
                    for picture in record.pictures
                ],
            }

        return self._sealed.read(read)

    # ── changed ──────────────────────────────────────────────────────────────────────────────────────────

    def add(self, pictures: Sequence[KeptPicture], consent: Consent) -> Record:
        """Seal pictures of one person that were checked and show one face each.

        Raises:
            TooManyPictures: of one person.
        """
        require_readable_count(len(pictures))
        with self._sealed.changing() as opened:
            reference, kept = secrets.token_hex(8), number(pictures)
            self._sealed.save(opened.index.with_records({reference: opened.seal(reference, consent, kept)}))
            return Record(reference, consent, tuple(kept))

    def add_pictures(self, reference: str, pictures: Sequence[KeptPicture], consent: Consent) -> Record:
        """Seal further pictures of a person, checked as the first was; one that is kept already is not kept twice.

        Args:
            reference: the person.
            pictures: at least one.
            consent: what was confirmed of them; they are kept under the consent that is there.

        Raises:
            UnknownReference: as `usable`.
            ConsentRequired: the consent that is there has another basis.
            TooManyPictures: the person would have more than are read.
        """
        with self._sealed.changing() as opened:
            record = opened.usable(reference)
            record.consent.require_same_basis(consent)
            known = {opened.picture(record, picture) for picture in record.pictures}
            further = [each for each in pictures if each.picture not in known]
            require_readable_count(len(record.pictures) + len(further))
            entry = opened.seal_further(record, number(further))
            self._sealed.save(opened.index.with_records({reference: entry}))
            return replace(record, pictures=tuple(entry.pictures))

    def change(self, reference: str, edit: Callable[[Consent], Consent]) -> Record:
        """Seal a record anew under the consent that `edit` makes of its own; raises as `record`."""
        with self._sealed.changing() as opened:
            old = opened.record(reference)
            new = replace(old, consent=edit(old.consent))
            entry = opened.seal(reference, new.consent, opened.kept(old))
            self._sealed.save(opened.index.with_records({reference: entry}))
            self._sealed.unlink(opened.index.records[reference])
            return new

    def remove_picture(self, reference: str, picture: str) -> Record:
        """Shred one picture of a person who has others: no copy of its files can be opened afterwards.

        Raises:
            UnknownReference: as `record`; `picture` is named where the person has no such picture.
            LastPicture: the person has no other; `withdraw` shreds it with the consent.
        """
        with self._sealed.changing() as opened:
            old = opened.record(reference)
            if picture not in old.pictures:
                raise absent(reference, picture)
            if len(old.pictures) == 1:
                raise LastPicture("a person without a picture is no reference; withdraw it", reference=reference)
            entry = opened.seal(reference, old.consent, without(opened.kept(old), picture))
            self._sealed.rotate(opened, opened.index.with_records({reference: entry}).records)
            self._sealed.unlink(opened.index.records[reference])
            return replace(old, pictures=tuple(entry.pictures))

    def withdraw(self, reference: str) -> None:
        """Shred one record, readable or edited: no copy of its files can be opened afterwards.

        Raises:
            UnknownReference: there is none of that name.
        """
        with self._sealed.changing() as opened:
            entry = opened.index.records.get(reference)
            if entry is None:
                raise absent(reference)
            self._sealed.rotate(opened, without(opened.index.records, reference))
            self._sealed.unlink(entry)

    def forget_all(self) -> int:
        """Shred everything, readable or not, and return how many people there were."""
        with self._sealed.locked():
            return self._sealed.clear()

    def remove_leftovers(self) -> None:
        """Remove what an interrupted change left; where it left nothing, no key is asked for.

        Raises:
            UnknownReference: the index was edited, so what belongs to it is not known.
            KeyUnavailable: the key cannot be had, so whether this is the index that belongs to it is not known.
            OSError: a file cannot be removed.
        """
        if self._sealed.leftovers(self._sealed.index()):
            with self._sealed.locked():
                index = self._sealed.index()
                if index.records:
                    self._sealed.require_master(index)
                self._sealed.remove_leftovers(index)

    # ── backup ───────────────────────────────────────────────────────────────────────────────────────────

    def export_backup(self, out: BinaryIO, passphrase: str) -> Exported:
        """Write every record that can be opened, expired or not, sealed with the passphrase."""
        kept, left_out = list[str](), list[str]()
        with self._sealed.locked():
            opened = self._sealed.open(self._sealed.index())
            with writing(out, passphrase) as write:
                for reference in sorted(opened.index.records):
                    try:
                        record = opened.record(reference)
                        whole = BackedUp(record, opened.kept(record))
                    except UnknownReference:
                        left_out.append(reference)
                        continue
                    write(whole)
                    kept.append(reference)
        return Exported(tuple(kept), tuple(left_out))

    def import_backup(self, source: BinaryIO, passphrase: str) -> Imported:
        """Add what a backup has and the library has not: all of it or, after an error, nothing.

        A record is here already where its id is, or where the same pictures are kept under the same name and basis.

        Raises:
            WrongPassphrase: nothing of it can be opened.
            BackupRefused: it is no backup, or not a whole one.
        """
        whole = open_backup(source, passphrase)
        for _ in whole.records():  # to its end, before anything changes
            pass
        added, present = dict[str, SealedRecord](), list[str]()
        with self._sealed.changing() as opened:
            known = _find_fingerprints(opened)
            try:
                for each in whole.records():
                    if each.record.id in {*opened.index.records, *added} or each.fingerprint in known:
                        present.append(each.record.id)
                        continue
                    added[each.record.id] = opened.seal(each.record.id, each.record.consent, each.kept)
            except BaseException:
                for entry in added.values():
                    self._sealed.unlink(entry)
                raise
            if added:
                self._sealed.save(opened.index.with_records(added))
        return Imported(tuple(added), tuple(present))


def number(pictures: Sequence[KeptPicture]) -> dict[str, KeptPicture]:
    """Pictures with an id each; the same one twice is one."""
    each = {kept.picture: kept for kept in pictures}
    return {secrets.token_hex(8): kept for kept in each.values()}


def without(named: Mapping[str, Value], name: str) -> dict[str, Value]:
    return {each: value for each, value in named.items() if each != name}


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
            found.add(BackedUp(record, opened.kept(record)).fingerprint)
    return found
