"""A backup of the library in one file that a passphrase opens. Version 1 had one picture a record; both are read.

The file is a line of magic, a line of header, and frames. The header is JSON with the parameters of scrypt, the salt
and a sealed word by which a wrong passphrase is told from a damaged file; the line ends in its own digest. A frame is
its length (8 bytes, big-endian) and what AES-256-GCM made of one record. The nonce counts the frames and says which
is the last, as in STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015), so that no frame can be dropped, doubled, moved
or cut off; each is bound to the two lines before them.
"""

import hashlib
import json
import secrets
import struct
import unicodedata
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, BinaryIO

from mien_core.errors import BackupRefused, ConsentRequired, WrongPassphrase
from mien_daemon.references.consent import STATEMENTS, Consent
from mien_daemon.references.records import KeptPicture, Record
from mien_daemon.references.sealing import KEY_BYTES, decrypt, encrypt, opens, seal
from mien_pipeline.options import MOST_PICTURES

MAGIC, VERSION, READABLE = b"mien-references-backup ", b"2", (b"1", b"2")
# OWASP's password storage cheat sheet: scrypt with N = 2^17, r = 8, p = 1, which is 128 MiB and about half a second.
COST = {"n": 1 << 17, "r": 8, "p": 1}
# A forged header must not take all memory before the first check: four times the above.
MOST_MEMORY = 512 << 20
SALT_BYTES = 16
_LONGEST_LINE = 4096
_WORD = b"this passphrase opens the backup"
_COUNTER_BYTES = 11
_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class BackedUp:
    """One record with its pictures, by their ids."""

    record: Record
    kept: Mapping[str, KeptPicture]

    @property
    def fingerprint(self) -> bytes:
        """The same for the same pictures under the same name and basis."""
        consent = self.record.consent
        about = json.dumps([consent.label, consent.basis]).encode()
        pictures = sorted(hashlib.sha256(each.picture).digest() for each in self.kept.values())
        return hashlib.sha256(about + b"".join(pictures)).digest()


@dataclass(frozen=True, slots=True)
class Exported:
    """The ids of the records that a backup holds, and of those that could not be opened."""

    references: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """The ids of the records that came out of a backup, and of those that were here already."""

    added: tuple[str, ...]
    present: tuple[str, ...]


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def writing(out: BinaryIO, passphrase: str) -> Generator[Callable[[BackedUp], None]]:
    """Write a backup: the value of the context writes one record; leaving it writes the end."""
    salt = secrets.token_bytes(SALT_BYTES)
    key = _derive(passphrase, salt, **COST)
    header = {"kdf": "scrypt", **COST, "salt": salt.hex(), "check": seal(key, _WORD, MAGIC + salt).hex()}
    line = json.dumps(header).encode()
    head = MAGIC + VERSION + b"\n" + line + b" " + _digest_of(line) + b"\n"
    out.write(head)
    count = 0

    def write(content: bytes, *, last: bool) -> None:
        nonlocal count
        sealed = encrypt(key, _nonce(count, last=last), content, hashlib.sha256(head).digest())
        out.write(struct.pack(">Q", len(sealed)) + sealed)
        count += 1

    yield lambda whole: write(_encode(whole), last=False)
    write(b"", last=True)


def _encode(whole: BackedUp) -> bytes:
    about = {
        "id": whole.record.id,
        "consent": asdict(whole.record.consent),
        "pictures": [
            {"id": name, "thumbnail": len(each.thumbnail), "picture": len(each.picture)}
            for name, each in whole.kept.items()
        ],
    }
    contents = (each.thumbnail + each.picture for each in whole.kept.values())
    return b"".join((json.dumps(about).encode(), b"\n", *contents))


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class OpenBackup:
    """A backup whose passphrase was right.

    Attributes:
        source: the file, which can be read from anywhere.
        key: opens its frames.
        head: the two lines before them.
    """

    source: BinaryIO
    key: bytes
    head: bytes

    def records(self) -> Iterator[BackedUp]:
        """Every record, from the first one on; raises `BackupRefused` where the file is damaged, at its end at last."""
        self.source.seek(len(self.head))
        bound, count = hashlib.sha256(self.head).digest(), 0
        while True:
            sealed = _read_frame(self.source)
            content = _unseal(self.key, sealed, _nonce(count, last=False), bound)
            if content is None:
                if _unseal(self.key, sealed, _nonce(count, last=True), bound) != b"" or self.source.read(1):
                    raise _damaged()
                return
            yield _decode(content)
            count += 1


def open_backup(source: BinaryIO, passphrase: str) -> OpenBackup:
    """Open a file from its beginning.

    Raises:
        WrongPassphrase: the file is a backup that this passphrase does not open.
        BackupRefused: `reason` is "not-a-backup", "too-new" or "damaged".
    """
    source.seek(0)
    magic, line = source.readline(_LONGEST_LINE), source.readline(_LONGEST_LINE)
    if not magic.startswith(MAGIC):
        raise BackupRefused("the file is no backup of a reference library", reason="not-a-backup")
    if magic not in {MAGIC + version + b"\n" for version in READABLE}:
        raise BackupRefused("the backup is of a later version of Mien", reason="too-new")
    return OpenBackup(source, _open_header(line, passphrase), magic + line)


def _open_header(line: bytes, passphrase: str) -> bytes:
    """The key of the file."""
    text, _, digest = line.rstrip(b"\n").rpartition(b" ")
    if digest != _digest_of(text):
        raise _damaged()
    try:
        header = json.loads(text)
        salt, check = bytes.fromhex(header["salt"]), bytes.fromhex(header["check"])
        cost = {name: int(header[name]) for name in COST}
        if not 0 < 128 * cost["n"] * cost["r"] <= MOST_MEMORY or not 1 <= cost["p"] <= 4 or cost["n"] < 2:
            raise _damaged()
        key = _derive(passphrase, salt, **cost)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged() from error
    if not opens(key, check, MAGIC + salt):
        raise WrongPassphrase("the passphrase does not open this backup")
    return key


def _read_frame(source: BinaryIO) -> bytes:
    length = source.read(8)
    if len(length) != 8:
        raise _damaged()
    (size,) = struct.unpack(">Q", length)
    here = source.tell()
    if size > source.seek(0, 2) - here:
        raise _damaged()
    source.seek(here)
    return source.read(size)


def _unseal(key: bytes, sealed: bytes, nonce: bytes, bound: bytes) -> bytes | None:
    try:
        return decrypt(key, nonce, sealed, bound)
    except ValueError:
        return None


def _decode(content: bytes) -> BackedUp:
    """One record, with nothing in it that this library would not have kept itself."""
    head, _, rest = content.partition(b"\n")
    try:
        about = json.loads(head)
        reference, consent = _check_id(about["id"]), _check_consent(about["consent"])
        pictures = about.get("pictures", [about])  # version 1 had one
        sizes = {_check_id(each["id"]): (int(each["thumbnail"]), int(each["picture"])) for each in pictures}
    except (ValueError, KeyError, TypeError, ConsentRequired) as error:
        raise _damaged() from error
    if not 0 < len(sizes) <= MOST_PICTURES or len(sizes) != len(pictures) or min(map(min, sizes.values())) < 0:
        raise _damaged()
    if sum(map(sum, sizes.values())) != len(rest):
        raise _damaged()
    kept, at = dict[str, KeptPicture](), 0
    for name, (small, large) in sizes.items():
        kept[name] = KeptPicture(rest[at + small : at + small + large], rest[at : at + small])
        at += small + large
    return BackedUp(Record(reference, consent, tuple(kept)), kept)


def _check_id(value: Any) -> str:
    if bytes.fromhex(value).hex() != value or len(value) != _ID_DIGITS:
        raise ValueError("no id of a record")
    return str(value)


def _check_consent(kept: Any) -> Consent:
    consent = Consent(**kept)
    for moment in (consent.given_at, consent.expires_at):
        if moment is not None and datetime.fromisoformat(moment).tzinfo is None:
            raise ValueError("no moment in UTC")
    if consent.adult is not True or consent.basis not in STATEMENTS or not isinstance(kept["label"], str):
        raise ConsentRequired("a record without a statement", field="basis")
    return consent


# ── both ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _derive(passphrase: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    """A key; the same for the same characters, however the keyboard put them together."""
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    normal = unicodedata.normalize("NFC", passphrase).encode()
    return Scrypt(salt=salt, length=KEY_BYTES, n=n, r=r, p=p).derive(normal)


def _nonce(count: int, *, last: bool) -> bytes:
    return count.to_bytes(_COUNTER_BYTES, "big") + bytes([last])


def _digest_of(line: bytes) -> bytes:
    """Against accidents; a forger is found out by the sealed word."""
    return hashlib.sha256(line).hexdigest()[:16].encode("ascii")


def _damaged() -> BackupRefused:
    return BackupRefused("the backup is damaged or was cut off", reason="damaged")
