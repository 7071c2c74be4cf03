"""`mien swap` takes clips: times as people write them, options that only clips take, one output rule, what is said."""

import io
import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from mien_cli import clip
from mien_cli.result_file import ResultPlace
from mien_core.errors import InvalidOptions
from mien_core.outputs import Exists, Inputs
from mien_models.store import ModelStore
from mien_pipeline.media.decode import decode
from mien_testing.clips import Recipe, make_clip, move_portrait
from mien_testing.stand_in import returning

RunJson = Callable[..., tuple[int, Any]]


@pytest.mark.parametrize(("text", "seconds"), [("12.5", 12.5), ("1:02.5", 62.5), ("0:01:02", 62), ("1:00:00", 3600)])
def test_times_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert clip.read_time(text, "from") == seconds


@pytest.mark.parametrize("text", ["", "abc", "1:2:3:4", "-5", "1m"])
def test_other_times_are_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        clip.read_time(text, "to")
    assert refused.value.fields["field"] == "to"


def test_an_option_for_clips_is_refused_with_a_picture() -> None:
    nothing = dict[str, object].fromkeys(clip.CLIP_ARGUMENTS)
    for name, value, field in (("end", "3", "to"), ("every", 8, "every")):
        with pytest.raises(InvalidOptions) as refused:
            clip.refuse_clip_arguments(Namespace(target=Path("a.png"), **{**nothing, name: value}))
        assert refused.value.fields["field"] == field


def test_every_nth_picture_is_asked_for_by_its_number() -> None:
    parser = ArgumentParser()
    clip.add_clip_arguments(parser)
    assert clip.read_clip_options(parser.parse_args(["--every", "8"])).every == 8
    assert clip.read_clip_options(parser.parse_args([])).every == 1


@pytest.mark.parametrize(
    ("named", "settings", "format"),
    [
        (None, [], "mp4"),
        ("b.gif", [], "gif"),
        (None, ["format=png", "format=webp"], "webp"),
        ("b.webp", ["format=webp"], "webp"),
    ],
)
def test_the_name_or_a_setting_says_the_format(named: str | None, settings: list[str], format: str) -> None:
    place = ResultPlace(Path("a.mp4"), "swapped", named, Exists.NUMBER, Inputs.of([]))
    args = clip.with_format(Namespace(set=["gaze=target", *settings], begin=None, end=None), place)
    assert clip.read_clip_options(args).format == format
    assert args.set == ["gaze=target"]  # what is left is the engine's


def test_what_became_of_each_person_is_told() -> None:
    person = {
        "id": 0,
        "frames": 90,
        "swapped": 80,
        "identity": {"to_reference": 0.651, "least": 0.602},
        "verdict": "clear",
        "warnings": {"occluded": 10},
    }
    left = {**person, "id": 1, "swapped": 0, "identity": None}
    video = {"frames": 90, "duration_s": 3.0, "encoder": "libsvtav1", "audio": "copied", "resumed": True}
    report = {"engine": "mesh", "seconds": 8.21, "warnings": ["new-codec"], "video": video, "people": [person, left]}
    told = clip.to_text(report).splitlines()
    assert told[0] == "(mesh, 8.2 s, gone on from an earlier run; 90 pictures, 3.0 s, libsvtav1, sound copied)"
    assert told[1].endswith("choose H.264 for one that they show: --encoder h264")
    assert told[2] == "person 0: swapped in 80 of 90 pictures, 0.65 like the reference, 0.60 at least, likeness clear"
    assert told[3].startswith("    occluded, 10 pictures: ")
    assert told[4] == "person 1: left alone in 90 pictures"


@pytest.mark.slow
def test_a_clip_is_looked_at_once_and_swapped_as_a_picture_is(
    here: Path, run_json: RunJson, models: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    portrait = decode(models.path("demo-portraits", "astronaut.png").read_bytes()).pixels[:400]
    make_clip(here / "a.mp4", Recipe(size=(256, 192), times=tuple(range(6))), move_portrait(portrait))
    status, found = run_json("clip", "analyse", "a.mp4", "--to", "0.1", "--local")
    assert (status, found["output"]) == (0, "a-people/people.json")
    assert [(person["frames"], person["spans"]) for person in found["people"]] == [(3, [[0.0, 0.1]])]
    with PIL.Image.open(here / "a-people/person-0.jpg") as crop:
        assert min(crop.size) > 40
    monkeypatch.setattr("mien_pipeline.swap_clip.analyse", returning(None))  # another look finds nothing
    status, report = run_json("swap", "a.mp4", "--face", "astronaut.png", "--to", "0.1", "--local")
    assert status == 0
    assert report["output"] == "a-swapped.mp4"
    assert report["video"]["frames"] == 3
    assert [person["swapped"] for person in report["people"]] == [3]
    status, said = run_json("verify", "a-swapped.mp4")
    assert (status, said["credentials"]["state"], said["credentials"]["trusted"]) == (0, "valid", True)
    for wrong in (["-o", "a.png"], ["-o", "-"], ["--set", "format=png"], ["--restore", "0.5"], ["--quality", "0"]):
        status, problem = run_json("swap", "a.mp4", "--face", "astronaut.png", "--local", *wrong)
        assert (status, problem["code"]) == (1, "invalid-options")
    status, problem = run_json("swap", "a.mp4", "--face", "astronaut.png", "--local", "-o", "a.mp4")
    assert (status, problem["code"]) == (1, "output-is-input")
    assert sorted(path.name for path in here.glob("a*.mp4")) == ["a-swapped.mp4", "a.mp4"]


def test_a_clip_of_this_process_gets_an_engine_that_this_process_can_run(
    here: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command for a clip is not begun again in the engines' environment."""
    asked = list[bool]()

    def settle(_: object, __: object, *, only_here: bool = False) -> object:
        asked.append(only_here)
        raise InvalidOptions("enough", field="engine")

    monkeypatch.setattr("mien_pipeline.choice.choose.settle_for_clip", settle)
    make_clip(here / "a.mp4", Recipe(times=(0, 1)))
    status, problem = run_json("swap", "a.mp4", "--face", "astronaut.png", "--engine", "auto", "--local")
    assert (status, problem["field"], asked) == (1, "engine", [True])


class Daemon:
    """A client of a daemon that has swapped whatever it was asked to."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def swap_clip(self, target: Path, references: Any, options: Any, on_job: Any, likes: Any, label: Any) -> Any:
        self.asked.append((target, references, options, likes, label))
        on_job({"stage": "generate", "state": "running", "progress": 0.5})
        video = {"frames": 3, "duration_s": 0.1, "encoder": "e", "audio": "none", "resumed": False}
        report = {"engine": "mesh", "seconds": 1.0, "warnings": [], "video": video, "people": [], "left_out": []}
        return {"id": "a-job", "result": report}

    def analyse_clip(self, target: Path, part: Any, on_job: Any) -> Any:
        self.asked.append((target, part))
        on_job({"stage": "detect", "state": "running", "progress": 0.5})
        people = [
            {"id": number, "frames": 3, "spans": [[0, 0.1]], "faults": {}, "crop": [192 * number, 0, 150, 192]}
            for number in range(2)
        ]
        sheet = PIL.Image.new("RGB", (384, 192), "red")
        sheet.paste("blue", (192, 0, 384, 192))
        made = io.BytesIO()
        sheet.save(made, "jpeg")
        return made.getvalue(), {"frames": 3, "duration_s": 0.1, "people": people, "seconds": 1.0, "stages": {}}

    def save_result(self, job_id: str, path: Path) -> None:
        path.write_bytes(job_id.encode())


def test_a_clip_is_swapped_by_the_running_daemon_as_a_picture_is(
    here: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon()
    monkeypatch.setattr("mien_cli.commands.swap.find_daemon", returning(daemon))
    make_clip(here / "a.mp4", Recipe(times=(0, 1)))
    words = ["--face", "ref:abc", "--from", "0:01", "--to", "2.5", "--encoder", "vp9", "--faces", "0"]
    status, report = run_json("swap", "a.mp4", *words)
    assert (status, report["output"], (here / "a-swapped.mp4").read_bytes()) == (0, "a-swapped.mp4", b"a-job")
    target, references, options, likes, label = daemon.asked[0]
    assert label == {"target": "a.mp4", "references": [None]}
    assert (target, references, likes) == (Path("a.mp4"), ["ref:abc"], [])
    assert {"from": 1.0, "to": 2.5, "encoder": "vp9", "faces": [0], "engine": "mesh"}.items() <= options.items()
    for wrong, field in ((["--quality", "0"], "quality"), (["--set", "format=png"], "format")):
        status, problem = run_json("swap", "a.mp4", "--face", "ref:abc", *wrong)
        assert (status, problem["code"], problem["field"]) == (1, "invalid-options", field)
    assert len(daemon.asked) == 1


def test_a_clip_is_looked_at_by_the_running_daemon(
    here: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon()
    monkeypatch.setattr("mien_cli.commands.swap.find_daemon", returning(daemon))
    make_clip(here / "a.mp4", Recipe(times=(0, 1)))
    status, found = run_json("clip", "analyse", "a.mp4", "--from", "0:01")
    assert (status, daemon.asked) == (0, [(Path("a.mp4"), {"from": 1.0})])
    assert found["people"][1] == {"id": 1, "frames": 3, "spans": [[0, 0.1]], "faults": {}}
    assert "seconds" not in json.loads((here / "a-people/people.json").read_bytes())
    crop = decode((here / "a-people/person-1.jpg").read_bytes()).pixels
    assert crop.shape == (192, 150, 3)
    assert crop[96, 75, 2] > 200 > 50 > crop[96, 75, 0]
