"""`mien models`: every operation of the store by name, one JSON document each, and an honest exit status."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien_cli.commands.models import parse_rate
from mien_cli.main import main

WEIGHTS, LICENCE = b"weights", b"Read this first.\n"
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()

Mien = Callable[..., tuple[int, Any]]


@pytest.fixture
def mien(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mien:
    """Run `mien models …` with a catalogue of two own models; the exit status and what `--json` printed."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.dat").write_bytes(WEIGHTS)
    (source / "LICENCE").write_bytes(LICENCE)
    own = tmp_path / "own.toml"
    own.write_text(f"""
        [licences.careful]
        name = "Careful"
        url = "https://example.org/careful"
        commercial = false
        must_accept = true
        text = {{ path = "LICENCE", format = "text", source = {{ kind = "local", folder = "{source}" }} }}
        [models.open]
        title = "Open"
        version = "1"
        licence = "mit"
        source = {{ kind = "local", folder = "{source}" }}
        files = [{{ path = "a.dat", format = "dlib", size = {len(WEIGHTS)}, sha256 = "{DIGEST}" }}]
        [models.fresh]
        title = "Fresh"
        version = "1"
        licence = "mit"
        source = {{ kind = "local", folder = "{source}" }}
        files = [{{ path = "a.dat", format = "dlib" }}]
        [models.careful]
        title = "Careful"
        version = "1"
        licence = "careful"
        source = {{ kind = "local", folder = "{source}" }}
        files = [{{ path = "a.dat", format = "dlib", size = {len(WEIGHTS)}, sha256 = "{DIGEST}" }}]
    """)
    monkeypatch.setenv("MIEN_CATALOGUE", str(own))
    monkeypatch.setenv("MIEN_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("MIEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("MIEN_OFFLINE", raising=False)

    def run(*words: str) -> tuple[int, Any]:
        status = main(["models", *words, "--json"])
        return status, json.loads(capsys.readouterr().out)

    return run


def of(document: Any, name: str) -> Any:
    return next(model for model in document["models"] if model["name"] == name)


def test_a_model_is_listed_pulled_and_listed_as_ready(mien: Mien, tmp_path: Path) -> None:
    assert of(mien("list")[1], "open")["state"] == "missing"
    status, pulled = mien("pull", "open")
    assert (status, of(pulled, "open")["state"]) == (0, "ready")

    (file,) = of(mien("list")[1], "open")["files"]
    assert (file["name"], file["sha256"], file["size"], file["state"]) == ("a.dat", DIGEST, len(WEIGHTS), "ready")
    assert Path(file["path"]) == tmp_path / "models/models/open/a.dat"


def test_the_list_says_what_may_be_used_commercially(mien: Mien) -> None:
    listed = mien("list")[1]
    assert of(listed, "open")["commercial_use"] is True
    assert of(listed, "careful")["commercial_use"] is False
    assert of(listed, "flux-1-dev-transformer")["commercial_use"] is False


def test_the_list_says_what_is_not_known_yet(mien: Mien, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (at,) = (number for number, line in enumerate(lines) if " flux-1-dev-transformer: " in line)
    assert "~23.8 GB" in lines[at]
    assert "its source asks who you are, digests are locked on the first pull" in lines[at + 1]


def test_bundles_are_listed_and_an_unknown_name_is_answered_with_them(
    mien: Mien, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "flux-1-dev-parts" in mien("list")[1]["bundles"]["flux-dev"]
    assert main(["models", "list"]) == 0
    assert " flux-dev: flux-1-dev-transformer, " in capsys.readouterr().out
    status, problem = mien("pull", "flux")
    assert (status, problem["code"]) == (1, "unknown-model")
    assert {"flux-dev", "flux-1-dev-parts"} <= set(problem["known"])


def test_a_licence_is_shown_and_accepted_by_its_words(mien: Mien) -> None:
    status, problem = mien("pull", "careful")
    assert (status, problem["code"]) == (1, "licence-not-accepted")
    assert problem["command"] == "mien models licence careful --accept"

    shown = mien("licence", "careful")[1]
    assert (shown["text"], shown["accepted_at"]) == (LICENCE.decode(), None)
    assert mien("licence", "careful", "--accept")[1]["accepted_at"] is not None
    assert mien("pull", "careful")[0] == 0


def test_verify_fails_when_something_changed(mien: Mien) -> None:
    path = Path(of(mien("pull", "open")[1], "open")["files"][0]["path"])
    assert mien("verify")[0] == 0
    path.chmod(0o644)
    path.write_bytes(b"changed")

    status, checked = mien("verify", "open")
    assert (status, checked["files"][0]["ok"]) == (1, False)
    assert of(mien("list")[1], "open")["state"] == "quarantined"


def test_nothing_to_pause_is_no_failure(mien: Mien) -> None:
    mien("pull", "open")
    status, paused = mien("pause", "open")
    assert (status, of(paused, "open")["state"]) == (0, "ready")


def test_sums_are_for_sha256sum_alone(mien: Mien, capsys: pytest.CaptureFixture[str]) -> None:
    mien("pull", "open")
    assert main(["models", "verify", "--sums"]) == 0
    assert capsys.readouterr().out == f"{DIGEST}  models/open/a.dat\n"
    assert mien("verify", "--sums")[1]["sums"] == f"{DIGEST}  models/open/a.dat\n"


def test_a_model_travels_on_a_stick(mien: Mien, tmp_path: Path) -> None:
    stick = str(tmp_path / "stick")
    mien("pull", "open")
    assert mien("export", "open", stick)[1]["models"] == ["open"]
    assert of(mien("remove", "open")[1], "open")["state"] == "missing"

    status, imported = mien("import", stick, "--offline")
    assert (status, of(imported, "open")["state"]) == (0, "ready")


def test_other_programs_folders_are_adopted(mien: Mien, tmp_path: Path) -> None:
    (tmp_path / "comfy").mkdir()
    (tmp_path / "comfy/any-name.dat").write_bytes(WEIGHTS)

    status, adopted = mien("adopt", str(tmp_path / "comfy"))
    assert status == 0
    assert Path(of(adopted, "open")["files"][0]["path"]).samefile(tmp_path / "comfy/any-name.dat")


def test_a_refusal_is_a_problem_document_and_exit_status_one(mien: Mien) -> None:
    assert mien("pull", "nobody")[1]["code"] == "unknown-model"
    status, problem = mien("pull", "face-detection", "--offline")
    assert (status, problem["code"]) == (1, "offline")
    assert mien("import", "/nowhere")[1]["code"] == "import-refused"


def test_without_a_terminal_progress_is_one_line_a_stage(mien: Mien, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", "open"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == "open: done"
    assert len(said) == len(set(said))


@pytest.mark.parametrize(("text", "rate"), [("500k", 500e3), ("2.5M", 2.5e6), ("1g", 1e9), ("800", 800.0)])
def test_a_rate_limit_is_written_as_people_write_it(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


def test_a_home_made_stick_is_called_unverified_by_every_command_until_the_source_is_asked(
    mien: Mien, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home_made = b"home-made weights"
    claim = {"sha256": hashlib.sha256(home_made).hexdigest(), "size": len(home_made)}
    (tmp_path / "stick/fresh").mkdir(parents=True)
    (tmp_path / "stick/fresh/a.dat").write_bytes(home_made)
    manifest = {"models": {"fresh": {"version": "1", "files": {"a.dat": claim}, "lock": {"files": {"a.dat": claim}}}}}
    (tmp_path / "stick/mien-models.json").write_text(json.dumps(manifest))

    status, imported = mien("import", str(tmp_path / "stick"))
    assert (status, of(imported, "fresh")["state"]) == (0, "unverified")
    (file,) = of(mien("list")[1], "fresh")["files"]
    assert (file["state"], file["repository"], file["verified_at"]) == ("unverified", "import", None)
    status, verified = mien("verify")
    assert (status, verified["files"][0]["state"], verified["files"][0]["ok"]) == (1, "unverified", False)
    main(["doctor", "--json"])
    doctor = json.loads(capsys.readouterr().out)
    assert doctor["models"]["unverified"] == ["fresh"]
    assert any("Unverified models: fresh" in problem for problem in doctor["problems"])
    main(["models", "list"])
    assert "no source has vouched for it" in capsys.readouterr().out

    status, pulled = mien("pull", "fresh")
    assert (status, of(pulled, "fresh")["state"]) == (0, "ready")
    assert of(pulled, "fresh")["files"][0]["sha256"] == DIGEST
    assert mien("verify")[0] == 0
