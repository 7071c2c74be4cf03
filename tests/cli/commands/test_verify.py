"""`mien verify` and `POST /v1/verify-image` say the same of any picture, and `mien references` keeps what it may."""

import hashlib
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from mien_cli import statement
from mien_cli.main import main
from mien_daemon import keys as slots
from mien_daemon.pictures.verifier import Verifier
from mien_daemon.references.consent import STATEMENTS
from mien_models.store import ModelStore
from mien_pipeline.media.decode import decode
from mien_pipeline.report import Edit, ModelUse
from mien_pipeline.trust.content import MODEL_SHA256
from mien_pipeline.trust.marking import ResultMarker

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(tmp_path: Path, models: ModelStore, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command with `--json`, on a state folder of its own: exit status and document."""

    def command(*words: str) -> tuple[int, Any]:
        status = main([*words, "--json", "--state-dir", str(tmp_path / "state"), "--models-dir", str(models.root)])
        return status, json.loads(capsys.readouterr().out)

    return command


@pytest.fixture(scope="module")
def marked(models: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A result of another install."""
    portrait = (models.path("demo-portraits") / "grace_hopper.jpg").read_bytes()
    marker = ResultMarker(models.path("watermark"), tmp_path_factory.mktemp("other"))
    return marker.mark(decode(portrait), portrait, Edit("swap", "mesh", None, [ModelUse("a", "0" * 64)])).data


def test_a_marked_picture_is_told_in_json_and_passes(run: Run, marked: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(marked)
    status, found = run("verify", str(path))
    assert status == 0
    assert (found["credentials"]["state"], found["credentials"]["trusted"]) == ("valid", False)
    assert found["watermark"]["strength"] == "strong"
    assert not (tmp_path / "state").exists(), "looking writes nothing"


def test_a_contradiction_is_exit_status_1(run: Run, marked: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(marked[:-300] + bytes([marked[-300] ^ 0x55]) + marked[-299:])
    status, found = run("verify", str(path))
    assert (status, found["credentials"]["state"]) == (1, "invalid")


def test_what_is_no_picture_is_a_problem(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "picture.svg"
    path.write_text("<svg/>", encoding="utf-8")
    assert run("verify", str(path))[1]["code"] == "invalid-image"
    assert run("verify", str(tmp_path / "absent.jpg"))[1]["code"] == "invalid-image"


@pytest.fixture
def words(tmp_path: Path, models: ModelStore, capsys: pytest.CaptureFixture[str]) -> Callable[[bytes], str]:
    """What `mien verify` tells a person of a picture."""

    def told(data: bytes) -> str:
        path = tmp_path / "picture"
        path.write_bytes(data)
        main(["verify", str(path), "--state-dir", str(tmp_path / "state"), "--models-dir", str(models.root)])
        return capsys.readouterr().out

    return told


def test_the_words_say_what_matters(words: Callable[[bytes], str], marked: bytes) -> None:
    said = words(marked)
    assert "Content credentials: valid, signed by Mien local signer, who is not known here." in said
    assert "Done: opened, edited" in said
    assert "What it is: a picture with a part that a trained algorithm made" in said
    assert "Made from a picture without credentials" in said
    assert "Watermark of Mien: strong" in said
    assert "not the face of the person photographed" in said


def test_the_words_for_a_picture_that_was_changed_trust_no_name_in_it(
    words: Callable[[bytes], str], marked: bytes
) -> None:
    said = words(marked[:-300] + bytes([marked[-300] ^ 0x55]) + marked[-299:])
    assert "Content credentials: invalid, the picture or they were changed afterwards, signed by" in said
    assert "or so they say" in said
    assert "Problem: assertion.dataHash.mismatch" in said


def test_the_words_tell_of_a_parent_that_was_changed(
    words: Callable[[bytes], str], marked: bytes, models: ModelStore, tmp_path: Path
) -> None:
    parent = marked[:-300] + bytes([marked[-300] ^ 0x55]) + marked[-299:]
    marker = ResultMarker(models.path("watermark"), tmp_path / "state")
    said = words(marker.mark(decode(marked), parent, Edit("swap", "mesh", None, [ModelUse("a", "0" * 64)])).data)
    assert "Content credentials: valid, signed by this installation of Mien." in said
    assert "whose own credentials were invalid, signed by Mien local signer: assertion.dataHash.mismatch" in said


def test_the_words_for_a_picture_that_was_stripped_and_saved_again(
    words: Callable[[bytes], str], marked: bytes
) -> None:
    out = io.BytesIO()
    PIL.Image.open(io.BytesIO(marked)).save(out, "JPEG", quality=60)
    said = words(out.getvalue())
    assert "Content credentials: none." in said
    assert "Watermark of Mien: strong" in said


async def test_the_api_answers_as_the_command_does(
    daemon: Any, marked: bytes, models: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon.app[slots.VERIFIER], "_command", Verifier(daemon.state, models.root)._command)  # pyright: ignore[reportPrivateUsage]
    sent = {"Content-Type": "image/jpeg"}
    token = await daemon.token("swap")
    answer = await daemon.ask("POST", "/v1/verify-image", data=marked, headers=sent, token=token)
    assert answer.status == 200, answer.body
    assert answer.json["credentials"]["state"] == "valid"
    assert answer.json["watermark"]["strength"] == "strong"
    kept = [path.read_bytes() for path in daemon.state.rglob("*") if path.is_file()]
    assert not [content for content in kept if marked[-3000:-2900] in content], "it is kept nowhere"


@pytest.mark.parametrize(
    ("data", "media_type", "status", "code"),
    [
        (b"<svg/>", "image/png", 415, "invalid-image"),
        (b"", "image/png", 415, "invalid-image"),
        (b"{}", "application/json", 415, "unsupported-media-type"),
    ],
)
async def test_the_api_refuses_what_is_no_picture(
    daemon: Any, data: bytes, media_type: str, status: int, code: str
) -> None:
    answer = await daemon.ask("POST", "/v1/verify-image", data=data, headers={"Content-Type": media_type})
    assert (answer.status, answer.code) == (status, code)


# ── mien credentials ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_certificate_is_shown_and_rotated_and_its_pictures_stay_ones_own(
    run: Run, portrait: str, models: ModelStore, tmp_path: Path
) -> None:
    assert run("credentials", "show") == (0, {"certificate": None})
    marker = ResultMarker(models.path("watermark"), tmp_path / "state")
    data = Path(portrait).read_bytes()
    picture = tmp_path / "picture.png"
    picture.write_bytes(marker.mark(decode(data), data, Edit("swap", "mesh", None, [ModelUse("a", "0" * 64)])).data)
    shown = run("credentials", "show")[1]["certificate"]
    assert run("verify", str(picture))[1]["credentials"]["signer"]["cert_serial_number"] == shown["serial"]
    assert shown["name"] == "CN=Mien local signer,O=Mien"
    status, rotated = run("credentials", "rotate")
    assert (status, rotated["before"]) == (0, shown)
    assert rotated["certificate"]["serial"] != shown["serial"]
    assert run("credentials", "show")[1]["certificate"] == rotated["certificate"]
    assert run("verify", str(picture))[1]["credentials"]["trusted"] is True


# ── mien references, without a daemon ────────────────────────────────────────────────────────────────────────


@pytest.fixture
def portrait(models: ModelStore) -> str:
    return str(models.path("demo-portraits") / "astronaut.png")


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
    shutil.copytree(models.root, mine, symlinks=True)
    check = mine / "models" / "content-check" / "open-nsfw.onnx"
    check.unlink()
    check.write_bytes(b"a network that lets everything pass")
    words = ["references", "add", portrait, "--name", "E", "--basis", "self", "--adult", "--offline", "--json"]
    status = main([*words, "--state-dir", str(tmp_path / "state"), "--models-dir", str(mine)])
    capsys.readouterr()
    assert status == 1 or hashlib.sha256(check.read_bytes()).hexdigest() == MODEL_SHA256


# ── the statement about a face that is used once ─────────────────────────────────────────────────────────────


class Terminal(io.StringIO):
    """Somebody who types these lines."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def swap(models: ModelStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """A swap: exit status and what was said on stderr."""
    portraits = models.path("demo-portraits")
    folders = ["--state-dir", str(tmp_path / "state"), "--models-dir", str(models.root), "--local"]

    def command(*words: str) -> tuple[int, str]:
        target, face = str(portraits / "grace_hopper.jpg"), str(portraits / "astronaut.png")
        status = main(["swap", target, "--face", face, "-o", str(tmp_path / "out.png"), *folders, *words])
        return status, capsys.readouterr().err

    return command


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a person sit at the terminal and answer so."""

    def sit(answer: str) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(answer + "\n"))
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    return sit


def test_a_face_that_is_used_once_asks_for_the_statement_once_a_session(
    swap: Callable[..., tuple[int, str]], terminal: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal("y")
    status, said = swap()
    assert status == 0
    assert all(statement in said for statement in STATEMENTS.values())
    terminal("must not be read")
    assert "[y/N]" not in swap()[1]
    monkeypatch.setattr(statement, "SESSION_S", 0.0)
    terminal("n")
    assert swap()[0] == 1, "after a day it is asked again"


def test_who_does_not_confirm_swaps_nothing(
    swap: Callable[..., tuple[int, str]], terminal: Callable[[str], None], tmp_path: Path
) -> None:
    for answer in ("n", "", "perhaps"):
        terminal(answer)
        status, said = swap()
        assert status == 1
        assert "with permission only" in said
    assert not (tmp_path / "out.png").exists()
    assert not (tmp_path / "state" / "stated").exists()


def test_a_script_says_it_in_words_and_is_told_what_it_states_when_it_does_not(
    swap: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    assert "you state" not in swap("--basis", "self", "--adult")[1]
    status, said = swap()
    assert status == 0
    assert STATEMENTS["self"] in said
    assert swap("--basis", "hearsay", "--adult")[0] == 1
    assert swap("--basis", "self")[0] == 1, "half a statement is none"
    assert not (tmp_path / "state" / "stated").exists()
