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

import keyring.errors
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mien_core.errors import KeyUnavailable, UnknownReference
from mien_core.files import write_whole
from mien_core.key_store import KeyStore
from mien_daemon.references.consent import STATEMENTS, Consent, to_iso
from mien_daemon.references.index import LibraryIndex
from mien_daemon.references.library import ReferenceLibrary
from mien_daemon.references.records import describe
from mien_daemon.references.sealing import MASTERS
from mien_testing.secret_store import MemoryStore, no_store, stored_in

PICTURE = b"\x89PNG CANARY-PICTURE " * 50
THUMBNAIL = b"\xff\xd8 CANARY-THUMBNAIL"


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
        library.picture(reference)
    return refused.value.fields["reason"] == reason


# ── sealed ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_added_can_be_used(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent("Ann"))
    assert library.picture(record.id) == PICTURE
    assert library.thumbnail(record.id) == THUMBNAIL
    assert [each.consent.label for each in library.records()] == ["Ann"]
    assert ReferenceLibrary(tmp_path).picture(record.id) == PICTURE


def test_an_id_and_a_files_name_are_64_random_bits(library: ReferenceLibrary, tmp_path: Path) -> None:
    one, other = library.add(PICTURE, THUMBNAIL, consent()), library.add(PICTURE, THUMBNAIL, consent())
    names = {one.id, other.id, *(path.stem for path in files(tmp_path))}
    assert len(names) == 4
    assert all(len(bytes.fromhex(name)) == 8 for name in names)


def test_neither_face_nor_name_is_readable_on_the_disk(library: ReferenceLibrary, tmp_path: Path) -> None:
    library.add(PICTURE, THUMBNAIL, consent())
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
    library.add(PICTURE, THUMBNAIL, same)
    library.add(PICTURE, THUMBNAIL, same)
    one, other = [path.read_bytes() for path in files(tmp_path) if path.suffix == ".picture"]
    assert len(one) == len(other) == len(PICTURE) + 12 + 16
    assert one != other


def test_nothing_but_picture_thumbnail_and_consent_is_kept(library: ReferenceLibrary, tmp_path: Path) -> None:
    """No embedding, no crop."""
    library.add(PICTURE, THUMBNAIL, consent())
    assert sorted(path.suffix for path in files(tmp_path)) == [".consent", ".picture", ".thumbnail"]


@pytest.mark.parametrize("suffix", [".consent", ".picture"])
def test_a_record_that_was_edited_is_refused(library: ReferenceLibrary, tmp_path: Path, suffix: str) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent())
    (path,) = (path for path in files(tmp_path) if path.suffix == suffix)
    changed = bytearray(path.read_bytes())
    changed[20] ^= 1
    path.write_bytes(changed)
    assert is_refused(library, record.id, "edited")


def test_a_picture_cannot_be_used_under_another_consent(library: ReferenceLibrary, tmp_path: Path) -> None:
    """Not even one that was sealed by the same person with the same key."""
    record = library.add(PICTURE, THUMBNAIL, consent("short", days=1))
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
    record = library.add(PICTURE, THUMBNAIL, consent(days=1))
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
    one, other = library.add(PICTURE, THUMBNAIL, consent("a")), library.add(PICTURE, THUMBNAIL, consent("b"))
    index = index_of(tmp_path)
    swapped = replace(index, records={one.id: index.records[other.id], other.id: index.records[one.id]})
    (tmp_path / "references" / "index.json").write_bytes(swapped.encode())
    assert is_refused(library, one.id, "edited")
    assert library.records() == []


def test_an_expired_consent_is_refused_and_can_be_renewed(library: ReferenceLibrary) -> None:
    yesterday = to_iso(datetime.now(UTC) - timedelta(days=1))
    record = library.add(PICTURE, THUMBNAIL, replace(consent(), expires_at=yesterday))
    assert is_refused(library, record.id, "expired")
    assert library.thumbnail(record.id) == THUMBNAIL
    assert [describe(each)["usable"] for each in library.records()] == [False], "listed, so that it can be renewed"
    library.change(record.id, lambda consent: consent.until(None))
    assert library.picture(record.id) == PICTURE


def test_faces_are_listed_by_name_whatever_its_case(library: ReferenceLibrary) -> None:
    for label in ("bea", "Ann", "Cid"):
        library.add(PICTURE, THUMBNAIL, consent(label))
    assert [each.consent.label for each in library.records()] == ["Ann", "bea", "Cid"]


def test_what_is_shown_of_a_face_names_its_consent_and_not_its_picture(library: ReferenceLibrary) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent("Ann"))
    assert describe(record) == {
        "id": record.id,
        "name": "Ann",
        "basis": "self",
        "given_at": record.consent.given_at,
        "expires_at": record.consent.expires_at,
        "usable": True,
    }


@pytest.mark.parametrize("reference", ["", "absent", "../../etc/passwd", "a" * 200, "\0"])
def test_a_reference_that_is_not_there_is_refused(library: ReferenceLibrary, reference: str) -> None:
    library.add(PICTURE, THUMBNAIL, consent())
    assert is_refused(library, reference, "absent")


def test_stems_in_an_edited_index_cannot_leave_the_folder(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent())
    index = tmp_path / "references" / "index.json"
    stem = index_of(tmp_path).records[record.id].stem
    index.write_text(index.read_text(encoding="utf-8").replace(stem, "../../evil"), encoding="utf-8")
    assert is_refused(library, record.id, "absent")


# ── changed, exported ────────────────────────────────────────────────────────────────────────────────────────


def test_a_consent_can_be_renewed_and_renamed_by_the_person(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent("Ann", days=1))
    changed = library.change(record.id, lambda consent: consent.named("Ann B.").until(None))
    assert (changed.id, changed.consent.label, changed.consent.expires_at) == (record.id, "Ann B.", None)
    assert library.picture(record.id) == PICTURE
    assert library.thumbnail(record.id) == THUMBNAIL
    assert len(files(tmp_path)) == 3


def test_a_person_gets_everything_that_is_kept_of_them(library: ReferenceLibrary) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent("Ann"))
    export = library.export(record.id)
    assert base64.b64decode(str(export["picture"])) == PICTURE
    assert export["label"] == "Ann"
    assert export["statement_text"] == STATEMENTS["self"]
    assert export["given_at"] == record.consent.given_at


# ── shredded ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_withdrawn_face_cannot_be_opened_from_any_copy(library: ReferenceLibrary, tmp_path: Path) -> None:
    """A copy of the whole folder was kept; the master key that it needs is gone."""
    gone, stays = library.add(PICTURE, THUMBNAIL, consent("gone")), library.add(b"other", b"", consent("stays"))
    shutil.copytree(tmp_path / "references", tmp_path / "copy")
    library.withdraw(gone.id)
    assert is_refused(library, gone.id, "absent")
    assert library.picture(stays.id) == b"other"
    assert len(files(tmp_path)) == 3

    shutil.rmtree(tmp_path / "references")
    (tmp_path / "copy").rename(tmp_path / "references")
    with pytest.raises(KeyUnavailable):
        library.picture(gone.id)


def test_there_is_one_master_key_at_any_time(library: ReferenceLibrary, tmp_path: Path) -> None:
    keys = KeyStore(tmp_path)
    for _ in range(3):
        record = library.add(PICTURE, THUMBNAIL, consent())
        library.add(PICTURE, THUMBNAIL, consent())
        library.withdraw(record.id)
        assert sum(keys.load(name) is not None for name in MASTERS) == 1


def test_a_record_that_was_edited_can_be_withdrawn(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent())
    for path in files(tmp_path):
        path.write_bytes(b"x")
    library.withdraw(record.id)
    assert files(tmp_path) == []


def test_a_record_whose_file_was_deleted_can_be_withdrawn(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent())
    files(tmp_path)[0].unlink()
    library.withdraw(record.id)
    assert library.records() == []
    assert files(tmp_path) == []


def test_forgetting_everything_leaves_nothing(library: ReferenceLibrary, tmp_path: Path) -> None:
    for label in "abc":
        library.add(PICTURE, THUMBNAIL, consent(label))
    assert library.forget_all() == 3
    assert [path.name for path in (tmp_path / "references").iterdir()] == ["lock"]
    assert all(KeyStore(tmp_path).load(name) is None for name in MASTERS)
    assert library.records() == []


def test_even_a_ruined_library_can_be_forgotten(library: ReferenceLibrary, tmp_path: Path) -> None:
    library.add(PICTURE, THUMBNAIL, consent())
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

    for module in ("library", "records"):
        monkeypatch.setattr(f"mien_daemon.references.{module}.write_whole", spend_first(write_whole))
    monkeypatch.setattr(Path, "unlink", spend_first(Path.unlink))
    return fuse


CHANGES: dict[str, Callable[[ReferenceLibrary, str], object]] = {
    "add": lambda library, _: library.add(b"new", b"", consent("new")),
    "change": lambda library, changed: library.change(changed, lambda _: consent("changed")),
    "withdraw": lambda library, withdrawn: library.withdraw(withdrawn),
}


def test_a_forgetting_that_is_interrupted_anywhere_leaves_a_library_that_works(tmp_path: Path, fuse: Fuse) -> None:
    """Either nothing is gone yet, or everything is after the next start: no key, no file."""
    crashed, step = True, 0
    while crashed:
        state, keys = tmp_path / str(step), FragileKeys(fuse)
        before = ReferenceLibrary(state, keys)
        kept = before.add(PICTURE, THUMBNAIL, consent("kept"))
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
            assert after.picture(kept.id) == PICTURE
        else:
            assert files(state) == []
        new = after.add(b"new", b"", consent("new"))
        assert after.picture(new.id) == b"new"
    assert step >= 5


def test_a_first_face_that_is_interrupted_anywhere_leaves_a_library_that_works(tmp_path: Path, fuse: Fuse) -> None:
    crashed, step = True, 0
    while crashed:
        state, keys = tmp_path / str(step), FragileKeys(fuse)
        fuse.left = step
        try:
            ReferenceLibrary(state, keys).add(PICTURE, THUMBNAIL, consent("first"))
            crashed = False
        except Crash:
            step += 1
        fuse.left = 1000
        after = ReferenceLibrary(state, keys)
        after.remove_leftovers()
        new = after.add(b"new", b"", consent("new"))
        assert after.picture(new.id) == b"new"
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
        stays = before.add(PICTURE, THUMBNAIL, consent("stays"))
        other = before.add(b"other", b"", consent("other"))
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
        assert len(files(state)) == 3 * len(index.records)
        assert {path.stem for path in files(state)} == {entry.stem for entry in index.records.values()}
        assert after.picture(stays.id) == PICTURE
        labels = [record.consent.label for record in after.records()]
        done = {"add": ["new", "other", "stays"], "change": ["changed", "stays"], "withdraw": ["stays"]}[change]
        assert labels in (["other", "stays"], done)
        if "other" in labels or "changed" in labels:
            assert after.picture(other.id) == b"other"
        else:
            assert set(keys.kept) == {index.master}, "a copy of the folder cannot be opened"
        after.add(PICTURE, THUMBNAIL, consent("next"))
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
    ReferenceLibrary(tmp_path).add(PICTURE, THUMBNAIL, consent())
    ReferenceLibrary(tmp_path, LockedKeys()).remove_leftovers()
    assert len(files(tmp_path)) == 3


def test_a_file_that_was_never_written_to_its_end_is_removed(library: ReferenceLibrary, tmp_path: Path) -> None:
    """A process that is killed while it writes leaves a file under another name."""
    record = library.add(PICTURE, THUMBNAIL, consent())
    unfinished = tmp_path / "references" / ".00ff.picture.x1y2z3"
    unfinished.write_bytes(b"half")
    library.remove_leftovers()
    assert not unfinished.exists()
    assert library.picture(record.id) == PICTURE


def test_where_the_index_was_edited_nothing_counts_as_a_leftover(library: ReferenceLibrary, tmp_path: Path) -> None:
    library.add(PICTURE, THUMBNAIL, consent())
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
    record = at_home.add(PICTURE, THUMBNAIL, consent("Ann"))
    (tmp_path / "references" / "00ff.picture").write_bytes(b"left over")
    before = copy_of(tmp_path)

    away = ReferenceLibrary(tmp_path, stored_in(tmp_path, STORES[store]()))
    actions: list[Callable[[], object]] = [
        away.records,
        lambda: away.picture(record.id),
        lambda: away.thumbnail(record.id),
        lambda: away.export(record.id),
        lambda: away.add(PICTURE, THUMBNAIL, consent("Bea")),
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

    assert at_home.picture(record.id) == PICTURE
    at_home.add(b"more", b"", consent("Bea"))
    assert [each.consent.label for each in at_home.records()] == ["Ann", "Bea"]


def test_a_wrong_key_under_the_right_name_is_refused_before_anything_is_written(
    library: ReferenceLibrary, tmp_path: Path
) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent())
    (key,) = (tmp_path / "keys").glob("*.key")
    right = key.read_bytes()
    key.write_bytes(bytes(32))
    before = copy_of(tmp_path / "references")
    for action in (library.records, lambda: library.add(PICTURE, b"", consent()), lambda: library.withdraw(record.id)):
        with pytest.raises(KeyUnavailable) as refused:
            action()
        assert refused.value.fields["reason"] == "wrong"
    assert copy_of(tmp_path / "references") == before
    key.write_bytes(right)
    assert library.picture(record.id) == PICTURE


def test_a_key_that_is_gone_for_good_is_no_reason_for_a_new_one(library: ReferenceLibrary, tmp_path: Path) -> None:
    """It may come back from a backup. The person may forget the library, and begin anew."""
    old = library.add(PICTURE, THUMBNAIL, consent())
    (key,) = (tmp_path / "keys").glob("*.key")
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(KeyUnavailable) as refused:
        library.add(PICTURE, THUMBNAIL, consent())
    assert refused.value.fields["command"] == "mien references forget-all"
    key.write_bytes(kept)
    assert library.picture(old.id) == PICTURE

    key.unlink()
    assert library.forget_all() == 1
    new = library.add(PICTURE, THUMBNAIL, consent())
    assert library.picture(new.id) == PICTURE


def test_an_older_index_beside_a_newer_key_loses_neither(library: ReferenceLibrary, tmp_path: Path) -> None:
    """A state folder that was put back from a backup: its index names a key that was replaced since."""
    gone, stays = library.add(PICTURE, THUMBNAIL, consent("gone")), library.add(b"other", b"", consent("stays"))
    index = tmp_path / "references" / "index.json"
    old = index.read_bytes()
    library.withdraw(gone.id)
    new = index.read_bytes()
    index.write_bytes(old)
    for action in (library.records, library.remove_leftovers, lambda: library.add(PICTURE, b"", consent())):
        if action == library.remove_leftovers:
            (tmp_path / "references" / "00ff.picture").write_bytes(b"left over")
        with pytest.raises(KeyUnavailable):
            action()
    index.write_bytes(new)
    assert library.picture(stays.id) == b"other"


def test_pictures_without_an_index_are_no_leftovers(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent())
    index = tmp_path / "references" / "index.json"
    kept = index.read_bytes()
    index.unlink()
    for action in (library.records, library.remove_leftovers, lambda: library.add(PICTURE, b"", consent())):
        with pytest.raises(UnknownReference):
            action()
    index.write_bytes(kept)
    assert library.picture(record.id) == PICTURE


def test_a_library_of_an_older_version_gets_its_check_value_with_the_next_change(
    library: ReferenceLibrary, tmp_path: Path
) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent())
    index = tmp_path / "references" / "index.json"
    old = json.loads(index.read_bytes())
    del old["check"]
    index.write_text(json.dumps(old), encoding="utf-8")
    assert library.picture(record.id) == PICTURE
    library.add(PICTURE, THUMBNAIL, consent())
    assert index_of(tmp_path).check
    assert library.picture(record.id) == PICTURE


def test_a_key_kept_in_a_file_goes_on_where_a_secret_store_came_later(tmp_path: Path) -> None:
    record = ReferenceLibrary(tmp_path, stored_in(tmp_path, no_store())).add(PICTURE, THUMBNAIL, consent("a"))
    later = ReferenceLibrary(tmp_path, stored_in(tmp_path, MemoryStore()))
    other = later.add(b"other", b"", consent("b"))
    assert later.picture(record.id) == PICTURE
    later.withdraw(other.id)
    assert later.picture(record.id) == PICTURE
    with pytest.raises(KeyUnavailable):
        ReferenceLibrary(tmp_path, stored_in(tmp_path, no_store())).picture(record.id)
    assert later.picture(record.id) == PICTURE


def test_two_that_add_the_first_face_at_once_make_one_key(tmp_path: Path) -> None:
    def add(label: str) -> None:
        ReferenceLibrary(tmp_path).add(label.encode(), b"", consent(label))

    threads = [threading.Thread(target=add, args=(label,)) for label in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    library = ReferenceLibrary(tmp_path)
    assert [library.picture(each.id) for each in library.records()] == [b"a", b"b", b"c", b"d"]
    assert len(list((tmp_path / "keys").glob("*.key"))) == 1


def test_two_changes_of_one_consent_at_once_are_both_made(library: ReferenceLibrary) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent("Ann", days=1))
    edits: list[Callable[[Consent], Consent]] = [lambda each: each.named("Bea"), lambda each: each.until(None)]
    threads = [threading.Thread(target=library.change, args=(record.id, edit)) for edit in edits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changed = library.record(record.id).consent
    assert (changed.label, changed.expires_at) == ("Bea", None)
