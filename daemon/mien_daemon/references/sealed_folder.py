"""The folder of the library: its index, its lock, its master key, and what an interrupted change left in it."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from mien_core.errors import KeyUnavailable, UnknownReference
from mien_core.files import write_whole
from mien_core.locks import exclusively
from mien_daemon.references.index import LibraryIndex, SealedRecord
from mien_daemon.references.records import SUFFIXES, OpenRecords
from mien_daemon.references.sealing import MASTERS, MasterKeys, make_check, seal, unseal

LOCK = "lock"
INDEX = "index.json"

Found = TypeVar("Found")


class SealedFolder:
    """Sealed records on the disk, opened to be read or, for one process alone, to be changed."""

    def __init__(self, path: Path, masters: MasterKeys) -> None:
        self.path = path
        self.masters = masters

    def read(self, read: Callable[[OpenRecords], Found]) -> Found:
        """What `read` finds; once more where another process changed the library meanwhile."""
        while True:
            index = self.index()
            try:
                return read(self.open(index))
            except (KeyUnavailable, UnknownReference):
                if self.index() == index:
                    raise

    def open(self, index: LibraryIndex) -> OpenRecords:
        """The records of an index; raises as `require_master`."""
        return OpenRecords(self.path, index, self.require_master(index) if index.records else b"")

    def require_master(self, index: LibraryIndex) -> bytes:
        """The master key that sealed these records.

        Raises:
            KeyUnavailable: it cannot be had, is gone, or is another one.
            UnknownReference: the index was edited, and names no key.
        """
        if not index.master:
            raise UnknownReference("the library's index was changed outside of Mien", reason="edited")
        master, command = self.masters.load(index.master), "mien references forget-all"
        if master is None:
            raise KeyUnavailable("the key of the reference library is gone", reason="absent", command=command)
        if not index.is_sealed_by(master):
            raise KeyUnavailable("another key sealed the reference library", reason="wrong", command=command)
        return master

    @contextmanager
    def locked(self) -> Generator[None]:
        """The folder, for this process alone."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusively(self.path / LOCK):
            yield

    @contextmanager
    def changing(self) -> Generator[OpenRecords]:
        """The library, for this process alone, with the key that seals it and without leftovers."""
        with self.locked():
            index = self.index()
            known = self.require_master(index) if index.records else None
            self.remove_leftovers(index)
            name = index.master or MASTERS[0]
            master = known or self.masters.load(name) or self.masters.make(name)
            if not (index.check and index.is_sealed_by(master)):
                index = replace(index, master=name, check=make_check(master))
                self.save(index)
            yield OpenRecords(self.path, index, master)

    def leftovers(self, index: LibraryIndex) -> list[Path]:
        """Sealed files that the index does not name, and files that were never written to their end."""
        known = {stem for entry in index.records.values() for stem in entry.stems}
        return [path for path in self._sealed() if path.stem not in known] + list(self.path.glob(".*"))

    def _sealed(self) -> list[Path]:
        return [path for suffix in SUFFIXES for path in self.path.glob(f"*{suffix}")]

    def remove_leftovers(self, index: LibraryIndex) -> None:
        """Keys first: as long as files are left, the next start knows that there is something to remove."""
        self.masters.delete_all_but(index.master)
        for path in self.leftovers(index):
            path.unlink(missing_ok=True)

    def clear(self) -> int:
        """Shred everything, readable or not, and return how many records there were.

        The empty index comes first: where this is interrupted, the next change and the next start go on with it.
        """
        self.masters.require_reachable()
        gone = len(list(self.path.glob("*.consent")))
        self.save(LibraryIndex())
        self.remove_leftovers(LibraryIndex())
        (self.path / INDEX).unlink(missing_ok=True)
        return gone

    def rotate(self, opened: OpenRecords, staying: Mapping[str, SealedRecord]) -> None:
        """Wrap the key of each record that stays with a new master key, then delete the old one."""
        name, master = self.masters.make_other(opened.index.master)
        records: dict[str, SealedRecord] = {}
        for reference, entry in staying.items():
            with suppress(ValueError):  # edited: it cannot be opened now and never will be
                key = unseal(opened.master, entry.key, reference.encode())
                records[reference] = replace(entry, key=seal(master, key, reference.encode()))
        self.save(LibraryIndex(name, records, make_check(master)))
        self.masters.delete_all_but(name)

    def index(self) -> LibraryIndex:
        """The index; an empty one where there is no library.

        Raises:
            UnknownReference: it was edited, or sealed files have none.
        """
        try:
            return LibraryIndex.decode((self.path / INDEX).read_bytes())
        except FileNotFoundError:
            if self._sealed():
                raise UnknownReference("the library's index is gone", reason="edited") from None
            return LibraryIndex()

    def save(self, index: LibraryIndex) -> None:
        """Put an index in place of the one that is there, whole."""
        write_whole(self.path / INDEX, index.encode(), 0o600)

    def unlink(self, entry: SealedRecord) -> None:
        """Delete every file of a record."""
        for stem in entry.stems:
            for suffix in SUFFIXES:
                (self.path / f"{stem}{suffix}").unlink(missing_ok=True)
