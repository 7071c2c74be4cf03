"""A backup opens with its passphrase alone, brings back what was kept, and changes nothing when it is damaged."""

import hashlib
import io
import json
import struct
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mien_core.errors import BackupRefused, WrongPassphrase
from mien_daemon.references import backup
from mien_daemon.references.backup import COST, BackedUp, open_backup, writing
from mien_daemon.references.consent import Consent, to_iso
from mien_daemon.references.library import ReferenceLibrary
from mien_daemon.references.records import KeptPicture, Record
from mien_daemon.references.sealing import MASTERS

PASSPHRASE = "correct horse"
PICTURE, THUMBNAIL = b"CANARY-PICTURE" * 40, b"CANARY-THUMBNAIL"
KEPT = [KeptPicture(PICTURE, THUMBNAIL)]


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deriving a key is quick in these tests; the file says at which cost it was made."""
    monkeypatch.setattr(backup, "COST", {"n": 1 << 8, "r": 8, "p": 1})


def consent(label: str = "CANARY-LABEL") -> Consent:
    return Consent.given(label, "self", adult=True, expires_at=None)


@pytest.fixture
def library(tmp_path: Path) -> ReferenceLibrary:
    return ReferenceLibrary(tmp_path / "one")


@pytest.fixture
def other(tmp_path: Path) -> ReferenceLibrary:
    """The library of another machine."""
    return ReferenceLibrary(tmp_path / "other")


def export(library: ReferenceLibrary) -> io.BytesIO:
    out = io.BytesIO()
    library.export_backup(out, PASSPHRASE)
    return out


def copy_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_guess_costs_what_is_recommended() -> None:
    """scrypt with 128 MiB: OWASP's password storage cheat sheet."""
    assert 128 * COST["n"] * COST["r"] == 128 << 20


def test_what_was_kept_comes_back_with_its_consent(library: ReferenceLibrary, other: ReferenceLibrary) -> None:
    one = library.add(KEPT, consent("a"))
    yesterday = to_iso(datetime.now(UTC) - timedelta(days=1))
    ended = library.add([KeptPicture(b"other", b"")], replace(consent("b"), expires_at=yesterday))
    other.import_backup(export(library), PASSPHRASE)
    assert other.records() == library.records()
    assert (list(other.pictures(one.id).values()), other.thumbnail(one.id)) == ([PICTURE], THUMBNAIL)
    assert other.record(ended.id).consent.is_over, "a consent that had ended has ended"


def test_nothing_of_a_person_can_be_read_in_the_file(library: ReferenceLibrary) -> None:
    library.add(KEPT, consent())
    assert b"CANARY" not in export(library).getvalue()


def test_what_is_here_stays_and_is_not_added_twice(library: ReferenceLibrary, other: ReferenceLibrary) -> None:
    """Not under its own id, and not the same picture of the same name under another one."""
    kept = library.add(KEPT, consent("Ann"))
    saved = export(library)
    library.change(kept.id, lambda each: each.named("Ann B."))
    imported = library.import_backup(saved, PASSPHRASE)
    assert (imported.added, imported.present) == ((), (kept.id,))
    assert [each.consent.label for each in library.records()] == ["Ann B."]

    mine = other.add(KEPT, consent("Ann"))
    other.add(KEPT, consent("Another Ann"))
    assert other.import_backup(saved, PASSPHRASE).present == (kept.id,)
    assert mine.id in {each.id for each in other.records()}
    assert len(other.records()) == 2


def test_a_face_that_cannot_be_opened_is_named_and_the_others_are_saved(
    library: ReferenceLibrary, other: ReferenceLibrary, tmp_path: Path
) -> None:
    damaged, whole = library.add(KEPT, consent("a")), library.add([KeptPicture(b"other", b"")], consent("b"))
    index = json.loads((tmp_path / "one/references/index.json").read_bytes())
    (tmp_path / "one/references" / f"{index['records'][damaged.id]['stem']}.picture").write_bytes(b"x")
    out = io.BytesIO()
    exported = library.export_backup(out, PASSPHRASE)
    assert (exported.references, exported.left_out) == ((whole.id,), (damaged.id,))
    assert other.import_backup(out, PASSPHRASE).added == (whole.id,)


def test_an_empty_library_has_a_backup_too(library: ReferenceLibrary, other: ReferenceLibrary) -> None:
    assert other.import_backup(export(library), PASSPHRASE).added == ()


def test_another_passphrase_opens_nothing_and_changes_nothing(
    library: ReferenceLibrary, other: ReferenceLibrary, tmp_path: Path
) -> None:
    library.add(KEPT, consent())
    saved, before = export(library), copy_of(tmp_path)
    for wrong in ("", "Correct horse", PASSPHRASE + " "):
        with pytest.raises(WrongPassphrase):
            other.import_backup(saved, wrong)
    assert copy_of(tmp_path) == before


def test_the_same_characters_are_the_same_passphrase_on_every_keyboard(other: ReferenceLibrary) -> None:
    """é as one character, or as e and an accent."""
    other.add(KEPT, consent())
    out = io.BytesIO()
    other.export_backup(out, "caf\u00e9")
    assert len(list(open_backup(out, "cafe\u0301").records())) == 1


def test_a_file_that_was_changed_or_cut_anywhere_is_refused_and_changes_nothing(
    library: ReferenceLibrary, other: ReferenceLibrary, tmp_path: Path
) -> None:
    library.add(KEPT, consent("a"))
    library.add([KeptPicture(b"other", b"")], consent("b"))
    whole = export(library).getvalue()
    before = copy_of(tmp_path)
    for position in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[position] ^= 1
        for damaged in (bytes(flipped), whole[:position]):
            with pytest.raises(BackupRefused):
                other.import_backup(io.BytesIO(damaged), PASSPHRASE)
    with pytest.raises(BackupRefused):
        other.import_backup(io.BytesIO(whole + b"more"), PASSPHRASE)
    assert copy_of(tmp_path) == before


def test_faces_cannot_be_dropped_doubled_or_moved_in_a_file(library: ReferenceLibrary, other: ReferenceLibrary) -> None:
    for label in "abc":
        library.add([KeptPicture(label.encode() * 100, b"")], consent(label))
    head, frames = split(export(library).getvalue())
    assert len(frames) == 4
    first, second, third, end = frames
    for forged in (
        [second, third, end],
        [first, second, end],
        [first, second, second, third, end],
        [second, first, third, end],
        [first, second, third],
        [end],
    ):
        with pytest.raises(BackupRefused) as refused:
            other.import_backup(io.BytesIO(head + b"".join(forged)), PASSPHRASE)
        assert refused.value.fields["reason"] == "damaged"
    assert other.records() == []


def split(whole: bytes) -> tuple[bytes, list[bytes]]:
    """The two lines at the beginning, and the frames with their lengths."""
    at = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    head, frames = whole[:at], list[bytes]()
    while at < len(whole):
        (size,) = struct.unpack(">Q", whole[at : at + 8])
        frames.append(whole[at : at + 8 + size])
        at += 8 + size
    return head, frames


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not-a-backup"),
        (b"\x89PNG\r\n", "not-a-backup"),
        (b"mien-references-backup 3\n{}\n", "too-new"),
        (b"mien-references-backup 1\n", "damaged"),
        (b"mien-references-backup 1\n" + b"x" * 100_000, "damaged"),
    ],
)
def test_what_is_no_backup_is_named(other: ReferenceLibrary, data: bytes, reason: str) -> None:
    with pytest.raises(BackupRefused) as refused:
        other.import_backup(io.BytesIO(data), PASSPHRASE)
    assert refused.value.fields["reason"] == reason


@pytest.mark.parametrize("more", [{"n": 1 << 30}, {"n": 3}, {"n": -1}, {"r": 0}, {"p": 1000}])
def test_a_header_that_asks_for_all_memory_or_time_is_refused_before_any_is_taken(
    other: ReferenceLibrary, more: dict[str, int]
) -> None:
    line = json.dumps({"kdf": "scrypt", "n": 1 << 8, "r": 8, "p": 1, "salt": "00", "check": "00", **more}).encode()
    data = backup.MAGIC + backup.VERSION + b"\n" + line + b" " + hashlib.sha256(line).hexdigest().encode() + b"\n"
    with pytest.raises(BackupRefused):
        other.import_backup(io.BytesIO(data), PASSPHRASE)


@pytest.mark.parametrize(
    "record",
    [
        Record("../../evil", consent(), ()),
        Record("0123456789ABCDEF", consent(), ()),
        Record("0" * 16, replace(consent(), adult=False), ()),
        Record("0" * 16, replace(consent(), basis="none"), ()),  # type: ignore[arg-type]
        Record("0" * 16, replace(consent(), expires_at="soon"), ()),
    ],
)
def test_a_record_that_the_library_would_not_have_kept_is_refused(other: ReferenceLibrary, record: Record) -> None:
    """A person who knows the passphrase can write a file; it still needs a statement for every face."""
    out = io.BytesIO()
    with writing(out, PASSPHRASE) as write:
        write(BackedUp(record, {"0" * 16: KEPT[0]}))
    with pytest.raises(BackupRefused):
        other.import_backup(out, PASSPHRASE)
    assert other.records() == []


def test_after_a_lost_key_the_library_is_forgotten_and_comes_back_from_the_backup(
    library: ReferenceLibrary, tmp_path: Path
) -> None:
    kept = library.add(KEPT, consent())
    saved = export(library)
    for name in MASTERS:
        (tmp_path / "one/keys" / f"{name}.key").unlink(missing_ok=True)
    library.forget_all()
    library.import_backup(saved, PASSPHRASE)
    assert [*library.pictures(kept.id).values()] == [PICTURE]


def test_every_picture_of_a_person_comes_back(library: ReferenceLibrary, other: ReferenceLibrary) -> None:
    kept = library.add([*KEPT, KeptPicture(b"another", b"small")], consent("Ann"))
    other.import_backup(export(library), PASSPHRASE)
    assert other.pictures(kept.id) == library.pictures(kept.id)
    assert other.thumbnail(kept.id, kept.pictures[1]) == b"small"


def test_a_backup_of_a_version_with_one_picture_a_person_is_read(
    other: ReferenceLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(whole: BackedUp) -> bytes:
        about = {"id": whole.record.id, "consent": asdict(whole.record.consent), "thumbnail": 5, "picture": 7}
        return json.dumps(about).encode() + b"\nsmallpicture"

    monkeypatch.setattr(backup, "VERSION", b"1")
    monkeypatch.setattr(backup, "_encode", encode)
    saved, record = io.BytesIO(), Record("0" * 16, consent("Ann"), ())
    with writing(saved, PASSPHRASE) as write:
        write(BackedUp(record, {}))
    other.import_backup(saved, PASSPHRASE)
    assert other.pictures("0" * 16) == {"0" * 16: b"picture"}
    assert other.thumbnail("0" * 16) == b"small"


@pytest.mark.parametrize("count", [0, 21])
def test_a_person_in_a_file_without_a_picture_or_with_too_many_is_refused(other: ReferenceLibrary, count: int) -> None:
    out, kept = io.BytesIO(), {f"{number:016x}": KEPT[0] for number in range(count)}
    with writing(out, PASSPHRASE) as write:
        write(BackedUp(Record("0" * 16, consent(), tuple(kept)), kept))
    with pytest.raises(BackupRefused):
        other.import_backup(out, PASSPHRASE)
    assert other.records() == []
