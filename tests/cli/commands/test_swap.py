"""`mien swap` writes a whole picture or none, reports what scripts rely on, and says what to fix."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import PIL.Image
import pytest

from mien_cli.commands import restore, swap
from mien_cli.main import main
from mien_models.store import ModelStore
from mien_pipeline.report import Fault, PictureWarning, SwapWarning
from mien_testing.two_engines import SECOND, make_two_engines

pytestmark = pytest.mark.slow

RunJson = Callable[..., tuple[int, Any]]


def pictures(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("warning", get_args(SwapWarning))
def test_every_warning_is_told_in_words(warning: SwapWarning) -> None:
    scores = {"to_reference": 0.593, "before": 0.38, "to_target": 0.61}
    face = {"index": 0, "swapped": True, "identity": scores, "warnings": [warning]}
    told = swap.to_text({"engine": "mesh", "seconds": 1.1, "faces": [face]}).splitlines()
    assert told[:2] == [
        "(mesh, 1.10 s)",
        "face 0: 0.59 like the reference (was 0.38), 0.61 like the target",
    ]
    assert re.fullmatch(rf"    {warning}: [A-Z].*\.", told[2])


@pytest.mark.parametrize("fault", get_args(Fault))
def test_naturalness_is_told_with_its_faults_in_words(fault: Fault) -> None:
    scores = {"to_reference": 0.593, "before": 0.38, "to_target": 0.41}
    face = {"index": 0, "swapped": True, "identity": scores, "warnings": [], "verdict": "partial"}
    measured = {**face, "naturalness": 0.312, "faults": [fault]}
    told = swap.to_text({"engine": "mesh", "seconds": 1.1, "faces": [measured]}).splitlines()
    assert told[2] == "    naturalness 0.31, likeness partial"
    again = swap.to_text({"engine": "mesh", "seconds": 1.1, "faces": [{**measured, "retried": True}]}).splitlines()
    assert again[2] == "    naturalness 0.31, likeness partial, the better of two attempts"
    assert re.fullmatch(rf"    {fault}: [A-Z].*\.", told[3])


@pytest.mark.parametrize("warning", get_args(PictureWarning))
@pytest.mark.parametrize("to_text", [swap.to_text, restore.to_text])
def test_what_is_said_of_a_whole_picture_comes_first(
    warning: PictureWarning, to_text: Callable[[Mapping[str, Any]], str]
) -> None:
    told = to_text({"engine": "mesh", "seconds": 1.1, "warnings": [warning], "faces": []})
    assert re.fullmatch(r"\(mesh, 1\.10 s\)\n[A-Z].*(last bytes|left out|put back|more slowly).*\.", told)


def test_a_swap_writes_the_picture_and_reports_what_scripts_rely_on(here: Path, run_json: RunJson) -> None:
    status, report = run_json("swap", "grace_hopper.jpg", "--face", "astronaut.png", "-o", "out.png", "--local")
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


def test_a_folder_is_one_person_and_a_picture_finds_the_face(here: Path, run_json: RunJson) -> None:
    """The folder's pictures are all of one person; in the pair of faces the one like the astronaut's is chosen."""
    folder = here / "grace"
    folder.mkdir()
    with PIL.Image.open(here / "grace_hopper.jpg") as portrait, PIL.Image.open(here / "astronaut.png") as other:
        for angle in (0, 4):
            portrait.rotate(angle).save(folder / f"{angle}.png")
        pair = PIL.Image.new("RGB", (1024, 600))
        pair.paste(portrait.convert("RGB").resize((512, 600)), (0, 0))
        pair.paste(other.convert("RGB").resize((512, 512)), (512, 0))
        pair.save(here / "pair.png")
    words = ("--face", "grace", "--faces", "like:astronaut.png", "--local")
    status, report = run_json("swap", "pair.png", *words)
    assert (status, report["left_out"]) == (0, [])
    assert [face["swapped"] for face in report["faces"]] == [False, True]


def test_pictures_that_were_left_out_are_named(here: Path, run_json: RunJson) -> None:
    """Two pictures of her, one of someone else and one without a face; they are listed by their files."""
    folder = here / "grace"
    folder.mkdir()
    with PIL.Image.open(here / "grace_hopper.jpg") as portrait:
        for angle in (0, 4):
            portrait.rotate(angle).save(folder / f"her-{angle}.png")
    (folder / "other.png").write_bytes((here / "astronaut.png").read_bytes())
    (folder / "rope.png").write_bytes((here / "nobody.png").read_bytes())
    status, report = run_json("swap", "astronaut.png", "--face", "grace", "-o", "out.png", "--local")
    assert status == 0
    assert report["warnings"] == ["other-person", "face-not-shown"]
    assert report["left_out"] == [
        {"picture": 2, "why": "other-person", "reference": 0, "file": str(Path("grace/other.png"))},
        {"picture": 3, "why": "face-not-shown", "reference": 0, "file": str(Path("grace/rope.png"))},
    ]
    lines = swap.to_text(report).splitlines()
    assert lines[2].strip() == str(Path("grace/other.png"))
    assert lines[4].strip() == str(Path("grace/rope.png"))


def test_a_picture_with_dark_glasses_is_left_out_and_alone_it_is_refused(
    here: Path, run_json: RunJson, dark_glasses: Callable[[str], PIL.Image.Image]
) -> None:
    folder = here / "grace"
    folder.mkdir()
    dark_glasses("grace_hopper.jpg").save(folder / "dark.png")
    (folder / "plain.jpg").write_bytes((here / "grace_hopper.jpg").read_bytes())
    status, report = run_json("swap", "astronaut.png", "--face", "grace", "-o", "out.png", "--local")
    assert (status, report["warnings"]) == (0, ["reference-glasses"])
    assert [(each["picture"], each["why"], each["file"]) for each in report["left_out"]] == [
        (0, "reference-glasses", str(Path("grace/dark.png")))
    ]
    status, problem = run_json("swap", "astronaut.png", "--face", "grace/dark.png", "-o", "no.png", "--local")
    assert (status, problem["code"], problem["status"]) == (1, "reference-glasses", 422)
    assert not (here / "no.png").exists()


def test_a_picture_of_the_library_that_was_left_out_is_named_by_its_place() -> None:
    left_out = [{"picture": 1, "why": "other-person", "reference": 1}]
    named = swap.name_left_out(left_out, ["me.jpg", "ref:ada"], [[Path("me.jpg")], "ref:ada"])
    assert named[0]["file"] == "ref:ada, picture 2"


@pytest.mark.parametrize(
    ("words", "field"),
    [(("like:a.png", "all"), "faces"), (("0", "1"), "faces"), (("leftmost",), "faces")],
)
def test_faces_are_chosen_in_one_way(here: Path, run_json: RunJson, words: tuple[str, ...], field: str) -> None:
    chosen = [part for word in words for part in ("--faces", word)]
    status, problem = run_json("swap", "grace_hopper.jpg", "--face", "astronaut.png", "--local", *chosen)
    assert (status, problem["code"], problem["field"]) == (1, "invalid-options", field)


def test_without_a_name_the_result_lies_beside_the_target_in_its_format(here: Path, run_json: RunJson) -> None:
    status, report = run_json("swap", "grace_hopper.jpg", "--face", "astronaut.png", "--local")
    assert (status, report["output"]) == (0, "grace_hopper-swapped.jpg")
    with PIL.Image.open(here / "grace_hopper-swapped.jpg") as made:
        assert made.format == "JPEG"


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
        "output-is-input",
        {"file": "astronaut.png"},
    ),
    "an output that is the reference": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "-o", "./grace_hopper.jpg"],
        "output-is-input",
        {"file": "grace_hopper.jpg"},
    ),
    "a file that is there": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "-o", "nobody.png", "--exists", "fail"],
        "output-exists",
        {"file": "nobody.png"},
    ),
    "a face that is not in the library": (
        ["astronaut.png", "--face", "ref:0123456789abcdef"],
        "unknown-reference",
        {"reason": "absent"},
    ),
    "a face whose name is no text": (
        ["astronaut.png", "--face", "ref:\udcff"],
        "unknown-reference",
        {"reason": "absent"},
    ),
    "models that are not there": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "--engine", "inswapper"],
        "model-not-installed",
        {"model": "inswapper"},
    ),
    "a restorer that is not there": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "--restore", "1", "--restorer", "sharpen"],
        "invalid-options",
        {"field": "restorer"},
    ),
    "a restorer that is not installed": (
        ["astronaut.png", "--face", "grace_hopper.jpg", "--restore", "1", "--restorer", "gfpgan"],
        "model-not-installed",
        {"model": "gfpgan"},
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


def test_a_detector_that_is_not_installed_is_refused_with_its_command(here: Path, run_json: RunJson) -> None:
    words = ("swap", "astronaut.png", "--face", "grace_hopper.jpg", "--local", "-o", "out.png")
    status, problem = run_json(*words, "--detector", "scrfd")
    assert (status, problem["code"]) == (1, "model-not-installed")
    assert problem["command"] == "mien models pull scrfd"
    assert not (here / "out.png").exists()


def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    here: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "make_swap", never_called)
    (here / "file").write_bytes(b"")
    for output in ("absent/out.png", "file/out.png", "x" * 300 + ".png"):
        status, problem = run_json("swap", "astronaut.png", "--face", "grace_hopper.jpg", "-o", output, "--local")
        assert (status, problem["code"], problem["file"]) == (1, "output-not-writable", output)
    assert not (here / "absent").exists()


def never_called(*_: object) -> None:
    raise AssertionError("the work was done")


def test_the_reference_survives_a_result_that_would_be_called_like_it(here: Path, run_json: RunJson) -> None:
    face = (here / "astronaut.png").read_bytes()
    (here / "grace_hopper-swapped.jpg").write_bytes(face)
    command = ["swap", "grace_hopper.jpg", "--face", "grace_hopper-swapped.jpg", "--local"]
    status, report = run_json(*command)
    assert (status, report["output"]) == (0, "grace_hopper-swapped-2.jpg")
    assert run_json(*command, "--exists", "replace")[1]["code"] == "output-is-input"
    assert (here / "grace_hopper-swapped.jpg").read_bytes() == face


def test_skip_does_no_work_and_says_so(here: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swap, "make_swap", never_called)
    (here / "grace_hopper-swapped.jpg").write_bytes(b"there")
    status, report = run_json("swap", "grace_hopper.jpg", "--face", "astronaut.png", "--exists", "skip")
    assert (status, report) == (0, {"output": "grace_hopper-swapped.jpg", "skipped": True})
    assert (here / "grace_hopper-swapped.jpg").read_bytes() == b"there"


def test_an_engine_that_is_left_open_is_named_with_its_reason(
    here: Path, models: ModelStore, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UniFace's interface is ready beside the mesh, and was not measured: it is said, and not preferred."""
    (here / "two").mkdir()
    store, catalogue = make_two_engines(here / "two", models)
    monkeypatch.setenv("MIEN_MODELS_DIR", str(store.root))
    monkeypatch.setenv("MIEN_CATALOGUE", str(catalogue))
    status, report = run_json("swap", "grace_hopper.jpg", "--face", "astronaut.png", "-o", "out.png", "--local")
    choice = report["choice"]
    assert (status, report["engine"], choice["asked"], choice["why"]) == (0, "mesh", "auto", "best-measured")
    assert choice["not_measured"] == [SECOND]
    assert 50 < choice["width_px"] < 500
    assert choice["said"] in swap.to_text(report)


def test_the_usual_engine_that_a_person_set_is_the_commands_too(
    here: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the API's: it lacks its models here, so that it is named in a refusal."""
    monkeypatch.setenv("MIEN_DEFAULT_ENGINE", "inswapper")
    command = ["swap", "astronaut.png", "--face", "grace_hopper.jpg", "--local"]
    status, problem = run_json(*command)
    assert (status, problem["code"], problem["model"]) == (1, "model-not-installed", "inswapper")
