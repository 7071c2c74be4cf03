"""`mien swap --engine klein` on the tiny bundle, as a person types it; `e2e/console/test_klein.py` has the daemon's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from mien_cli.commands.evaluate import choose_engines
from mien_cli.main import main
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.klein.entry import ENTRY
from mien_pipeline.engines.klein.tiny.bundle import BUNDLE
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.detectors import open_yunet
from mien_testing.trusting_klein import trust

QUICK = ["--engine", "klein", *(word for option in ("side=256", "steps=1", "reference_side=256", "retries=0")
                                for word in ("--set", option))]  # fmt: skip


@pytest.fixture(scope="module")
def environ(klein_installed: tuple[ModelStore, Path]) -> dict[str, str]:
    import torch

    torch.set_num_threads(1)  # networks this small wait for each other longer than they work
    store, catalogue = klein_installed
    return {
        "MIEN_CATALOGUE": str(catalogue),
        "MIEN_MODELS_DIR": str(store.root),
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


def read(path: Path) -> Any:
    with PillowImage.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_a_swap_in_this_process_keeps_the_size_and_all_that_is_far(
    mien: Any, portraits: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random weights paint no face: its detector sees one all the same."""

    def open_trusting(weights: ModelStore) -> MeshDetector:
        return trust(open_yunet(weights))

    monkeypatch.setattr("mien_pipeline.engines.klein.engine.open_yunet", open_trusting)
    target, reference = portraits
    output = tmp_path / "out.png"
    status, report = mien("swap", str(target), "--face", str(reference), *QUICK, "--local", "-o", str(output))
    assert status == 0
    assert (report["engine"], report["size"]) == ("klein", [509, 387])
    (face,) = report["faces"]
    assert face["swapped"]
    assert len(face["attempts"]) == 1, "what its gate saw"
    assert "bfs-head-klein-4b/bfs_head_v1.1_optional_flux-klein_4b.safetensors" in {
        model["name"] for model in report["models"]
    }
    before, after = read(target), read(output)
    assert after.shape == (387, 509, 3)
    # Beside the head only the watermark may differ.
    assert np.abs(before - after)[:, 350:].max() <= 3
    assert np.abs(before - after).max() > 50


def test_a_swap_that_makes_no_face_is_refused(mien: Any, portraits: tuple[Path, Path], tmp_path: Path) -> None:
    """Random weights paint none."""
    target, reference = portraits
    output = tmp_path / "out.png"
    command = ["swap", str(target), "--face", str(reference), *QUICK, "--set", "region=head", "-o", str(output)]
    status, refused = mien(*command, "--local")
    assert (status, refused["code"], refused["warnings"]) == (1, "no-face-found", ["out-of-place"])
    assert not output.exists()


def test_the_list_of_engines_says_its_licence_in_one_line(mien: Any) -> None:
    status, told = mien("engines")
    assert status == 0
    (klein,) = [each for each in told["engines"] if each["name"] == "klein"]
    assert klein["licence"] == ENTRY.licence
    assert "free for commercial use" in klein["licence"]
    assert "training pictures undocumented" in klein["licence"]
    assert klein["fits"] == "no"
    assert "graphics card" in klein["fits_why"]


def test_an_experimental_engine_is_evaluated_only_where_it_is_asked_for(klein_store: ModelStore) -> None:
    ready, not_run = choose_engines(None, klein_store)
    assert "mesh" in ready
    assert "klein" not in ready
    assert "experimental" in not_run["klein"]
    assert choose_engines(["klein"], klein_store) == (["klein"], {})


def test_make_tiny_writes_its_bundle(mien: Any, tmp_path: Path) -> None:
    status, made = mien("models", "make-tiny", str(tmp_path / "tiny"), "--engine", "klein")
    assert status == 0
    assert made["bundle"] == BUNDLE
    tiny = load_catalogue({"MIEN_CATALOGUE": made["catalogue"]})
    assert all(tiny.model(name).version == "tiny" for name in tiny.bundles[BUNDLE])


def test_random_weights_of_published_size_are_refused_on_a_processor_with_a_word(mien: Any) -> None:
    status, problem = mien("engines", "check", "klein", "--random")
    assert status == 1
    assert (problem["code"], problem["reason"]) == ("engine-unavailable", "processor")
    assert "graphics card" in problem["detail"]
