"""The reference library keeps a face only with a consent, sealed, and lets go of it for good when that is withdrawn."""

import base64
import contextlib
import hashlib
import shutil
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mien_core.errors import ConsentRequired, ContentBlocked, UnknownReference
from mien_core.key_store import KeyStore
from mien_daemon import keys as slots
from mien_daemon.references.library import MASTERS, STATEMENT_VERSION, STATEMENTS, Consent, ReferenceLibrary

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


def is_refused(library: ReferenceLibrary, reference: str, reason: str) -> bool:
    with pytest.raises(UnknownReference) as refused:
        library.picture(reference)
    return refused.value.fields["reason"] == reason


# ── consent ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_consent_says_who_how_since_when_and_until_when() -> None:
    given = consent("Ann")
    assert (given.label, given.basis, given.adult, given.statement) == ("Ann", "self", True, STATEMENT_VERSION)
    assert datetime.fromisoformat(given.given_at) <= datetime.now(UTC)
    assert given.expires_at is not None
    assert not given.is_over


@pytest.mark.parametrize(
    ("basis", "adult", "field"), [("", True, "basis"), ("friendship", True, "basis"), ("self", False, "adult")]
)
def test_nothing_is_kept_without_a_basis_and_the_adult_attestation(basis: str, adult: bool, field: str) -> None:
    with pytest.raises(ConsentRequired) as refused:
        Consent.given("Ann", basis, adult=adult, expires_at=None)
    assert refused.value.fields["field"] == field


def test_a_consent_cannot_begin_when_it_is_over() -> None:
    with pytest.raises(ConsentRequired) as refused:
        consent(days=-1)
    assert refused.value.fields["field"] == "expires_at"


# ── sealed ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_added_can_be_used(library: ReferenceLibrary) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent("Ann"))
    assert library.picture(record.id) == PICTURE
    assert library.thumbnail(record.id) == THUMBNAIL
    assert [each.consent.label for each in library.records()] == ["Ann"]
    again = ReferenceLibrary(library._folder.parent)  # pyright: ignore[reportPrivateUsage]
    assert again.picture(record.id) == PICTURE


def test_neither_face_nor_name_is_readable_on_the_disk(library: ReferenceLibrary, tmp_path: Path) -> None:
    library.add(PICTURE, THUMBNAIL, consent())
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"CANARY" not in path.read_bytes()
            assert "CANARY" not in path.name
            if sys.platform != "win32" and path.name != "lock":
                assert stat.S_IMODE(path.stat().st_mode) == 0o600


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
    index = library._index()  # pyright: ignore[reportPrivateUsage]
    (path,) = (path for path in files(tmp_path) if path.suffix == ".picture")
    kept = path.read_bytes()
    library.change(record.id, record.consent.until(None))
    new = library._index().records[record.id].stem  # pyright: ignore[reportPrivateUsage]
    (tmp_path / "references" / f"{new}.picture").write_bytes(kept)
    assert index.records[record.id].stem != new
    assert is_refused(library, record.id, "edited")


def test_a_consent_that_was_forged_with_the_records_own_key_opens_no_picture(
    library: ReferenceLibrary, tmp_path: Path
) -> None:
    """The picture is bound to what was confirmed, not only to a key: nobody lengthens a consent afterwards."""
    record = library.add(PICTURE, THUMBNAIL, consent(days=1))
    index = library._index()  # pyright: ignore[reportPrivateUsage]
    entry, name = index.records[record.id], record.id.encode()
    master = KeyStore(tmp_path).load(index.master)
    assert master is not None
    key = AESGCM(master).decrypt(entry.key[:12], entry.key[12:], name)
    forged = AESGCM(key).encrypt(bytes(12), record.consent.until(None).encoded(), name + b"consent")
    (tmp_path / "references" / f"{entry.stem}.consent").write_bytes(bytes(12) + forged)
    assert library.record(record.id).consent.expires_at is None, "the forgery itself opens"
    assert is_refused(library, record.id, "edited")


def test_files_of_one_record_do_not_open_another(library: ReferenceLibrary, tmp_path: Path) -> None:
    one, other = library.add(PICTURE, THUMBNAIL, consent("a")), library.add(PICTURE, THUMBNAIL, consent("b"))
    index = library._index()  # pyright: ignore[reportPrivateUsage]
    swapped = replace(index, records={one.id: index.records[other.id], other.id: index.records[one.id]})
    (tmp_path / "references" / "index.json").write_bytes(swapped.encoded())
    assert is_refused(library, one.id, "edited")
    assert library.records() == []


def test_an_expired_consent_is_refused(library: ReferenceLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent())
    monkeypatch.setattr(Consent, "is_over", True)
    assert is_refused(library, record.id, "expired")
    assert [each.id for each in library.records()] == [record.id], "it is still listed, so that it can be renewed"


@pytest.mark.parametrize("reference", ["", "absent", "../../etc/passwd", "a" * 200, "\0"])
def test_a_reference_that_is_not_there_is_refused(library: ReferenceLibrary, reference: str) -> None:
    library.add(PICTURE, THUMBNAIL, consent())
    assert is_refused(library, reference, "absent")


def test_stems_in_an_edited_index_cannot_leave_the_folder(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent())
    index = tmp_path / "references" / "index.json"
    stem = library._index().records[record.id].stem  # pyright: ignore[reportPrivateUsage]
    index.write_text(index.read_text(encoding="utf-8").replace(stem, "../../evil"), encoding="utf-8")
    assert is_refused(library, record.id, "absent")


# ── changed, exported ────────────────────────────────────────────────────────────────────────────────────────


def test_a_consent_can_be_renewed_and_renamed_by_the_person(library: ReferenceLibrary, tmp_path: Path) -> None:
    record = library.add(PICTURE, THUMBNAIL, consent("Ann", days=1))
    changed = library.change(record.id, record.consent.named("Ann B.").until(None))
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
    """Somebody kept the whole folder; the master key that it needs is gone."""
    gone, stays = library.add(PICTURE, THUMBNAIL, consent("gone")), library.add(b"other", b"", consent("stays"))
    shutil.copytree(tmp_path / "references", tmp_path / "copy")
    library.withdraw(gone.id)
    assert is_refused(library, gone.id, "absent")
    assert library.picture(stays.id) == b"other"
    assert len(files(tmp_path)) == 3

    shutil.rmtree(tmp_path / "references")
    (tmp_path / "copy").rename(tmp_path / "references")
    assert is_refused(library, gone.id, "edited")


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


def test_after_a_lost_master_key_the_old_stays_shut_and_the_new_works(
    library: ReferenceLibrary, tmp_path: Path
) -> None:
    old = library.add(PICTURE, THUMBNAIL, consent())
    for name in MASTERS:
        KeyStore(tmp_path).delete(name)
    assert is_refused(library, old.id, "edited")
    new = library.add(PICTURE, THUMBNAIL, consent())
    assert library.picture(new.id) == PICTURE
    assert is_refused(library, old.id, "edited")


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(6))
def test_a_crash_at_any_write_loses_no_record_and_revives_none(
    library: ReferenceLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    stays, gone = library.add(PICTURE, THUMBNAIL, consent("stays")), library.add(PICTURE, THUMBNAIL, consent("gone"))
    left = step

    def counted(work: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object) -> object:
            nonlocal left
            if left == 0:
                raise Crash
            left -= 1
            return work(*arguments)

        return run

    for name in ("save", "delete"):
        monkeypatch.setattr(KeyStore, name, counted(getattr(KeyStore, name)))
    monkeypatch.setattr(ReferenceLibrary, "_save", counted(ReferenceLibrary._save))  # pyright: ignore[reportPrivateUsage]
    with contextlib.suppress(Crash):
        library.withdraw(gone.id)
    monkeypatch.undo()
    after = ReferenceLibrary(tmp_path)
    assert after.picture(stays.id) == PICTURE
    new = after.add(PICTURE, THUMBNAIL, consent("new"))
    assert {record.id for record in after.records()} >= {stays.id, new.id}
    assert sum(KeyStore(tmp_path).load(name) is not None for name in MASTERS) == 1


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────


def png() -> bytes:
    import io

    import PIL.Image

    made = io.BytesIO()
    PIL.Image.new("RGB", (64, 48), (200, 150, 120)).save(made, "png")
    return made.getvalue()


@pytest.fixture
def faces(daemon: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the worker finds in any picture; one face unless a test says otherwise, an error is raised."""
    found: list[Any] = [{"index": 0}]

    async def find(picture: str) -> Sequence[Mapping[str, object]]:
        assert picture.startswith(str(daemon.state))
        if found and isinstance(found[0], Exception):
            raise found[0]
        return found

    monkeypatch.setattr(daemon.app[slots.WORKER], "find_faces", find)
    return found


async def added(daemon: Any, **changes: object) -> Any:
    name = await daemon.put(png())
    body = {"picture": name, "name": "Ann", "basis": "self", "adult": True, **changes}
    return await daemon.ask("POST", "/v1/references", body)


async def test_a_face_is_added_listed_shown_changed_and_withdrawn(daemon: Any, faces: list[Any]) -> None:
    answer = await added(daemon)
    assert answer.status == 201, answer.body
    made = answer.json
    assert made["expires_at"] is not None, "a year, when nothing was said"
    listed = (await daemon.ask("GET", "/v1/references")).json["references"]
    assert listed == [made]
    thumbnail = await daemon.ask("GET", f"/v1/references/{made['id']}/thumbnail")
    assert thumbnail.body.startswith(b"\xff\xd8")
    changed = await daemon.ask("PATCH", f"/v1/references/{made['id']}", {"name": "Ann B.", "expires_at": None})
    assert (changed.json["name"], changed.json["expires_at"]) == ("Ann B.", None)
    export = (await daemon.ask("GET", f"/v1/references/{made['id']}")).json
    assert base64.b64decode(export["picture"]) == png()
    assert (await daemon.ask("DELETE", f"/v1/references/{made['id']}")).status == 204
    assert (await daemon.ask("GET", "/v1/references")).json == {"references": []}
    assert (await daemon.ask("GET", f"/v1/references/{made['id']}")).status == 404


async def test_the_picture_that_was_sent_does_not_lie_around_unsealed(daemon: Any, faces: list[Any]) -> None:
    assert (await added(daemon)).status == 201
    kept = [path.read_bytes() for path in daemon.state.rglob("*") if path.is_file()]
    assert not [content for content in kept if png() in content]


@pytest.mark.parametrize(
    ("change", "field"), [({"adult": False}, "adult"), ({"basis": ""}, "basis"), ({"basis": "hearsay"}, "basis")]
)
async def test_without_the_statement_nothing_is_kept(
    daemon: Any, faces: list[Any], change: dict[str, object], field: str
) -> None:
    answer = await added(daemon, **change)
    assert (answer.status, answer.code, answer.json["field"]) == (422, "consent-required", field)
    assert (await daemon.ask("GET", "/v1/references")).json == {"references": []}


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([], "no-face-found"),
        ([{"index": 0}, {"index": 1}], "several-faces"),
        ([ContentBlocked("no", stage="target")], "content-blocked"),
    ],
)
async def test_a_reference_shows_one_person_and_passes_the_content_check(
    daemon: Any, faces: list[Any], found: list[Any], code: str
) -> None:
    faces[:] = found
    answer = await added(daemon)
    assert answer.code == code
    assert answer.json.get("role", answer.json.get("stage")) == "reference"
    assert (await daemon.ask("GET", "/v1/references")).json == {"references": []}


async def test_scope_swap_is_told_names_and_thumbnails_and_may_change_nothing(daemon: Any, faces: list[Any]) -> None:
    made = (await added(daemon)).json
    token = await daemon.token("swap")
    listed = (await daemon.ask("GET", "/v1/references", token=token)).json["references"]
    assert {name: value for name, value in listed[0].items() if value is not None} == {
        "id": made["id"],
        "name": "Ann",
        "usable": True,
    }
    assert (await daemon.ask("GET", f"/v1/references/{made['id']}/thumbnail", token=token)).status == 200
    for method, path in (
        ("GET", f"/v1/references/{made['id']}"),
        ("PATCH", f"/v1/references/{made['id']}"),
        ("DELETE", f"/v1/references/{made['id']}"),
        ("DELETE", "/v1/references"),
        ("POST", "/v1/references"),
    ):
        answer = await daemon.ask(method, path, {} if method in {"POST", "PATCH"} else None, token=token)
        assert answer.code == "wrong-scope"


async def swap_with(daemon: Any, reference: str) -> Any:
    target = await daemon.put(png())
    body = {"kind": "swap", "target": target, "reference": reference, "options": {"engine": "mesh"}}
    return await daemon.ask("POST", "/v1/jobs", body)


async def test_a_job_uses_a_reference_and_leaves_no_open_copy(daemon: Any, faces: list[Any]) -> None:
    made = (await added(daemon)).json
    job = (await swap_with(daemon, f"ref:{made['id']}")).json
    assert (await daemon.finished(job))["state"] == "done"
    assert not list(daemon.state.rglob("*.reference0"))


async def test_an_expired_reference_is_refused_when_the_job_is_posted(
    daemon: Any, faces: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await added(daemon)).json
    monkeypatch.setattr(Consent, "is_over", True)
    answer = await swap_with(daemon, f"ref:{made['id']}")
    assert (answer.status, answer.code, answer.json["reason"]) == (404, "unknown-reference", "expired")
    listed = (await daemon.ask("GET", "/v1/references")).json["references"]
    assert [each["usable"] for each in listed] == [False]
    token = await daemon.token("swap")
    assert (await daemon.ask("GET", "/v1/references", token=token)).json == {"references": []}


@pytest.mark.parametrize("with_results", [False, True])
async def test_a_withdrawal_reaches_the_results_if_the_person_says_so(
    daemon: Any, faces: list[Any], with_results: bool
) -> None:
    made = (await added(daemon)).json
    job = await daemon.finished((await swap_with(daemon, f"ref:{made['id']}")).json)
    other = await daemon.finished(await daemon.swap())
    query = "?results=true" if with_results else ""
    assert (await daemon.ask("DELETE", f"/v1/references/{made['id']}{query}")).status == 204
    assert (await daemon.ask("GET", f"/v1/jobs/{job['id']}/result")).status == (404 if with_results else 200)
    assert (await daemon.ask("GET", f"/v1/jobs/{other['id']}/result")).status == 200


async def test_a_withdrawal_ends_the_worker_that_may_remember_the_face(daemon: Any, faces: list[Any]) -> None:
    made = (await added(daemon)).json
    await daemon.finished((await swap_with(daemon, f"ref:{made['id']}")).json)
    assert daemon.app[slots.WORKER].status().pid is not None
    await daemon.ask("DELETE", f"/v1/references/{made['id']}")
    await daemon.eventually(lambda: daemon.app[slots.WORKER].status().pid is None)


async def test_everything_can_be_forgotten_at_once(daemon: Any, faces: list[Any]) -> None:
    made = (await added(daemon)).json
    await daemon.finished((await swap_with(daemon, f"ref:{made['id']}")).json)
    answer = await daemon.ask("DELETE", "/v1/references?results=true")
    assert answer.json == {"references": 1, "results": 1}
    assert (await daemon.ask("GET", "/v1/jobs")).json["jobs"] == []
    assert hashlib.sha256(png()).hexdigest() not in str(sorted(daemon.state.rglob("*.picture")))
