"""The reference library keeps a face only with a consent, sealed, and lets go of it for good when that is withdrawn."""

import base64
import io
import json
import shutil
import stat
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import keyring.errors
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mien_core.errors import ConsentRequired, KeyUnavailable, LastPicture, TooManyPictures, UnknownReference
from mien_core.files import write_whole
from mien_core.key_store import KeyStore
from mien_daemon.references.consent import STATEMENTS, Consent, to_iso
from mien_daemon.references.index import LibraryIndex
from mien_daemon.references.library import ReferenceLibrary
from mien_daemon.references.records import KeptPicture, describe
from mien_daemon.references.sealing import MASTERS
from mien_testing.secret_store import MemoryStore, no_store, stored_in

PICTURE = b"\x89PNG CANARY-PICTURE " * 50
THUMBNAIL = b"\xff\xd8 CANARY-THUMBNAIL"
KEPT = [KeptPicture(PICTURE, THUMBNAIL)]


def consent(label: str = "CANARY-LABEL", days: float | None = 30) -> Consent:
    end = datetime.now(UTC) + timedelta(days=days) if days is not None else None
    return Consent.given(label, "self", adult=True, expires_at=end)


@pytest.fixture
def library(tmp_path: Path) -> ReferenceLibrary:
    return ReferenceLibrary(tmp_path)


def files(state: Path) -> list[Path]:
    return sorted(path for path in (state / "references").iterdir() if path.name not in {"lock", "index.json"})


def index_of(state: Path) -> LibraryIndex:
    return LibraryIndex.decode((state / "references" / "index.json").read_bytes())


def is_refused(library: ReferenceLibrary, reference: str, reason: str) -> bool:
    with pytest.raises(UnknownReference) as refused:
        library.pictures(reference)
    return refused.value.fields["reason"] == reason


# ── sealed ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_added_can_be_used(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(KEPT, consent("Ann"))
    assert [*library.pictures(record.id).values()] == [PICTURE]
    assert library.thumbnail(record.id) == THUMBNAIL
    assert [each.consent.label for each in library.records()] == ["Ann"]
    assert [*ReferenceLibrary(tmp_path).pictures(record.id).values()] == [PICTURE]


def test_an_id_and_a_files_name_are_64_random_bits(library: ReferenceLibrary, tmp_path: Path) -> None:
    one, other = library.add(KEPT, consent()), library.add(KEPT, consent())
    names = {one.id, other.id, *(path.stem for path in files(tmp_path))}
    assert len(names) == 4
    assert all(len(bytes.fromhex(name)) == 8 for name in names)


def test_neither_face_nor_name_is_readable_on_the_disk(library: ReferenceLibrary, tmp_path: Path) -> None:
    library.add(KEPT, consent())
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"CANARY" not in path.read_bytes()
            assert "CANARY" not in path.name
            if sys.platform != "win32" and path.name != "lock":
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "references").stat().st_mode) == 0o700


def test_each_record_has_a_key_of_its_own(library: ReferenceLibrary, tmp_path: Path) -> None:
    """The same picture under the same consent is sealed into something else."""
    same = consent()
    library.add(KEPT, same)
    library.add(KEPT, same)
    one, other = [path.read_bytes() for path in files(tmp_path) if path.suffix == ".picture"]
    assert len(one) == len(other) == len(PICTURE) + 12 + 16
    assert one != other


def test_nothing_but_picture_thumbnail_and_consent_is_kept(library: ReferenceLibrary, tmp_path: Path) -> None:
    """No embedding, no crop."""
    library.add(KEPT, consent())
    assert sorted(path.suffix for path in files(tmp_path)) == [".consent", ".picture", ".thumbnail"]


@pytest.mark.parametrize("suffix", [".consent", ".picture"])
def test_a_record_that_was_edited_is_refused(library: ReferenceLibrary, tmp_path: Path, suffix: str) -> None:
    record = library.add(KEPT, consent())
    (path,) = (path for path in files(tmp_path) if path.suffix == suffix)
    changed = bytearray(path.read_bytes())
    changed[20] ^= 1
    path.write_bytes(changed)
    assert is_refused(library, record.id, "edited")


def test_a_picture_cannot_be_used_under_another_consent(library: ReferenceLibrary, tmp_path: Path) -> None:
    """Not even one that was sealed by the same person with the same key."""
    record = library.add(KEPT, consent("short", days=1))
    index = index_of(tmp_path)
    (path,) = (path for path in files(tmp_path) if path.suffix == ".picture")
    kept = path.read_bytes()
    library.change(record.id, lambda consent: consent.until(None))
    new = index_of(tmp_path).records[record.id].stem
    (tmp_path / "references" / f"{new}.picture").write_bytes(kept)
    assert index.records[record.id].stem != new
    assert is_refused(library, record.id, "edited")


def test_a_consent_that_was_forged_with_the_records_own_key_opens_no_picture(
    library: ReferenceLibrary, tmp_path: Path
) -> None:
    """The picture is bound to what was confirmed, not only to a key: nobody lengthens a consent afterwards."""
    record = library.add(KEPT, consent(days=1))
    index = index_of(tmp_path)
    entry, name = index.records[record.id], record.id.encode()
    master = KeyStore(tmp_path).load(index.master)
    assert master is not None
    key = AESGCM(master).decrypt(entry.key[:12], entry.key[12:], name)
    forged = AESGCM(key).encrypt(bytes(12), record.consent.until(None).encode(), name + b"consent")
    (tmp_path / "references" / f"{entry.stem}.consent").write_bytes(bytes(12) + forged)
    assert library.record(record.id).consent.expires_at is None, "the forgery itself opens"
    assert is_refused(library, record.id, "edited")


def test_files_of_one_record_do_not_open_another(library: ReferenceLibrary, tmp_path: Path) -> None:
    one, other = library.add(KEPT, consent("a")), library.add(KEPT, consent("b"))
    index = index_of(tmp_path)
    swapped = replace(index, records={one.id: index.records[other.id], other.id: index.records[one.id]})
    (tmp_path / "references" / "index.json").write_bytes(swapped.encode())
    assert is_refused(library, one.id, "edited")
    assert library.records() == []


def test_an_expired_consent_is_refused_and_can_be_renewed(library: ReferenceLibrary) -> None:
    yesterday = to_iso(datetime.now(UTC) - timedelta(days=1))
    record = library.add(KEPT, replace(consent(), expires_at=yesterday))
    assert is_refused(library, record.id, "expired")
    assert library.thumbnail(record.id) == THUMBNAIL
    assert [describe(each)["usable"] for each in library.records()] == [False], "listed, so that it can be renewed"
    library.change(record.id, lambda consent: consent.until(None))
    assert [*library.pictures(record.id).values()] == [PICTURE]


def test_faces_are_listed_by_name_whatever_its_case(library: ReferenceLibrary) -> None:
    for label in ("bea", "Ann", "Cid"):
        library.add(KEPT, consent(label))
    assert [each.consent.label for each in library.records()] == ["Ann", "bea", "Cid"]


def test_what_is_shown_of_a_face_names_its_consent_and_not_its_picture(library: ReferenceLibrary) -> None:
    record = library.add(KEPT, consent("Ann"))
    assert describe(record) == {
        "id": record.id,
        "name": "Ann",
        "basis": "self",
        "given_at": record.consent.given_at,
        "expires_at": record.consent.expires_at,
        "usable": True,
        "pictures": list(library.pictures(record.id)),
    }


@pytest.mark.parametrize("reference", ["", "absent", "../../etc/passwd", "a" * 200, "\0"])
def test_a_reference_that_is_not_there_is_refused(library: ReferenceLibrary, reference: str) -> None:
    library.add(KEPT, consent())
    assert is_refused(library, reference, "absent")


def test_stems_in_an_edited_index_cannot_leave_the_folder(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(KEPT, consent())
    index = tmp_path / "references" / "index.json"
    stem = index_of(tmp_path).records[record.id].stem
    index.write_text(index.read_text(encoding="utf-8").replace(stem, "../../evil"), encoding="utf-8")
    assert is_refused(library, record.id, "absent")


# ── changed, exported ────────────────────────────────────────────────────────────────────────────────────────


def test_a_consent_can_be_renewed_and_renamed_by_the_person(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(KEPT, consent("Ann", days=1))
    changed = library.change(record.id, lambda consent: consent.named("Ann B.").until(None))
    assert (changed.id, changed.consent.label, changed.consent.expires_at) == (record.id, "Ann B.", None)
    assert [*library.pictures(record.id).values()] == [PICTURE]
    assert library.thumbnail(record.id) == THUMBNAIL
    assert len(files(tmp_path)) == 3


def test_a_person_gets_everything_that_is_kept_of_them(library: ReferenceLibrary) -> None:
    record = library.add(KEPT, consent("Ann"))
    export = library.export(record.id)
    assert [base64.b64decode(each["picture"]) for each in cast("list[dict[str, str]]", export["pictures"])] == [PICTURE]
    assert export["label"] == "Ann"
    assert export["statement_text"] == STATEMENTS["self"]
    assert export["given_at"] == record.consent.given_at


# ── several pictures of one person ───────────────────────────────────────────────────────────────────────────

TWO = [KeptPicture(PICTURE, THUMBNAIL), KeptPicture(b"another", b"small")]


def test_a_person_has_the_pictures_that_were_added_in_their_order(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(TWO, consent("Ann"))
    assert record.pictures == library.record(record.id).pictures == tuple(library.pictures(record.id))
    more = library.add_pictures(record.id, [KeptPicture(b"third", b"tiny")], consent())
    assert more == ReferenceLibrary(tmp_path).record(record.id)
    assert [*library.pictures(record.id).values()] == [PICTURE, b"another", b"third"]
    assert [library.thumbnail(record.id, each) for each in more.pictures] == [THUMBNAIL, b"small", b"tiny"]
    assert library.thumbnail(record.id) == THUMBNAIL, "a person is shown by the first"
    assert more.consent == record.consent


def test_one_picture_is_kept_once(library: ReferenceLibrary) -> None:
    record = library.add([*TWO, TWO[0]], consent())
    assert library.add_pictures(record.id, TWO, consent()) == record


def test_one_person_has_at_most_twenty_pictures(library: ReferenceLibrary, tmp_path: Path) -> None:
    many = [KeptPicture(bytes([number]), b"") for number in range(21)]
    with pytest.raises(TooManyPictures):
        library.add(many, consent())
    assert library.records() == []
    record = library.add(many[:19], consent())
    before = {path: path.read_bytes() for path in files(tmp_path)}
    with pytest.raises(TooManyPictures) as refused:
        library.add_pictures(record.id, many[19:], consent())
    assert (refused.value.fields["found"], refused.value.fields["limit"]) == (21, 20)
    assert {path: path.read_bytes() for path in files(tmp_path)} == before
    assert len(library.add_pictures(record.id, [*many[:5], many[19]], consent()).pictures) == 20


def test_further_pictures_need_the_statement_of_the_first(library: ReferenceLibrary) -> None:
    record = library.add(KEPT, consent())
    other_basis = Consent.given("", "written-permission", adult=True, expires_at=None)
    with pytest.raises(ConsentRequired) as refused:
        library.add_pictures(record.id, TWO[1:], other_basis)
    assert (refused.value.fields["field"], refused.value.fields["known"]) == ("basis", ["self"])
    assert library.record(record.id) == record


def test_a_person_whose_consent_has_ended_gets_no_further_picture(library: ReferenceLibrary) -> None:
    yesterday = to_iso(datetime.now(UTC) - timedelta(days=1))
    record = library.add(KEPT, replace(consent(), expires_at=yesterday))
    with pytest.raises(UnknownReference) as refused:
        library.add_pictures(record.id, TWO[1:], consent())
    assert refused.value.fields["reason"] == "expired"


@pytest.mark.parametrize("gone", [0, 1])
def test_a_removed_picture_cannot_be_opened_from_any_copy(library: ReferenceLibrary, tmp_path: Path, gone: int) -> None:
    record = library.add(TWO, consent("Ann"))
    copy = Path(shutil.copytree(tmp_path, tmp_path.parent / f"copy-{gone}"))
    left = library.remove_picture(record.id, record.pictures[gone])
    assert left.pictures == (record.pictures[1 - gone],)
    assert [*library.pictures(record.id).values()] == [TWO[1 - gone].picture]
    assert library.thumbnail(record.id) == TWO[1 - gone].thumbnail
    assert len(files(tmp_path)) == 3
    shutil.rmtree(copy / "keys")
    shutil.copytree(tmp_path / "keys", copy / "keys")
    with pytest.raises((UnknownReference, KeyUnavailable)):
        ReferenceLibrary(copy).pictures(record.id)


def test_the_last_picture_goes_only_with_the_consent(library: ReferenceLibrary) -> None:
    record = library.add(KEPT, consent())
    with pytest.raises(LastPicture):
        library.remove_picture(record.id, record.pictures[0])
    with pytest.raises(UnknownReference) as refused:
        library.remove_picture(record.id, "0" * 16)
    assert (refused.value.fields["reason"], refused.value.fields["picture"]) == ("absent", "0" * 16)
    assert [*library.pictures(record.id).values()] == [PICTURE]


def test_a_changed_consent_keeps_every_picture(library: ReferenceLibrary) -> None:
    record = library.add(TWO, consent("Ann", days=1))
    changed = library.change(record.id, lambda each: each.until(None))
    assert changed.pictures == record.pictures
    assert [*library.pictures(record.id).values()] == [PICTURE, b"another"]


def test_a_person_of_a_version_with_one_picture_is_read_and_gets_further_ones(
    library: ReferenceLibrary, tmp_path: Path
) -> None:
    record = library.add(KEPT, consent("Ann"))
    index = tmp_path / "references" / "index.json"
    old = json.loads(index.read_bytes())
    del old["records"][record.id]["pictures"]
    index.write_text(json.dumps(old), encoding="utf-8")
    assert library.record(record.id).pictures == (record.id,)
    assert [*library.pictures(record.id).values()] == [PICTURE]
    library.add_pictures(record.id, TWO[1:], consent())
    library.remove_picture(record.id, record.id)
    assert [*library.pictures(record.id).values()] == [b"another"]


# ── shredded ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_withdrawn_face_cannot_be_opened_from_any_copy(library: ReferenceLibrary, tmp_path: Path) -> None:
    """A copy of the whole folder was kept; the master key that it needs is gone."""
    gone, stays = library.add(KEPT, consent("gone")), library.add([KeptPicture(b"other", b"")], consent("stays"))
    shutil.copytree(tmp_path / "references", tmp_path / "copy")
    library.withdraw(gone.id)
    assert is_refused(library, gone.id, "absent")
    assert [*library.pictures(stays.id).values()] == [b"other"]
    assert len(files(tmp_path)) == 3

    shutil.rmtree(tmp_path / "references")
    (tmp_path / "copy").rename(tmp_path / "references")
    with pytest.raises(KeyUnavailable):
        library.pictures(gone.id)


def test_there_is_one_master_key_at_any_time(library: ReferenceLibrary, tmp_path: Path) -> None:
    keys = KeyStore(tmp_path)
    for _ in range(3):
        record = library.add(KEPT, consent())
        library.add(KEPT, consent())
        library.withdraw(record.id)
        assert sum(keys.load(name) is not None for name in MASTERS) == 1


def test_a_record_that_was_edited_can_be_withdrawn(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(KEPT, consent())
    for path in files(tmp_path):
        path.write_bytes(b"x")
    library.withdraw(record.id)
    assert files(tmp_path) == []


def test_a_record_whose_file_was_deleted_can_be_withdrawn(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(KEPT, consent())
    files(tmp_path)[0].unlink()
    library.withdraw(record.id)
    assert library.records() == []
    assert files(tmp_path) == []


def test_forgetting_everything_leaves_nothing(library: ReferenceLibrary, tmp_path: Path) -> None:
    for label in "abc":
        library.add(KEPT, consent(label))
    assert library.forget_all() == 3
    assert [path.name for path in (tmp_path / "references").iterdir()] == ["lock"]
    assert all(KeyStore(tmp_path).load(name) is None for name in MASTERS)
    assert library.records() == []


def test_even_a_ruined_library_can_be_forgotten(library: ReferenceLibrary, tmp_path: Path) -> None:
    library.add(KEPT, consent())
    (tmp_path / "references" / "index.json").write_bytes(b"{")
    with pytest.raises(UnknownReference):
        library.records()
    assert library.forget_all() == 1
    assert library.records() == []


# ── interrupted ──────────────────────────────────────────────────────────────────────────────────────────────


class Crash(BaseException):
    """The process ends here."""


@dataclass
class Fuse:
    """Lets `left` effects on the disk or in the key store happen; the process ends at the next one."""

    left: int = 1000

    def spend(self) -> None:
        if self.left == 0:
            raise Crash
        self.left -= 1


@dataclass
class FragileKeys:
    """A key store in memory that outlives the crash."""

    fuse: Fuse
    kept: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def load(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def save(self, name: str, key: bytes) -> None:
        self.fuse.spend()
        self.kept[name] = key

    def delete(self, name: str) -> None:
        self.fuse.spend()
        self.kept.pop(name, None)


@pytest.fixture
def fuse(monkeypatch: pytest.MonkeyPatch) -> Fuse:
    """Every file written or removed by the library spends the fuse."""
    fuse = Fuse()

    def spend_first(work: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object, **more: object) -> object:
            fuse.spend()
            return work(*arguments, **more)

        return run

    for module in ("sealed_folder", "records"):
        monkeypatch.setattr(f"mien_daemon.references.{module}.write_whole", spend_first(write_whole))
    monkeypatch.setattr(Path, "unlink", spend_first(Path.unlink))
    return fuse


CHANGES: dict[str, Callable[[ReferenceLibrary, str], object]] = {
    "add": lambda library, _: library.add([KeptPicture(b"new", b"")], consent("new")),
    "change": lambda library, changed: library.change(changed, lambda _: consent("changed")),
    "add a picture": lambda library, person: library.add_pictures(person, [KeptPicture(b"third", b"")], consent()),
    "remove a picture": lambda library, person: library.remove_picture(person, next(iter(library.pictures(person)))),
    "withdraw": lambda library, withdrawn: library.withdraw(withdrawn),
}
# The labels afterwards, and the pictures of "other".
DONE: dict[str, tuple[list[str], list[bytes]]] = {
    "add": (["new", "other", "stays"], [b"other", b"second"]),
    "change": (["changed", "stays"], [b"other", b"second"]),
    "add a picture": (["other", "stays"], [b"other", b"second", b"third"]),
    "remove a picture": (["other", "stays"], [b"second"]),
    "withdraw": (["stays"], []),
}


def test_a_forgetting_that_is_interrupted_anywhere_leaves_a_library_that_works(tmp_path: Path, fuse: Fuse) -> None:
    """Either nothing is gone yet, or everything is after the next start: no key, no file."""
    crashed, step = True, 0
    while crashed:
        state, keys = tmp_path / str(step), FragileKeys(fuse)
        before = ReferenceLibrary(state, keys)
        kept = before.add(KEPT, consent("kept"))
        fuse.left = step
        try:
            before.forget_all()
            crashed = False
        except Crash:
            step += 1
        fuse.left = 1000

        after = ReferenceLibrary(state, keys)
        after.remove_leftovers()
        if after.records():
            assert [*after.pictures(kept.id).values()] == [PICTURE]
        else:
            assert files(state) == []
        new = after.add([KeptPicture(b"new", b"")], consent("new"))
        assert [*after.pictures(new.id).values()] == [b"new"]
    assert step >= 5


def test_a_first_face_that_is_interrupted_anywhere_leaves_a_library_that_works(tmp_path: Path, fuse: Fuse) -> None:
    crashed, step = True, 0
    while crashed:
        state, keys = tmp_path / str(step), FragileKeys(fuse)
        fuse.left = step
        try:
            ReferenceLibrary(state, keys).add(KEPT, consent("first"))
            crashed = False
        except Crash:
            step += 1
        fuse.left = 1000
        after = ReferenceLibrary(state, keys)
        after.remove_leftovers()
        new = after.add([KeptPicture(b"new", b"")], consent("new"))
        assert [*after.pictures(new.id).values()] == [b"new"]
        assert len(keys.kept) == 1
    assert step >= 5


@pytest.mark.parametrize("change", CHANGES)
def test_a_crash_at_any_effect_loses_no_record_revives_none_and_leaves_nothing_after_the_next_start(
    tmp_path: Path, fuse: Fuse, change: str
) -> None:
    crashed, step = True, 0
    while crashed:
        state, keys = tmp_path / str(step), FragileKeys(fuse)
        before = ReferenceLibrary(state, keys)
        stays = before.add(KEPT, consent("stays"))
        other = before.add([KeptPicture(b"other", b""), KeptPicture(b"second", b"")], consent("other"))
        fuse.left = step
        try:
            CHANGES[change](before, other.id)
            crashed = False
        except Crash:
            step += 1
        fuse.left = 1000

        after = ReferenceLibrary(state, keys)
        after.remove_leftovers()
        index = index_of(state)
        assert len(files(state)) == sum(1 + 2 * len(entry.pictures) for entry in index.records.values())
        assert {path.stem for path in files(state)} == {
            stem for entry in index.records.values() for stem in entry.stems
        }
        assert [*after.pictures(stays.id).values()] == [PICTURE]
        labels = [record.consent.label for record in after.records()]
        done, left = DONE[change]
        assert labels in (["other", "stays"], done)
        if "other" in labels or "changed" in labels:
            assert [*after.pictures(other.id).values()] in ([b"other", b"second"], left)
        if "other" not in labels or b"other" not in after.pictures(other.id).values():
            assert set(keys.kept) == {index.master}, "a copy of the folder cannot be opened"
        after.add(KEPT, consent("next"))
        assert set(keys.kept) == {index_of(state).master}
    assert step >= 5, "the change was interrupted at each of its effects"


def test_a_start_without_leftovers_asks_for_no_key_and_makes_nothing(tmp_path: Path) -> None:
    class LockedKeys:
        def load(self, name: str) -> bytes | None:
            raise PermissionError(name)

        def save(self, name: str, key: bytes) -> None:
            raise PermissionError(name, key)

        def delete(self, name: str) -> None:
            raise PermissionError(name)

    ReferenceLibrary(tmp_path, LockedKeys()).remove_leftovers()
    assert not (tmp_path / "references").exists()
    ReferenceLibrary(tmp_path).add(KEPT, consent())
    ReferenceLibrary(tmp_path, LockedKeys()).remove_leftovers()
    assert len(files(tmp_path)) == 3


def test_a_file_that_was_never_written_to_its_end_is_removed(library: ReferenceLibrary, tmp_path: Path) -> None:
    """A process that is killed while it writes leaves a file under another name."""
    record = library.add(KEPT, consent())
    unfinished = tmp_path / "references" / ".00ff.picture.x1y2z3"
    unfinished.write_bytes(b"half")
    library.remove_leftovers()
    assert not unfinished.exists()
    assert [*library.pictures(record.id).values()] == [PICTURE]


def test_where_the_index_was_edited_nothing_counts_as_a_leftover(library: ReferenceLibrary, tmp_path: Path) -> None:
    library.add(KEPT, consent())
    (tmp_path / "references" / "index.json").write_bytes(b"{")
    with pytest.raises(UnknownReference):
        library.remove_leftovers()
    assert len(files(tmp_path)) == 3


# ── the secret store comes and goes ──────────────────────────────────────────────────────────────────────────


class LockedStore(MemoryStore):
    """A desktop's store after the screen was locked: it refuses everything."""

    def refuse(self, *_: object) -> None:
        raise keyring.errors.KeyringLocked("locked")

    get_password = set_password = delete_password = refuse  # type: ignore[assignment]


class RudeStore(LockedStore):
    """A store whose own connection breaks: its error is no error of the keyring library."""

    def refuse(self, *_: object) -> None:
        raise RuntimeError("no session bus")

    get_password = set_password = delete_password = refuse


class OtherStore(MemoryStore):
    """Another kind of store, which never had the key."""


STORES: dict[str, Callable[[], object]] = {
    "none": no_store,
    "locked": LockedStore,
    "broken": RudeStore,
    "another kind": OtherStore,
    "wiped": MemoryStore,
}


def copy_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("store", STORES)
def test_while_the_key_cannot_be_had_everything_is_refused_and_nothing_changes(tmp_path: Path, store: str) -> None:
    """Over ssh, in a scheduled job, with a locked screen, on another desktop: afterwards the library is as it was."""
    desktop = MemoryStore()
    at_home = ReferenceLibrary(tmp_path, stored_in(tmp_path, desktop))
    record = at_home.add(KEPT, consent("Ann"))
    (tmp_path / "references" / "00ff.picture").write_bytes(b"left over")
    before = copy_of(tmp_path)

    away = ReferenceLibrary(tmp_path, stored_in(tmp_path, STORES[store]()))
    actions: list[Callable[[], object]] = [
        away.records,
        lambda: away.pictures(record.id),
        lambda: away.thumbnail(record.id),
        lambda: away.export(record.id),
        lambda: away.add(KEPT, consent("Bea")),
        lambda: away.change(record.id, lambda each: each.named("Eve")),
        lambda: away.withdraw(record.id),
        away.remove_leftovers,
        lambda: away.export_backup(io.BytesIO(), "words"),
    ]
    if store != "wiped":  # there, everything may be forgotten: the key is gone for good
        actions.append(away.forget_all)
    for action in actions:
        with pytest.raises(KeyUnavailable):
            action()
        assert copy_of(tmp_path) == before

    assert [*at_home.pictures(record.id).values()] == [PICTURE]
    at_home.add([KeptPicture(b"more", b"")], consent("Bea"))
    assert [each.consent.label for each in at_home.records()] == ["Ann", "Bea"]


def test_a_wrong_key_under_the_right_name_is_refused_before_anything_is_written(
    library: ReferenceLibrary, tmp_path: Path
) -> None:
    record = library.add(KEPT, consent())
    (key,) = (tmp_path / "keys").glob("*.key")
    right = key.read_bytes()
    key.write_bytes(bytes(32))
    before = copy_of(tmp_path / "references")
    for action in (
        library.records,
        lambda: library.add([KeptPicture(PICTURE, b"")], consent()),
        lambda: library.withdraw(record.id),
    ):
        with pytest.raises(KeyUnavailable) as refused:
            action()
        assert refused.value.fields["reason"] == "wrong"
    assert copy_of(tmp_path / "references") == before
    key.write_bytes(right)
    assert [*library.pictures(record.id).values()] == [PICTURE]


def test_a_key_that_is_gone_for_good_is_no_reason_for_a_new_one(library: ReferenceLibrary, tmp_path: Path) -> None:
    """It may come back from a backup. The person may forget the library, and begin anew."""
    old = library.add(KEPT, consent())
    (key,) = (tmp_path / "keys").glob("*.key")
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(KeyUnavailable) as refused:
        library.add(KEPT, consent())
    assert refused.value.fields["command"] == "mien references forget-all"
    key.write_bytes(kept)
    assert [*library.pictures(old.id).values()] == [PICTURE]

    key.unlink()
    assert library.forget_all() == 1
    new = library.add(KEPT, consent())
    assert [*library.pictures(new.id).values()] == [PICTURE]


def test_an_older_index_beside_a_newer_key_loses_neither(library: ReferenceLibrary, tmp_path: Path) -> None:
    """A state folder that was put back from a backup: its index names a key that was replaced since."""
    gone, stays = library.add(KEPT, consent("gone")), library.add([KeptPicture(b"other", b"")], consent("stays"))
    index = tmp_path / "references" / "index.json"
    old = index.read_bytes()
    library.withdraw(gone.id)
    new = index.read_bytes()
    index.write_bytes(old)
    for action in (
        library.records,
        library.remove_leftovers,
        lambda: library.add([KeptPicture(PICTURE, b"")], consent()),
    ):
        if action == library.remove_leftovers:
            (tmp_path / "references" / "00ff.picture").write_bytes(b"left over")
        with pytest.raises(KeyUnavailable):
            action()
    index.write_bytes(new)
    assert [*library.pictures(stays.id).values()] == [b"other"]


def test_pictures_without_an_index_are_no_leftovers(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(KEPT, consent())
    index = tmp_path / "references" / "index.json"
    kept = index.read_bytes()
    index.unlink()
    for action in (
        library.records,
        library.remove_leftovers,
        lambda: library.add([KeptPicture(PICTURE, b"")], consent()),
    ):
        with pytest.raises(UnknownReference):
            action()
    index.write_bytes(kept)
    assert [*library.pictures(record.id).values()] == [PICTURE]


def test_a_library_of_an_older_version_gets_its_check_value_with_the_next_change(
    library: ReferenceLibrary, tmp_path: Path
) -> None:
    record = library.add(KEPT, consent())
    index = tmp_path / "references" / "index.json"
    old = json.loads(index.read_bytes())
    del old["check"]
    index.write_text(json.dumps(old), encoding="utf-8")
    assert [*library.pictures(record.id).values()] == [PICTURE]
    library.add(KEPT, consent())
    assert index_of(tmp_path).check
    assert [*library.pictures(record.id).values()] == [PICTURE]


def test_a_key_kept_in_a_file_goes_on_where_a_secret_store_came_later(tmp_path: Path) -> None:
    record = ReferenceLibrary(tmp_path, stored_in(tmp_path, no_store())).add(KEPT, consent("a"))
    later = ReferenceLibrary(tmp_path, stored_in(tmp_path, MemoryStore()))
    other = later.add([KeptPicture(b"other", b"")], consent("b"))
    assert [*later.pictures(record.id).values()] == [PICTURE]
    later.withdraw(other.id)
    assert [*later.pictures(record.id).values()] == [PICTURE]
    with pytest.raises(KeyUnavailable):
        ReferenceLibrary(tmp_path, stored_in(tmp_path, no_store())).pictures(record.id)
    assert [*later.pictures(record.id).values()] == [PICTURE]


def test_two_that_add_the_first_face_at_once_make_one_key(tmp_path: Path) -> None:
    def add(label: str) -> None:
        ReferenceLibrary(tmp_path).add([KeptPicture(label.encode(), b"")], consent(label))

    threads = [threading.Thread(target=add, args=(label,)) for label in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    library = ReferenceLibrary(tmp_path)
    assert [list(library.pictures(each.id).values()) for each in library.records()] == [[b"a"], [b"b"], [b"c"], [b"d"]]
    assert len(list((tmp_path / "keys").glob("*.key"))) == 1


def test_two_changes_of_one_consent_at_once_are_both_made(library: ReferenceLibrary) -> None:
    record = library.add(KEPT, consent("Ann", days=1))
    edits: list[Callable[[Consent], Consent]] = [lambda each: each.named("Bea"), lambda each: each.until(None)]
    threads = [threading.Thread(target=library.change, args=(record.id, edit)) for edit in edits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changed = library.record(record.id).consent
    assert (changed.label, changed.expires_at) == ("Bea", None)
