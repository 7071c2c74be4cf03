"""The `mien` command promises: one document on stdout, an exit status that means something, and whole files or none."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from mien_cli.main import INTERRUPTED, main
from mien_cli.registry import list_summaries
from mien_pipeline.engines.registry import ENGINES
from mien_testing.scripted_daemon import ScriptedDaemon

RunJson = Callable[..., tuple[int, Any]]


@pytest.mark.parametrize("command", list_summaries())
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert f"usage: mien {command}" in capsys.readouterr().out


def test_the_list_of_commands_is_two_columns_and_names_keep_their_capitals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in ("--help", "restore --help", "models token --help"):
        with pytest.raises(SystemExit):
            main(words.split())
    told = capsys.readouterr().out
    assert all(
        re.search(rf"^    {name} +{re.escape(line)}$", told, re.MULTILINE) for name, line in list_summaries().items()
    )
    assert "\nRepair skin detail without changing the face (Vivid).\n" in told
    assert "\nKeep the Hugging Face token that gated models need.\n" in told


def test_a_name_that_is_not_known_is_answered_with_those_that_are(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["swap", "grace_hopper.jpg", "--face", "astronaut.png", "--engine", "magic"]) == 1
    told = capsys.readouterr().err.splitlines()
    at = told.index("mien: there is no engine called 'magic'")
    known = "".join(told[at + 1 :]).replace(" ", "").removeprefix("known:")
    assert known.split(",") == list(ENGINES)
    assert main(["models", "pull", "magic"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert any("flux-1-dev-transformer" in line for line in told)
    assert all(len(line) <= 80 for line in told)


@pytest.mark.parametrize("words", ["engines", "plan --vram 24"])
def test_what_is_told_in_words_fits_eighty_columns_but_for_commands_to_paste(
    words: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines if not re.match(r" +(mien|pip) ", line))


def test_no_command_is_wrong_usage_and_an_unknown_one_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["dance"]) == 2
    assert "dance" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["swap"], ["swap", "a.jpg", "--face", "b.jpg", "--seed", "x"], ["jobs"], ["jobs", "list", "--limit", "0"]]
)
def test_wrong_usage_is_a_problem_document_for_whoever_asked_for_json(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--json"]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["code"] == "bad-request"
    assert told.err.startswith("usage: mien ")
    assert main(words) == 2
    assert capsys.readouterr().out == ""


USAGES = {
    "swap a b c --face d": "usage: mien swap ",
    "swap a --face b --bogus": "usage: mien swap ",
    "jobs list x": "usage: mien jobs list ",
    "models licence a b": "usage: mien models licence ",
    "engines --bogus --json": "usage: mien engines ",
    "jobs lst": "usage: mien jobs ",
    "models pull x --limit-rate 5kk": "usage: mien models pull ",
    "models pull x --limit-rate 0": "usage: mien models pull ",
    "--bogus engines": "usage: mien [-h] [--version]",
    "--bogus": "usage: mien [-h] [--version]",
}


@pytest.mark.parametrize("words", USAGES)
def test_wrong_usage_is_answered_with_the_usage_of_the_command_that_was_meant(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    assert capsys.readouterr().err.startswith(USAGES[words])


NO_TEXT = {
    "jobs show": "GET /v1/jobs/%FF",
    "jobs list --state": "GET /v1/jobs?limit=100&state=%FF",
    "jobs cancel": "POST /v1/jobs/%FF/cancel",
    "clients revoke": "DELETE /v1/clients/%FF",
    "references remove": "DELETE /v1/references/%FF",
}


@pytest.mark.parametrize("words", NO_TEXT)
def test_an_id_that_is_no_text_is_one_that_the_daemon_does_not_know(
    words: str, scripted: ScriptedDaemon, run_json: RunJson
) -> None:
    scripted.answers[NO_TEXT[words]] = 404
    status, problem = run_json(*words.split(), "\udcff")
    assert (status, problem["code"]) == (1, "unknown-job")


def test_help_loads_neither_numpy_nor_pydantic_nor_a_network_library() -> None:
    code = (
        "import sys; from mien_cli.main import build_parser; build_parser(None).format_help();"
        "sys.exit(', '.join({'numpy', 'pydantic', 'aiohttp', 'cv2', 'PIL'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_interrupt_is_its_own_exit_status(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engines = import_module("mien_cli.commands.engines")

    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(engines, "run", interrupted)
    assert main(["engines"]) == INTERRUPTED == 130


FOLDERS = [
    (["serve", "--port", "0"], "--state-dir"),
    (["serve", "--port", "0", "--foreground"], "--state-dir"),
    (["restore", "astronaut.png", "--local"], "--state-dir"),
    (["references", "list"], "--state-dir"),
    (["demo"], "--models-dir"),
    (["engines"], "--models-dir"),
    (["models", "list"], "--models-dir"),
]


@pytest.mark.parametrize(("command", "flag"), FOLDERS, ids=[" ".join([*words, flag]) for words, flag in FOLDERS])
def test_a_folder_that_cannot_be_one_is_refused_by_its_name(
    command: list[str], flag: str, here: Path, run_json: RunJson
) -> None:
    status, problem = run_json(*command, flag, str(here / "nobody.png"))
    assert (status, problem["code"]) == (1, "output-not-writable")
    assert str(problem["file"]).startswith(str(here / "nobody.png"))


def test_an_error_nobody_planned_for_is_an_incident_and_no_traceback(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> int:
        raise ZeroDivisionError("a secret in a traceback")

    monkeypatch.setattr(import_module("mien_cli.commands.engines"), "run", broken)
    status = main(["engines", "--json"])
    said = capsys.readouterr()
    problem = json.loads(said.out)
    assert (status, problem["code"]) == (1, "internal-error")
    assert problem["incident"] in said.err
    assert "secret" not in said.out + said.err
