"""The reference library: faces of people who said yes, sealed so that withdrawing means shredding.

state/references/
  index.json                  the name of the master key in use; for each record its own key, wrapped, and its stem
  <stem>.consent, .thumbnail  sealed under the record's key
  <stem>.picture              sealed with the consent's digest as associated data

A consent that was exchanged or edited no longer opens the picture. When a record goes, the master key is replaced and
the other keys are wrapped anew, so that no copy of the old files anywhere can be opened again. The index is the only
file that changes, and changes whole: a crash leaves the library as it was before or as it is after. Embeddings are
never kept.
"""

import asyncio
import base64
import hashlib
import json
import re
import secrets
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mien_api.errors import JobUnfinished
from mien_core.errors import ConsentRequired, ContentBlocked, NoFaceFound, SeveralFaces, UnknownReference
from mien_core.files import write_whole
from mien_core.locks import exclusively
from mien_daemon.events import Events
from mien_daemon.worker.supervisor import Worker

if TYPE_CHECKING:
    from mien_core.key_store import KeyStore

STATEMENT_VERSION = "2026-11"
STATEMENTS = {
    "self": "This picture shows me. I am an adult, and I want my face to be used for swaps on this machine.",
    "written-permission": (
        "This picture shows an adult who has given me written permission to use their face for swaps on this machine."
    ),
}
"""What a person confirms, by basis. A change of a word is a new version."""

Basis = Literal["self", "written-permission"]
THUMBNAIL_SIDE = 320
DEFAULT_PERIOD = timedelta(days=365)

MASTERS = ("references-1", "references-2")  # names in the key store; the one not in use is always deleted
LOCK = "lock"
_SEALED = (".consent", ".thumbnail", ".picture")
_NONCE_BYTES = 12
_KEY_BITS = 256


@dataclass(frozen=True, slots=True)
class Consent:
    """What was confirmed for one face.

    Attributes:
        label: what the person called it.
        basis: "self" or "written-permission".
        adult: the attestation; a record without it does not exist.
        statement: the version of the words that were confirmed.
        given_at: ISO 8601, UTC.
        expires_at: ISO 8601, UTC, or None for no end.
    """

    label: str
    basis: Basis
    adult: bool
    statement: str
    given_at: str
    expires_at: str | None

    @classmethod
    def given(cls, label: str, basis: str, *, adult: bool, expires_at: datetime | None) -> Self:
        """A consent as of now.

        Raises:
            ConsentRequired: `field` says what was not confirmed.
        """
        if basis not in STATEMENTS:
            raise ConsentRequired("a reference needs a basis", field="basis", known=list(STATEMENTS))
        if not adult:
            raise ConsentRequired("only adults can be a reference", field="adult")
        kind: Basis = "self" if basis == "self" else "written-permission"
        return cls(label, kind, True, STATEMENT_VERSION, _iso(datetime.now(UTC)), None).until(expires_at)

    def named(self, label: str) -> Self:
        return replace(self, label=label)

    def until(self, expires_at: datetime | None) -> Self:
        """The same with another end.

        Raises:
            ConsentRequired: it would have ended already.
        """
        if expires_at is not None and expires_at <= datetime.now(UTC):
            raise ConsentRequired("the consent would have ended already", field="expires_at")
        return replace(self, expires_at=_iso(expires_at) if expires_at else None)

    @property
    def is_over(self) -> bool:
        return self.expires_at is not None and datetime.fromisoformat(self.expires_at) <= datetime.now(UTC)

    def encoded(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()


@dataclass(frozen=True, slots=True)
class Record:
    """One face of the library, without its picture."""

    id: str
    consent: Consent


class ReferenceLibrary:
    """The folder of sealed faces. Every method works on files; none belongs on an event loop."""

    def __init__(self, state: Path, keys: "KeyStore | None" = None) -> None:
        self._state = state
        self._folder = state / "references"
        self._own_keys = keys

    @cached_property
    def _keys(self) -> "KeyStore":
        """Looked for when the first key is needed: secret stores are slow to wake, and the daemon is not."""
        from mien_core.key_store import KeyStore

        return self._own_keys or KeyStore(self._state)

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
        return self._unsealed(self._index(), reference, "thumbnail", b"thumbnail")

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
            thumbnail = self._unsealed(index, reference, "thumbnail", b"thumbnail")
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
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusively(self._folder / LOCK):
            for name in MASTERS:
                self._keys.delete(name)
            gone = len(list(self._folder.glob("*.picture")))
            for path in self._folder.iterdir():
                if path.name != LOCK:
                    path.unlink(missing_ok=True)
            return gone

    # ── sealing ──────────────────────────────────────────────────────────────────────────────────────────

    def _seal(self, index: "Index", record: Record, picture: bytes, thumbnail: bytes) -> "Entry":
        """Write a record's files under a new key and a new stem; nothing refers to them yet."""
        key, stem, name = AESGCM.generate_key(_KEY_BITS), secrets.token_hex(8), record.id.encode()
        consent = record.consent.encoded()
        for kind, content, bound in (
            ("consent", consent, b"consent"),
            ("thumbnail", thumbnail, b"thumbnail"),
            ("picture", picture, hashlib.sha256(consent).digest()),
        ):
            write_whole(self._folder / f"{stem}.{kind}", _encrypt(key, content, name + bound), 0o600)
        return Entry(_encrypt(self._master(index), key, name), stem)

    def _unsealed(self, index: "Index", reference: str, kind: str, bound: bytes) -> bytes:
        """One of a record's files, opened."""
        entry = index.records.get(reference)
        if entry is None:
            raise _absent(reference)
        try:
            key = _decrypt(self._master(index), entry.key, reference.encode())
            return _decrypt(key, (self._folder / f"{entry.stem}.{kind}").read_bytes(), reference.encode() + bound)
        except (InvalidTag, ValueError, OSError) as error:
            raise UnknownReference(
                "this reference was changed outside of Mien", reference=reference, reason="edited"
            ) from error

    def _record(self, index: "Index", reference: str) -> Record:
        consent = json.loads(self._unsealed(index, reference, "consent", b"consent"))
        return Record(reference, Consent(**consent))

    def _picture(self, index: "Index", record: Record) -> bytes:
        bound = hashlib.sha256(record.consent.encoded()).digest()
        return self._unsealed(index, record.id, "picture", bound)

    # ── the index and the master key ─────────────────────────────────────────────────────────────────────

    @contextmanager
    def _changing(self) -> Generator["Index"]:
        """The index, for whoever alone may change it; what an interrupted change left is cleared away first."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusively(self._folder / LOCK):
            index = self._index()
            known = {entry.stem for entry in index.records.values()}
            for path in self._folder.iterdir():
                if path.suffix in _SEALED and path.stem not in known:
                    path.unlink(missing_ok=True)
            for name in MASTERS:
                if name != index.master:
                    self._keys.delete(name)
            if not index.master or self._keys.load(index.master) is None:
                # The first, or a wiped secret store: what the lost key had wrapped stays shut for ever.
                index = replace(index, master=index.master or MASTERS[0])
                self._keys.save(index.master, AESGCM.generate_key(_KEY_BITS))
            yield index

    def _index(self) -> "Index":
        try:
            return Index.decoded((self._folder / "index.json").read_bytes())
        except FileNotFoundError:
            return Index()

    def _save(self, index: "Index") -> None:
        write_whole(self._folder / "index.json", index.encoded(), 0o600)

    def _master(self, index: "Index") -> bytes:
        """Raises `InvalidTag` where there is none: nothing can be opened without it."""
        key = self._keys.load(index.master) if index.master else None
        if key is None:
            raise InvalidTag
        return key

    def _rotate(self, index: "Index", without: str) -> None:
        """Wrap every other record's key with a new master key, then delete the old one."""
        new = next(name for name in MASTERS if name != index.master)
        master = AESGCM.generate_key(_KEY_BITS)
        records: dict[str, Entry] = {}
        for reference, entry in index.records.items():
            if reference != without:
                with suppress(InvalidTag, ValueError):  # edited: it cannot be opened now and never will be
                    key = _decrypt(self._master(index), entry.key, reference.encode())
                    records[reference] = replace(entry, key=_encrypt(master, key, reference.encode()))
        self._keys.save(new, master)
        self._save(Index(new, records))
        self._keys.delete(index.master)

    def _unlink(self, stem: str) -> None:
        for suffix in _SEALED:
            (self._folder / f"{stem}{suffix}").unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Entry:
    """How to open one record: its key, wrapped by the master key, and what its files are called."""

    key: bytes
    stem: str


@dataclass(frozen=True, slots=True)
class Index:
    """Which master key is in use, and every record."""

    master: str = ""
    records: Mapping[str, Entry] = field(default_factory=dict[str, Entry])

    def with_record(self, reference: str, entry: Entry) -> "Index":
        return replace(self, records={**self.records, reference: entry})

    def encoded(self) -> bytes:
        records = {
            name: {"key": base64.b64encode(entry.key).decode("ascii"), "stem": entry.stem}
            for name, entry in self.records.items()
        }
        return json.dumps({"master": self.master, "records": records}, indent=1).encode()

    @classmethod
    def decoded(cls, data: bytes) -> "Index":
        """Raises `UnknownReference` for an index that was edited into something else."""
        try:
            raw = json.loads(data)
            records = {
                str(name): Entry(base64.b64decode(entry["key"]), str(entry["stem"]))
                for name, entry in raw["records"].items()
                if re.fullmatch(r"[0-9a-f]{1,64}", str(entry["stem"]))
            }
            return cls(raw["master"] if raw["master"] in MASTERS else "", records)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnknownReference("the library's index was changed outside of Mien", reason="edited") from error


class ReferenceBook:
    """The library as the event loop uses it."""

    def __init__(self, library: ReferenceLibrary, worker: Worker, events: Events) -> None:
        self.library = library
        self._worker = worker
        self._events = events
        self._unloading: set[asyncio.Task[None]] = set()

    def forget_in_memory(self) -> None:
        """End the worker as soon as it is idle: it keeps the last few references prepared."""
        task = asyncio.create_task(self._unload())
        self._unloading.add(task)
        task.add_done_callback(self._unloading.discard)

    async def close(self) -> None:
        for task in list(self._unloading):
            task.cancel()
        await asyncio.gather(*self._unloading, return_exceptions=True)

    async def _unload(self) -> None:
        while True:
            since = self._events.last
            try:
                return await self._worker.unload()
            except JobUnfinished:
                await self._events.beyond(since)

    async def picture(self, reference_id: str) -> bytes:
        """The decrypted picture; raises `UnknownReference`."""
        return await asyncio.to_thread(self.library.picture, reference_id)

    async def require(self, reference_id: str) -> None:
        """Return if there is such a reference that may be used now; raises `UnknownReference`."""
        await asyncio.to_thread(self.library.usable, reference_id)


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


@contextmanager
def naming_the_reference() -> Generator[None]:
    """Say that the picture which did not pass was the reference; whoever looks for faces cannot know."""
    try:
        yield
    except ContentBlocked as error:
        raise ContentBlocked("the reference picture did not pass the content check", stage="reference") from error


def require_one_face(faces: Sequence[object]) -> None:
    """Refuse a reference that shows nobody, or more people than the one who agreed.

    Raises:
        NoFaceFound, SeveralFaces: with `role` "reference".
    """
    if not faces:
        raise NoFaceFound("the reference shows no face", role="reference")
    if len(faces) > 1:
        raise SeveralFaces(f"the reference shows {len(faces)} faces", role="reference", found=len(faces))


def _encrypt(key: bytes, content: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, bound)


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)


def _absent(reference: str) -> UnknownReference:
    return UnknownReference("there is no such reference", reference=reference, reason="absent")


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
