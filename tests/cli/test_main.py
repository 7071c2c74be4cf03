"""The `mien` command promises: one document on stdout, an exit status that means something, and whole files or none."""

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import PIL.Image
import pytest

from mien_cli.commands import swap
from mien_cli.main import INTERRUPTED, main
from mien_cli.registry import list_summaries
from mien_models.store import ModelStore
from mien_pipeline.engines.registry import parse_options
from mien_pipeline.report import SwapWarning


@pytest.fixture
def here(tmp_path: Path, models: ModelStore, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a state of its own and the starter models at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("MIEN_MODELS_DIR", str(models.root))
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    for name in ("astronaut.png", "grace_hopper.jpg"):
        (tmp_path / name).write_bytes(models.path("demo-portraits", name).read_bytes())
    PIL.Image.new("RGB", (200, 200), (90, 120, 150)).save(tmp_path / "nobody.png")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status and the JSON document, which must be all that is on stdout."""
    status = main([*arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def pictures(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


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
    assert told[-2:] == ["mien: there is no engine called 'magic'", "      known: mesh, inswapper, flux"]
    assert main(["models", "pull", "magic"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert any("flux-1-dev-transformer" in line for line in told)
    assert all(len(line) <= 80 for line in told)


@pytest.mark.parametrize("warning", get_args(SwapWarning))
def test_every_warning_is_told_in_words(warning: SwapWarning) -> None:
    scores = {"to_reference": 0.593, "before": 0.38, "to_target": 0.61}
    face = {"index": 0, "swapped": True, "identity": scores, "warnings": [warning]}
    told = swap.to_text(Path("out.jpg"), {"engine": "mesh", "seconds": 1.1, "faces": [face]}).splitlines()
    assert told[:2] == [
        "out.jpg  (mesh, 1.10 s)",
        "face 0: 0.59 like the reference (was 0.38), 0.61 like the target",
    ]
    assert re.fullmatch(rf"    {warning}: [A-Z].*\.", told[2])


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


def test_help_loads_neither_numpy_nor_pydantic_nor_a_network_library() -> None:
    code = (
        "import sys; from mien_cli.main import build_parser; build_parser(None).format_help();"
        "sys.exit(', '.join({'numpy', 'pydantic', 'aiohttp', 'cv2', 'PIL'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_swap_writes_the_picture_and_reports_what_scripts_rely_on(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, report = run(capsys, "swap", "grace_hopper.jpg", "--face", "astronaut.png", "-o", "out.png", "--local")
    assert status == 0
    assert {"output", "engine", "seconds", "stages", "size", "faces", "provenance", "models"} <= set(report)
    assert report["output"] == "out.png"
    face = report["faces"][0]
    assert face["swapped"]
    assert face["identity"]["to_reference"] > face["identity"]["before"]
    assert report["provenance"]["c2pa"]
    assert {"face-detection", "content-check"} <= {model["name"] for model in report["models"]}
    with PIL.Image.open(here / "out.png") as made, PIL.Image.open(here / "grace_hopper.jpg") as target:
        assert made.format == "PNG"
        assert made.size == target.size == tuple(report["size"])


def test_without_a_name_the_result_lies_beside_the_target_in_its_format(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, report = run(capsys, "swap", "grace_hopper.jpg", "--face", "astronaut.png", "--local")
    assert (status, report["output"]) == (0, "grace_hopper-swapped.jpg")
    with PIL.Image.open(here / "grace_hopper-swapped.jpg") as made:
        assert made.format == "JPEG"


def test_a_result_is_for_whom_the_umask_says_and_the_state_for_this_user_alone(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    umask = os.umask(0o027)
    try:
        assert run(capsys, "restore", "astronaut.png", "-o", "out.png", "--local")[0] == 0
    finally:
        os.umask(umask)
    assert (here / "out.png").stat().st_mode & 0o777 == 0o640
    assert (here / "state").stat().st_mode & 0o777 == 0o700


REFUSALS: dict[str, tuple[list[str], str, dict[str, object]]] = {
    "no face in the target": (["nobody.png", "--face", "astronaut.png"], "no-face-found", {"role": "target"}),
    "no face in the reference": (["astronaut.png", "--face", "nobody.png"], "no-face-found", {"role": "reference"}),
    "a target that is not there": (["absent.png", "--face", "astronaut.png"], "invalid-image", {"file": "absent.png"}),
    "a target that is no picture": (["notes.txt", "--face", "astronaut.png"], "invalid-image", {}),
    "an engine nobody has": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "--engine", "magic"],
        "unknown-engine",
        {"field": "engine"},
    ),
    "faces in words": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "--faces", "left"],
        "invalid-options",
        {"field": "faces"},
    ),
    "a face that is not there": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "--faces", "4"],
        "invalid-options",
        {"field": "faces", "found": 1},
    ),
    "an option nobody has": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "--set", "glow=1"],
        "invalid-options",
        {"field": "glow"},
    ),
    "an option out of range": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "--set", "shape=3"],
        "invalid-options",
        {"field": "shape"},
    ),
    "an output that cannot be marked": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "-o", "out.gif"],
        "invalid-options",
        {"field": "output"},
    ),
    "an output that is an input": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "-o", "astronaut.png"],
        "invalid-options",
        {"field": "output"},
    ),
    "a face that is not in the library": (
        ["astronaut.png", "--face", "ref:0123456789abcdef"],
        "unknown-reference",
        {"reason": "absent"},
    ),
    "models that are not there": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "--engine", "inswapper"],
        "model-not-installed",
        {"model": "inswapper"},
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_names_what_to_fix_and_leaves_no_file(
    name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same document as the API's, exit status 1, a sentence on stderr, no traceback, nothing written."""
    arguments, code, fields = REFUSALS[name]
    (here / "notes.txt").write_text("not a picture")
    before = pictures(here)
    untouched = (here / "astronaut.png").read_bytes()
    status = main(["swap", *arguments, "--local", "--json"])
    said = capsys.readouterr()
    problem = json.loads(said.out)
    assert status == 1
    assert problem["code"] == code
    assert fields.items() <= problem.items()
    assert "Traceback" not in said.err
    assert said.err.startswith("mien: ") or "\nmien: " in said.err
    assert pictures(here) == before
    assert (here / "astronaut.png").read_bytes() == untouched


def test_an_output_folder_that_is_not_there_is_refused_and_nothing_is_left(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, problem = run(
        capsys, "swap", "astronaut.png", "--face", "grace_hopper.jpg", "-o", "absent/out.png", "--local"
    )
    assert (status, problem["code"]) == (1, "output-not-writable")
    assert not (here / "absent").exists()


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
    command: list[str], flag: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, problem = run(capsys, *command, flag, str(here / "nobody.png"))
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


def test_engines_say_what_they_lack(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, document = run(capsys, "engines")
    engines = {engine["name"]: engine for engine in document["engines"]}
    assert engines["mesh"]["state"] == "ready"
    assert engines["inswapper"]["missing_models"] == ["inswapper"]


def test_engines_say_which_options_are_their_own_and_their_defaults_can_be_set(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, document = run(capsys, "engines")
    own = {engine["name"]: engine["options"] for engine in document["engines"]}
    assert set(own["mesh"]) == {"shape", "gaze"}
    for engine, options in own.items():
        chosen = {name: schema["default"] for name, schema in options.items()}
        assert parse_options({"engine": engine, **chosen}) == parse_options({"engine": engine})


def test_doctor_finds_the_models_and_says_where_everything_lies(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = run(capsys, "doctor")
    assert status == 0
    assert found["models"]["missing"] == []
    assert found["daemon"] == {"running": False}
    assert found["folders"]["state"]["path"] == str(here / "state")


def test_offline_a_model_that_is_missing_is_refused_and_nothing_claims_to_be_fetched(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_MODELS_DIR", str(here / "empty"))
    for command in (["demo"], ["swap", "astronaut.png", "--face", "grace_hopper.jpg", "--local", "-o", "out.png"]):
        assert main([*command, "--json"]) == 1
        told = capsys.readouterr()
        assert json.loads(told.out)["code"] == "offline"
        assert "Fetching" not in told.err
    assert pictures(here) == {"astronaut.png", "grace_hopper.jpg", "nobody.png"}
    assert not (here / "mien-demo").exists()


def test_the_demo_swaps_two_portraits_and_shows_them_side_by_side(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, report = run(capsys, "demo", "-o", "shown")
    assert status == 0
    assert pictures(here / "shown") == {"target.jpg", "result.jpg", "side-by-side.png"}
    assert report["faces"][0]["identity"]["to_reference"] > report["faces"][0]["identity"]["before"]
