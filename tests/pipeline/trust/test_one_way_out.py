"""One way in and one way out: every picture is checked, every result is checked and marked, nothing changes that."""

import argparse
import ast
import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import PIL.Image
import pytest

from mien_cli.main import build_parser
from mien_cli.registry import list_summaries
from mien_core.errors import ContentBlocked
from mien_daemon.routes import ROUTES
from mien_models.store import ModelStore
from mien_pipeline.face import Face, Patch
from mien_pipeline.image import Image, Pixels
from mien_pipeline.options import RestoreOptions
from mien_pipeline.progress import Stopwatch
from mien_pipeline.report import Marked, Provenance
from mien_pipeline.restore_image import FaceRestoration
from mien_pipeline.runtime import Runtime
from mien_pipeline.swap import Components, edit_picture

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SOURCES = [path for part in ("pipeline", "daemon", "tray") for path in (ROOT / part).glob("mien_*/**/*.py")]

# The one place that turns a result into a file, and who may call it; a preview is made of a result that was marked.
# `step_preview` and the worker's `clips` show a part of a job that is not done, half as large at most and checked;
# `clip` and `clips` the faces of a clip that nothing was changed in.
MAY_WRITE_PICTURES = {"encode.py", "previews.py", "step_preview.py", "clip.py", "clips.py"}
MAY_ENCODE = {"marking.py"}

SWITCH = re.compile(
    r"nsfw|censor|unsafe|safety|content.?check|filter|watermark|provenance|c2pa|credential|marking|unmarked"
)


# ── Vivid passes the same check ─────────────────────────────────────────────────────────────────────────────


class Everything:
    """Detector, recogniser, restorer, check and marker of one face, in the order in which they are asked."""

    name = "vivid"
    recogniser = "none"

    def __init__(self, closed: str | None) -> None:
        self.closed = closed
        self.asked: list[str] = []

    def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None:
        self.asked.append(f"check {stage}")
        if stage == self.closed:
            raise ContentBlocked("no", stage=stage)

    def detect(self, image: Image) -> Sequence[Face]:
        self.asked.append("detect")
        corners = np.array([[10, 10], [30, 10], [20, 20], [12, 30], [28, 30]], np.float32)
        return [Face(np.array([0, 0, 40, 40], np.float32), 1.0, corners)]

    def embed(self, image: Image, face: Face) -> object:
        return image

    def similarity(self, one: object, other: object) -> float:
        return 1.0

    def restore(self, image: Image, face: Face, amount: float, on_step: object) -> Patch:
        self.asked.append("restore")
        affine = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
        return Patch(np.zeros((40, 40, 3), np.uint8), affine, np.ones((40, 40), np.float32))

    def expect(self, original: Image, on_step: object) -> "Everything":
        return self

    def mark(self, result: Image, *_: object) -> Marked:
        self.asked.append("mark")
        return Marked(b"", "image/png", Provenance(c2pa=True, watermark="strong"))


def restored(closed: str | None) -> Everything:
    each = Everything(closed)
    out = io.BytesIO()
    PIL.Image.new("RGB", (48, 48), (120, 90, 70)).save(out, "PNG")
    used = cast("Any", each)
    with contextlib.suppress(ContentBlocked):
        edit = FaceRestoration(used, RestoreOptions(), used)
        edit_picture(out.getvalue(), edit, Components(used, used, used, used), Stopwatch())
    return each


def test_a_restoration_is_checked_before_the_work_and_before_it_is_marked() -> None:
    asked = restored(None).asked
    assert sorted(asked[:2]) == ["check target", "detect"]  # beside one another
    assert asked[2:] == ["restore", "check result", "mark"]


@pytest.mark.parametrize(
    ("closed", "asked"),
    [("target", {"check target", "detect"}), ("result", {"check target", "detect", "restore", "check result"})],
)
def test_a_restoration_that_the_check_stops_is_not_marked_and_not_returned(closed: str, asked: set[str]) -> None:
    assert set(restored(closed).asked) == asked


def test_faces_are_told_only_of_a_picture_that_the_check_passes(models: ModelStore) -> None:
    """What the console asks before a swap, and what the library asks of a new face.

    They are searched for beforehand, because they say which way is up.
    """
    each = Everything("target")
    runtime = Runtime(models, None)
    vars(runtime.loaded).update(check=each, detector=each)
    out = io.BytesIO()
    PIL.Image.new("RGB", (48, 48)).save(out, "PNG")
    with pytest.raises(ContentBlocked):
        runtime.find_faces(out.getvalue())
    assert each.asked == ["check target", "detect"]


# ── no other way out ─────────────────────────────────────────────────────────────────────────────────────────


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))


def test_only_the_marker_encodes_a_picture_and_only_the_encoder_writes_one() -> None:
    """An engine that wrote its own files would deliver them unmarked."""
    assert len(SOURCES) > 150
    writers, encoders = set[str](), set[str]()
    for path in SOURCES:
        if path.parent.name == "benchmarks" or path.stem in {"run_cases", "transforms"}:
            continue  # they make photographs to measure with, and hand none to a person
        text = path.read_text(encoding="utf-8")
        if re.search(r"\b(imwrite|imencode)\(", text):
            writers.add(path.name)
        for call in calls(path):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "save" and "PIL" in text:
                writers.add(path.name)
        if re.search(r"from mien_pipeline\.media\.encode import [^\n]*\bencode\b", text):
            encoders.add(path.name)
    assert writers <= MAY_WRITE_PICTURES
    assert encoders == MAY_ENCODE


# ── no switch ────────────────────────────────────────────────────────────────────────────────────────────────


def flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):  # pyright: ignore[reportPrivateUsage]
            for each in action.choices.values():
                yield from flags(each)


def test_no_flag_of_any_command_turns_the_check_or_the_marks_off() -> None:
    found = {flag for command in list_summaries() for flag in flags(build_parser(command))}
    assert len(found) > 30
    assert not [flag for flag in found if SWITCH.search(flag)]


def test_no_variable_of_the_environment_does() -> None:
    named = {word for path in SOURCES for word in re.findall(r"\bMIEN_[A-Z_]+\b", path.read_text(encoding="utf-8"))}
    assert "MIEN_STATE_DIR" in named
    assert not [word for word in named if SWITCH.search(word.lower())]


def names(schema: object) -> Iterator[str]:
    """Every property in a JSON schema."""
    if isinstance(schema, dict):
        for name, value in cast("dict[str, object]", schema).items():
            if name == "properties" and isinstance(value, dict):
                yield from cast("dict[str, object]", value)
            yield from names(value)
    elif isinstance(schema, list):
        for value in cast("list[object]", schema):
            yield from names(value)


def test_nothing_that_can_be_sent_to_the_api_does() -> None:
    bodies = [each for route in ROUTES for each in (route.body, route.query) if isinstance(each, type)]
    found = {name for body in bodies for name in names(body.model_json_schema())}
    assert {"target", "reference", "options"} <= found
    assert not [name for name in found if SWITCH.search(name)]
