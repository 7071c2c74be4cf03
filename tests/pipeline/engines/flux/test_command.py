"""`mien swap --engine flux` on the tiny bundle, as a person types it: in this process, and through the daemon."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from mien_cli.main import main
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline import runtime
from mien_pipeline.engines.flux import engine as engine_module
from mien_pipeline.engines.flux.tiny.bundle import BUNDLE
from mien_pipeline.restorers.lock import LOCK
from mien_pipeline.sampling import denoise
from mien_testing.clips import Recipe, list_times, make_clip, move_portrait, read_rgb
from mien_testing.weights import link_models

QUICK = ["--engine", "flux", "--set", "side=256", "--set", "steps=1", "--set", "strength=1.0"]


@pytest.fixture(scope="module")
def environ(tiny_catalogue: Path, store: ModelStore, models: ModelStore, tmp_path_factory: Any) -> dict[str, str]:
    """A model store with the starter models and the tiny bundle in it."""
    root = tmp_path_factory.mktemp("both")
    for installed in (models, store):
        link_models(installed.root, root)
    return {
        "MIEN_CATALOGUE": str(tiny_catalogue),
        "MIEN_MODELS_DIR": str(root),
        "MIEN_DEVICE": "cpu",
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture
def mien(environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    """Runs a command in this process: exit status and the one document it printed."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def run(*words: str, state: Path = tmp_path / "state") -> tuple[int, Any]:
        status = main([*words, "--state-dir", str(state), "--json"])
        return status, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture(scope="module")
def portraits(models: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A target of 509 × 387 pixels, and the reference."""
    folder = models.path("demo-portraits")
    target = tmp_path_factory.mktemp("target") / "target.png"
    with PillowImage.open(folder / "astronaut.png") as picture:
        picture.convert("RGB").crop((3, 0, 512, 387)).save(target)
    return target, folder / "grace_hopper.jpg"


def test_a_swap_in_this_process_keeps_the_size_and_reports_both_likenesses(
    mien: Any, portraits: tuple[Path, Path], tmp_path: Path
) -> None:
    target, reference = portraits
    output = tmp_path / "out.png"
    status, report = mien("swap", str(target), "--face", str(reference), *QUICK, "--local", "-o", str(output))
    assert status == 0
    assert report["engine"] == "flux"
    assert report["size"] == [509, 387]
    assert PillowImage.open(io.BytesIO(output.read_bytes())).size == (509, 387)
    face = report["faces"][0]
    assert face["swapped"]
    assert {"to_reference", "to_target", "before"} <= face["identity"].keys()
    assert 1 <= len(face["attempts"]) <= 2, "what the drift gate saw, retry included"
    assert {"recogniser", "to_reference", "to_target"} <= face["attempts"][0].keys()
    ran = {model["name"]: model["ran_on"] for model in report["models"]}
    assert "pulid-flux/pulid_flux_v0.9.1.safetensors" in ran
    assert report["detector"] == {"faces": "yunet", "points": "scrfd"}
    assert ran["antelopev2/scrfd_10g_bnkps.onnx"] == "CPUExecutionProvider"
    assert len(ran) == len(report["models"]), "no file is named twice"


def test_of_a_clip_the_engine_paints_key_pictures_alone(
    mien: Any, portraits: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, reference = portraits
    with PillowImage.open(target) as picture:
        draw = move_portrait(np.asarray(picture))
    clip = make_clip(tmp_path / "clip.mp4", Recipe(size=(256, 192), times=tuple(range(6))), draw)
    painted = list[object]()

    def count(*words: Any, **more: Any) -> Any:
        painted.append(None)
        return denoise(*words, **more)

    monkeypatch.setattr(engine_module, "denoise", count)
    output = tmp_path / "out.mp4"
    words = (*QUICK, "--every", "4", "--workers", "1", "--local", "-o", str(output))
    status, report = mien("swap", str(clip), "--face", str(reference), *words)
    assert status == 0, report
    assert (report["engine"], report["people"][0]["swapped"]) == ("flux", 6)
    assert list_times(output) == list_times(clip)
    assert len(painted) == 3, "the first, the fifth and the last"
    apart = [np.abs(read_rgb(output, number).astype(int) - read_rgb(clip, number)).mean() for number in range(6)]
    assert min(apart) > 0.8 * max(apart), "the face between two keys is as new as theirs"


@pytest.mark.parametrize(("device", "restorer"), [("mps", "vivid-flux"), ("cpu", "vivid")])
def test_a_restoration_is_painted_where_the_stack_is_installed_and_an_accelerator_is(
    mien: Any, portraits: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, restorer: str
) -> None:
    """On a processor it is the embedded form, which takes a second."""

    def named() -> str:
        return device

    monkeypatch.setattr(runtime, "device_name", named)
    quick = runtime.paint_options().model_copy(update={"side": 256, "steps": 3})
    monkeypatch.setattr(runtime, "paint_options", lambda: quick)
    target, _ = portraits
    status, report = mien("restore", str(target), "--local", "-o", str(tmp_path / "restored.png"))
    assert status == 0
    assert (report["engine"], report["size"]) == (restorer, [509, 387])
    assert report["faces"][0]["identity"]["to_target"] >= LOCK
    used = {model["name"] for model in report["models"]}
    assert ("pulid-flux/pulid_flux_v0.9.1.safetensors" in used) == (restorer == "vivid-flux")


@pytest.fixture(scope="module")
def daemon(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A daemon of its own; its state folder."""
    state = tmp_path_factory.mktemp("daemon")
    command = [sys.executable, "-m", "mien_cli", "serve", "--port", "0", "--state-dir", str(state), "--json"]
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=True)
    yield state
    os.kill(json.loads(done.stdout)["pid"], signal.SIGTERM)


def test_a_swap_through_the_daemon_keeps_the_size_as_well(
    mien: Any, daemon: Path, portraits: tuple[Path, Path], tmp_path: Path
) -> None:
    target, reference = portraits
    output = tmp_path / "daemon.png"
    command = ["swap", str(target), "--face", str(reference), *QUICK, "-o", str(output)]
    status, report = mien(*command, state=daemon)
    assert status == 0
    assert (report["engine"], report["size"]) == ("flux", [509, 387])
    assert report["stages"]["generate"] > 0
    assert PillowImage.open(io.BytesIO(output.read_bytes())).size == (509, 387)


def test_a_person_is_told_the_command_that_gets_what_is_missing(
    environ: dict[str, str],
    portraits: tuple[Path, Path],
    models: ModelStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the terminal as in the document: every model in one command that can be pasted."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    target, reference = portraits
    words = ["swap", str(target), "--face", str(reference), *QUICK, "--local", "--models-dir", str(models.root)]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "mien models pull flux-" in said
    assert "GiB (bundle flux-" in said
    assert "Traceback" not in said


def test_an_option_that_is_none_is_refused_by_name(mien: Any, portraits: tuple[Path, Path]) -> None:
    target, reference = portraits
    status, problem = mien(
        "swap", str(target), "--face", str(reference), "--engine", "flux", "--set", "id_wieght=1", "--local"
    )
    assert status == 1
    assert (problem["code"], problem["field"]) == ("invalid-options", "id_wieght")


def test_make_tiny_writes_a_bundle_that_the_store_takes(mien: Any, tmp_path: Path) -> None:
    """Every file of the published bundle, under its published name."""
    status, made = mien("models", "make-tiny", str(tmp_path / "tiny"))
    assert status == 0
    assert made["bundle"] == BUNDLE
    tiny, published = load_catalogue({"MIEN_CATALOGUE": made["catalogue"]}), load_catalogue({})
    for name in published.bundles[BUNDLE]:
        wanted = [(file.path, file.format, file.converted) for file in published.model(name).files]
        assert [(file.path, file.format, file.converted) for file in tiny.model(name).files] == wanted
        assert all(
            (tmp_path / "tiny" / name / file.source_path).stat().st_size == file.size for file in tiny.model(name).files
        )
