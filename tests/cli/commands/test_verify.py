"""`mien verify` and `POST /v1/verify-image` say the same of any picture."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from mien_cli.main import main
from mien_daemon import keys as slots
from mien_daemon.pictures.verifier import Verifier
from mien_models.store import ModelStore
from mien_pipeline.media.decode import decode
from mien_pipeline.report import Edit, ModelUse
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.marking import ResultMarker

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(here: Path, run_json: Run) -> Run:
    """A command with `--json`, on a state folder of its own: exit status and document."""
    return run_json


@pytest.fixture(scope="module")
def marked(models: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A result of another install."""
    portrait = (models.path("demo-portraits") / "grace_hopper.jpg").read_bytes()
    marker = ResultMarker(models.path("watermark"), Authority(tmp_path_factory.mktemp("other")))
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


def test_the_words_for_a_picture_that_lost_its_last_bytes_say_so_first(
    words: Callable[[bytes], str], marked: bytes
) -> None:
    assert words(marked[:-2]).startswith("The picture's file lacks its last bytes")


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
    marker = ResultMarker(models.path("watermark"), Authority(tmp_path / "state"))
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
    empty_daemon: Any, data: bytes, media_type: str, status: int, code: str
) -> None:
    answer = await empty_daemon.ask("POST", "/v1/verify-image", data=data, headers={"Content-Type": media_type})
    assert (answer.status, answer.code) == (status, code)
