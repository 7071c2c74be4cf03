"""`mien references` keeps only what it may, with the consent that says so; with a daemon it asks that."""

import hashlib
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from mien_cli.main import main
from mien_daemon.references.consent import Consent
from mien_daemon.references.library import ReferenceLibrary
from mien_daemon.references.records import KeptPicture
from mien_models.store import ModelStore
from mien_pipeline.trust.content import MODEL_SHA256
from mien_testing.scripted_daemon import ScriptedDaemon

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(here: Path, run_json: Run) -> Run:
    """A command with `--json`, on a state folder of its own: exit status and document."""
    return run_json


@pytest.fixture
def portrait(here: Path) -> str:
    return str(here / "astronaut.png")


def test_a_face_is_kept_listed_exported_and_removed(run: Run, portrait: str) -> None:
    status, made = run("references", "add", portrait, "--name", "Eileen", "--basis", "self", "--adult")
    assert (status, made["name"], made["usable"]) == (0, "Eileen", True)
    assert run("references", "list") == (0, {"references": [made]})
    status, export = run("references", "export", made["id"])
    assert (status, export["basis"]) == (0, "self")
    assert run("references", "remove", made["id"])[0] == 0
    assert run("references", "list") == (0, {"references": []})
    assert run("references", "remove", made["id"])[1]["code"] == "unknown-reference"


def test_a_consent_may_have_no_end(run: Run, portrait: str) -> None:
    made = run("references", "add", portrait, "--name", "E", "--basis", "self", "--adult", "--days", "0")[1]
    assert made["expires_at"] is None
    assert run("references", "forget-all") == (0, {"references": 1, "results": 0})


@pytest.mark.parametrize(
    ("words", "field"),
    [(("--basis", "self"), "adult"), (("--adult",), "basis"), (("--basis", "self", "--adult", "--days", "-1"), "days")],
)
def test_without_the_statement_nothing_is_kept(run: Run, portrait: str, words: tuple[str, ...], field: str) -> None:
    status, problem = run("references", "add", portrait, "--name", "E", *words)
    assert (status, problem["code"], problem["field"]) == (1, "consent-required", field)
    assert run("references", "list") == (0, {"references": []})


def test_a_picture_of_nobody_or_of_several_is_refused(run: Run, portrait: str, tmp_path: Path) -> None:
    statement = ("--name", "E", "--basis", "self", "--adult")
    nobody = tmp_path / "nobody.png"
    PIL.Image.new("RGB", (300, 300), (90, 120, 150)).save(nobody)
    assert run("references", "add", str(nobody), *statement)[1]["code"] == "no-face-found"
    face = np.asarray(PIL.Image.open(portrait).convert("RGB"))
    two = tmp_path / "two.png"
    PIL.Image.fromarray(np.concatenate((face, face), axis=1)).save(two)
    problem = run("references", "add", str(two), *statement)[1]
    assert (problem["code"], problem["role"]) == ("several-faces", "reference")


def test_a_picture_that_may_not_be_used_is_refused_as_the_reference(run: Run, tmp_path: Path) -> None:
    from mien_pipeline.trust.content import self_test_picture

    path = tmp_path / "pattern.png"
    PIL.Image.fromarray(self_test_picture(600)).save(path)
    problem = run("references", "add", str(path), "--name", "E", "--basis", "self", "--adult")[1]
    assert (problem["code"], problem["stage"]) == ("content-blocked", "reference")


def test_a_replaced_content_check_is_never_used(
    portrait: str, models: ModelStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The store notices, and puts the pinned file back or refuses; what was put there decides nothing."""
    mine = tmp_path / "models"
    hidden = shutil.ignore_patterns(".*")  # a lock, or a file on its way to its place: it may be gone by then
    shutil.copytree(models.root, mine, symlinks=True, ignore=hidden)
    check = mine / "models" / "content-check" / "open-nsfw.onnx"
    check.unlink()
    check.write_bytes(b"a network that lets everything pass")
    words = ["references", "add", portrait, "--name", "E", "--basis", "self", "--adult", "--offline", "--json"]
    status = main([*words, "--state-dir", str(tmp_path / "state"), "--models-dir", str(mine)])
    capsys.readouterr()
    assert status == 1 or hashlib.sha256(check.read_bytes()).hexdigest() == MODEL_SHA256


# ── backup ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def words(here: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file with a passphrase; deriving a key from it is quick here."""
    monkeypatch.setattr("mien_daemon.references.backup.COST", {"n": 1 << 10, "r": 8, "p": 1})
    (here / "words").write_text("correct horse\n", encoding="utf-8")
    return "words"


@pytest.fixture
def kept(here: Path) -> str:
    """The id of a face in the library."""
    library = ReferenceLibrary(here / "state")
    return library.add(
        [KeptPicture(b"picture", b"small")], Consent.given("Eileen", "self", adult=True, expires_at=None)
    ).id


def test_a_library_is_backed_up_lost_and_restored(run: Run, kept: str, words: str) -> None:
    before = run("references", "list")[1]
    status, made = run("references", "export", "faces.backup", "--passphrase-file", words)
    assert (status, made) == (0, {"output": "faces.backup", "references": [kept], "left_out": []})
    assert run("references", "forget-all")[0] == 0
    imported = ("references", "import", "faces.backup", "--passphrase-file", words)
    assert run(*imported) == (0, {"added": [kept], "present": []})
    assert run("references", "list") == (0, before)
    assert run(*imported) == (0, {"added": [], "present": [kept]})


def test_the_passphrase_may_come_through_a_pipe(
    run: Run, kept: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("references", "export", "faces.backup", "--passphrase-file", words)[0] == 0
    for more in ([], ["--passphrase-file", "-"]):
        monkeypatch.setattr("sys.stdin", StringIO("correct horse"))
        assert run("references", "import", "faces.backup", *more)[1] == {"added": [], "present": [kept]}


def test_a_wrong_passphrase_and_a_file_that_is_no_backup_are_named(run: Run, kept: str, words: str, here: Path) -> None:
    run("references", "export", "faces.backup", "--passphrase-file", words)
    (here / "wrong").write_text("wrong", encoding="utf-8")
    status, problem = run("references", "import", "faces.backup", "--passphrase-file", "wrong")
    assert (status, problem["code"]) == (1, "wrong-passphrase")
    for name in ("astronaut.png", "absent", "state"):
        status, problem = run("references", "import", name, "--passphrase-file", words)
        assert (status, problem["code"], problem["reason"]) == (1, "backup-refused", "not-a-backup")
    (here / "empty").write_text("\n", encoding="utf-8")
    for name in ("empty", "absent"):
        status, problem = run("references", "export", "other", "--passphrase-file", name)
        assert (status, problem["code"], problem["field"]) == (1, "invalid-options", "passphrase")
    assert not (here / "other").exists()
    assert len(run("references", "list")[1]["references"]) == 1


def test_a_backup_goes_where_it_was_asked_to_and_over_nothing_that_is_read(
    run: Run, kept: str, words: str, here: Path
) -> None:
    export = ("references", "export")
    for name in (words, "state/references/index.json"):
        assert run(*export, name, "--passphrase-file", words)[1]["code"] == "output-is-input"
    assert run(*export, "no/such/file", "--passphrase-file", words)[1]["code"] == "output-not-writable"
    (here / "old").write_bytes(b"old")
    assert run(*export, "old", "--passphrase-file", words, "--exists", "fail")[1]["code"] == "output-exists"
    assert run(*export, "old", "--passphrase-file", words, "--exists", "skip")[1]["skipped"] is True
    assert run(*export, "old", "--passphrase-file", words, "--exists", "number")[1]["output"] == "old-2"
    assert (here / "old").read_bytes() == b"old"
    assert run(*export, "old", "--passphrase-file", words)[1]["output"] == "old"
    assert (here / "old").read_bytes() != b"old"


# ── with a daemon ────────────────────────────────────────────────────────────────────────────────────────────

KEPT = {"id": "r1", "name": "Eileen", "basis": "self", "expires_at": None, "usable": True, "pictures": ["p1"]}


def test_a_running_daemon_is_sent_the_picture_and_the_statement(
    scripted: ScriptedDaemon, portrait: str, run_json: Run
) -> None:
    scripted.answers["POST /v1/references"] = KEPT
    words = ("--name", "Eileen", "--basis", "self", "--adult", "--days", "0")
    assert run_json("references", "add", portrait, *words) == (0, KEPT)
    sent = scripted.asked[-1].body
    digest = hashlib.sha256(Path(portrait).read_bytes()).hexdigest()
    assert sent["picture"] == f"sha256:{digest}"
    assert (sent["name"], sent["basis"], sent["adult"], sent["expires_at"]) == ("Eileen", "self", True, None)


def test_the_daemons_library_is_listed_exported_and_removed_with_its_results(
    scripted: ScriptedDaemon, run_json: Run
) -> None:
    scripted.answers["GET /v1/references"] = {"references": [KEPT]}
    assert run_json("references", "list")[1] == {"references": [KEPT]}
    scripted.answers["GET /v1/references/0123456789abcdef"] = KEPT
    assert run_json("references", "export", "0123456789abcdef") == (0, KEPT)
    assert run_json("references", "remove", "a/b", "--results")[0] == 0
    assert scripted.asked[-1][:2] == ("DELETE", "/v1/references/a%2Fb?results=true")
    scripted.answers["DELETE /v1/references"] = {"references": 1, "results": 0}
    assert run_json("references", "forget-all") == (0, {"references": 1, "results": 0})


def test_without_a_daemon_results_cannot_be_deleted_and_no_face_is(run: Run, portrait: str) -> None:
    made = run("references", "add", portrait, "--name", "E", "--basis", "self", "--adult")[1]
    for words in (["remove", made["id"]], ["forget-all"]):
        status, problem = run("references", *words, "--results")
        assert (status, problem["code"], problem["command"]) == (1, "daemon-unreachable", "mien forget-all")
    assert len(run("references", "list")[1]["references"]) == 1


def test_a_person_has_the_pictures_of_a_folder_and_gets_and_loses_others(
    run: Run, portrait: str, tmp_path: Path
) -> None:
    statement = ("--basis", "self", "--adult")
    folder = tmp_path / "eileen"
    (folder / "older").mkdir(parents=True)
    (folder / ".hidden.png").write_bytes(b"no picture")
    for name, angle in (("b.png", 3), ("a.png", 0)):
        PIL.Image.open(portrait).convert("RGB").rotate(angle).save(folder / name)
    status, made = run("references", "add", str(folder), "--name", "Eileen", *statement)
    assert (status, len(made["pictures"])) == (0, 2)
    status, more = run("references", "add", portrait, "--to", made["id"], *statement)
    assert (status, more["pictures"][:2], len(more["pictures"])) == (0, made["pictures"], 3)
    left = run("references", "remove", made["id"], "--picture", made["pictures"][0])
    assert left == (0, {**more, "pictures": more["pictures"][1:]})
    assert run("references", "list") == (0, {"references": [left[1]]})


def test_too_many_pictures_of_one_person_are_refused_before_any_is_read(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(21):
        (folder / f"{number}.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    status, problem = run("references", "add", str(folder), "--name", "E", "--basis", "self", "--adult")
    assert (status, problem["code"], problem["limit"]) == (1, "too-many-pictures", 20)


def test_a_folder_without_a_picture_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    status, problem = run("references", "add", str(tmp_path / "empty"), "--name", "E", "--basis", "self", "--adult")
    assert (status, problem["code"], problem["file"]) == (1, "invalid-image", str(tmp_path / "empty"))


def test_further_pictures_go_to_the_daemon_with_the_statement(
    scripted: ScriptedDaemon, portrait: str, run_json: Run
) -> None:
    scripted.answers["POST /v1/references/r1/pictures"] = KEPT
    assert run_json("references", "add", portrait, portrait, "--to", "r1", "--basis", "self", "--adult") == (0, KEPT)
    name = f"sha256:{hashlib.sha256(Path(portrait).read_bytes()).hexdigest()}"
    assert scripted.asked[-1].body == {"picture": [name, name], "basis": "self", "adult": True}
    scripted.answers["DELETE /v1/references/r1/pictures/p%2F1"] = KEPT
    assert run_json("references", "remove", "r1", "--picture", "p/1") == (0, KEPT)
