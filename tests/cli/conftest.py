"""What tests of the command line share: a folder to work in, ways to run a command, and a scripted daemon."""

import json
import sys
from collections.abc import Callable, Generator
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import PIL.Image
import pytest

from mien_cli.main import main
from mien_models.store import ModelStore
from mien_pipeline.evaluation.accessories.glasses import draw_glasses
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.yunet import YuNet
from mien_pipeline.media.decode import decode
from mien_testing.portraits import mesh_of
from mien_testing.scripted_daemon import ScriptedDaemon, run_scripted_daemon


class Printed(NamedTuple):
    """What a command left: its exit status and what it printed."""

    status: int
    out: str
    err: str


class Terminal(StringIO):
    """Standard input on which a person types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a state and a models folder of its own, offline."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("MIEN_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    return tmp_path


@pytest.fixture
def here(folders: Path, models: ModelStore, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same with the starter models and three pictures: two of one face each, one of none."""
    monkeypatch.setenv("MIEN_MODELS_DIR", str(models.root))
    for name in ("astronaut.png", "grace_hopper.jpg"):
        (folders / name).write_bytes(models.path("demo-portraits", name).read_bytes())
    PIL.Image.new("RGB", (200, 200), (90, 120, 150)).save(folders / "nobody.png")
    return folders


@pytest.fixture
def dark_glasses(here: Path, models: ModelStore) -> Callable[[str], PIL.Image.Image]:
    """Puts opaque glasses on the face of a picture."""

    def wear(name: str) -> PIL.Image.Image:
        image = decode((here / name).read_bytes())
        face = MeshDetector(YuNet(models.read("face-detection")), models.read("face-mesh")).detect(image)[0]
        return PIL.Image.fromarray(draw_glasses(image.pixels, mesh_of((image, face)), "square", "black"))

    return wear


@pytest.fixture
def scripted(folders: Path) -> Generator[ScriptedDaemon]:
    """The daemon that commands find; it answers as the test says."""
    with run_scripted_daemon(folders / "state") as daemon:
        yield daemon


@pytest.fixture
def run_json(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Run a command with `--json`: exit status, and the document that is all of stdout."""

    def run(*words: str) -> tuple[int, Any]:
        status = main([*words, "--json"])
        return status, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def run_text(capsys: pytest.CaptureFixture[str]) -> Callable[..., Printed]:
    """Run a command as a person does."""

    def run(*words: str) -> Printed:
        status = main(words)
        printed = capsys.readouterr()
        return Printed(status, printed.out, printed.err)

    return run


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a person sit at the terminal and type this."""

    def type_text(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(text))
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    return type_text
