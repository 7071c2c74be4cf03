"""Without weights a person is told what to download, its size, its terms, and whether it will run here."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mien_core.errors import ModelNotInstalled
from mien_models.store import ModelStore
from mien_pipeline.accelerator import Accelerator
from mien_pipeline.engines.flux.offer import BUNDLES, check, make_offer

GIB = 1 << 30
CARD = Accelerator("cuda", "discrete", "NVIDIA H200", 139 * GIB, "580.65")
SMALL = Accelerator("cuda", "discrete", "NVIDIA GeForce RTX 3050", 8 * GIB, "580.65")
TINY = Accelerator("cpu", "cpu", "cpu", 4 * GIB)


@pytest.fixture(scope="module")
def refusal(models: ModelStore) -> dict[str, Any]:
    with pytest.raises(ModelNotInstalled) as refused:
        check(models, lambda: CARD)
    return {"text": str(refused.value), **refused.value.fields}


def test_the_answer_names_bundle_size_licences_and_machine(refusal: dict[str, Any], models: ModelStore) -> None:
    assert refusal["bundle"] == "flux-dev"
    assert refusal["command"] == "mien models pull flux-dev"
    assert list(refusal["models"]) == list(models.catalogue.bundles["flux-dev"])
    assert 40 * GIB < refusal["download_bytes"] < 44 * GIB, "as its parts weigh in memory"
    assert any("FLUX.1" in name for name in refusal["licences"])
    assert refusal["machine"] == {"device": "cuda", "name": "NVIDIA H200", "memory_bytes": 139 * GIB, "can_run": True}
    for said in ("flux-dev", "GiB", *refusal["licences"], "NVIDIA H200 with 139.0 GiB can run it"):
        assert said in refusal["text"]
    assert "flux-1-dev-transformer/transformer/config.json" in refusal["files"]


@pytest.mark.parametrize(
    ("machine", "bundle", "runs", "verdict"),
    [
        (CARD, "flux-dev", True, "NVIDIA H200 with 139.0 GiB can run it"),
        (SMALL, "flux-8gb", True, "RTX 3050 with 8.0 GiB can run it"),
        (TINY, "flux-8gb", False, "this machine with 4.0 GiB cannot run it"),
        (Accelerator("mps", "unified", "mps", 128 * GIB), "flux-dev", True, "mps with 128.0 GiB can run it"),
        (Accelerator("cpu", "cpu", "cpu", 256 * GIB), "flux-dev", True, "on its processor, slowly"),
        (Accelerator("xpu", "discrete", "xpu", None), "flux-8gb", False, "cannot be seen without torch"),
    ],
)
def test_the_bundle_is_the_best_that_fits_the_machine(
    models: ModelStore, machine: Accelerator, bundle: str, runs: bool, verdict: str
) -> None:
    offer = make_offer(models, machine)
    assert (offer.bundle, offer.plan is not None) == (bundle, runs)
    assert verdict in offer.verdict


def test_every_bundle_that_is_offered_is_in_the_catalogue(models: ModelStore) -> None:
    assert set(BUNDLES) <= set(models.catalogue.bundles)


def test_installed_weights_are_not_asked_about(tiny_store: ModelStore) -> None:
    def look() -> Accelerator:
        raise AssertionError("the machine was looked at")

    check(tiny_store, look)


def test_missing_weights_are_found_before_torch_is_imported(models: ModelStore, tmp_path: Path) -> None:
    """In a fresh interpreter, through the registry that every swap goes through."""
    code = """
import sys
from pathlib import Path
from mien_core.errors import ModelNotInstalled
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.registry import ENGINES
try:
    ENGINES["flux"].load(ModelStore(Path(sys.argv[1]), load_catalogue({})))
except ModelNotInstalled as refused:
    assert refused.fields["bundle"], refused.fields
    sys.exit(", ".join(sorted({"torch", "diffusers", "transformers", "insightface"} & set(sys.modules))) or 0)
sys.exit("it was loaded")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(models.root)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
