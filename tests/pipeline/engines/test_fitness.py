"""An engine is said to fit a machine, or why it does not, with what is still to fetch for it."""

from dataclasses import replace
from pathlib import Path

import pytest

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.accelerator import Accelerator
from mien_pipeline.engines.fitness import judge_fitness
from mien_pipeline.engines.registry import ENGINES

GIB = 1 << 30
CARD = Accelerator("cuda", "discrete", "NVIDIA H200", 139 * GIB, "580.65")
SMALL = Accelerator("cpu", "cpu", "cpu", 1 * GIB)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path, load_catalogue({}))


def test_flux_fits_a_large_card_and_no_small_machine(store: ModelStore) -> None:
    found = judge_fitness(ENGINES["flux"], store, CARD)
    assert found.fits == "yes"
    assert found.why == "NVIDIA H200 with 139.0 GiB can run it"
    assert found.plan is not None
    assert found.command == "mien models pull flux-dev"
    assert found.download_bytes > 40 * GIB
    small = judge_fitness(ENGINES["flux"], store, SMALL)
    assert (small.fits, small.plan) == ("no", None)
    assert small.why.endswith("cannot run it")


def test_a_card_whose_memory_only_torch_sees_is_not_judged(store: ModelStore) -> None:
    found = judge_fitness(ENGINES["flux"], store, replace(CARD, backend="xpu", total_bytes=None))
    assert found.fits == "unknown"
    assert "without torch" in found.why


def test_other_engines_fit_where_their_memory_is(store: ModelStore) -> None:
    assert judge_fitness(ENGINES["inswapper"], store, CARD).fits == "yes"
    tight = judge_fitness(ENGINES["inswapper"], store, SMALL)
    assert tight.fits == ("yes" if ENGINES["inswapper"].memory_bytes < GIB else "no")
    assert "1.0 GiB" in tight.why


def test_what_is_installed_is_not_fetched(models: ModelStore) -> None:
    found = judge_fitness(ENGINES["mesh"], models, CARD)
    assert (found.missing, found.download_bytes, found.command) == ((), 0, "")
