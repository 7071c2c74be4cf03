"""On an accelerator, with the tiny bundle: every number format and every place of the memory plan paints.

Not run where this was written: there was no accelerator. `pytest -m gpu tests/gpu`; no real weights are needed.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.device import Device, choose_device
from mien_pipeline.engines.diffusion.forms import LIBRARIES
from mien_pipeline.engines.flux import transformer as loading
from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.files import FluxFiles, find_files
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.flux.plan import plan_memory
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.engines.flux.tiny.bundle import BUNDLE, make_tiny
from mien_pipeline.engines.flux.tiny.networks import FLUX
from mien_pipeline.face import Face, Portrait
from mien_pipeline.image import Image
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import Placement, Residency
from mien_pipeline.progress import ignore_step
from mien_testing.ladder import RUN, installs_of, plan_for

pytestmark = pytest.mark.gpu

OPTIONS = FluxOptions(side=256, steps=3, strength=1.0, true_cfg_scale=2.0, cache_threshold=0.05)


@pytest.fixture(scope="module")
def device() -> Device:
    found = choose_device()
    if found.kind == "cpu":
        pytest.skip("there is no accelerator")
    return found


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    catalogue = make_tiny(tmp_path_factory.mktemp("tiny"))
    store = ModelStore(tmp_path_factory.mktemp("models"), load_catalogue({"MIEN_CATALOGUE": str(catalogue)}))
    store.pull([BUNDLE])
    return store


@pytest.mark.parametrize(
    ("form", "parts", "residency"),
    [
        ("bfloat16", "bfloat16", "resident"),
        ("float8", "float8", "resident"),
        ("float8", "float8", "streamed"),
        ("int8", "bfloat16", "resident"),
        ("nf4", "float8", "resident"),
    ],
)
def test_a_form_of_the_plan_paints(
    device: Device, tiny: ModelStore, form: NumberFormat, parts: NumberFormat, residency: Residency
) -> None:
    if form in LIBRARIES and find_spec(LIBRARIES[form]) is None:
        pytest.skip(f"{LIBRARIES[form]} is not installed")
    if device.kind == "unified" and "float8" in (form, parts):
        pytest.skip("Apple's graphics have no float8")

    def placed(each: Placement) -> Placement:
        if each.component.phase != "sampling":
            return each
        core = each.component.name == "transformer"
        return replace(each, form=form if core else parts, residency=residency)

    files = find_files(tiny)
    plan = plan_memory(files, device, 256)
    plan = replace(plan, placements=tuple(placed(each) for each in plan.placements), tiled=True)
    check_paints(Stack(tiny, files, device, plan))


def check_paints(stack: Stack) -> None:
    pixels = np.random.default_rng(0).integers(60, 180, (300, 300, 3), np.uint8)
    kps = np.array([[120, 120], [180, 120], [150, 150], [125, 185], [175, 185]], np.float32)
    portrait = Portrait(Image(pixels), Face(np.array([95, 80, 205, 215], np.float32), 0.9, kps))
    likeness = FluxEngine(stack).prepare([portrait])
    first, again = (likeness.render(*portrait, OPTIONS, ignore_step) for _ in range(2))
    assert first.crop[first.mask > 0.5].std() > 1
    assert np.array_equal(first.crop, again.crop), "the same seed paints the same picture"


@pytest.fixture(scope="module")
def installed(tiny: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, FluxFiles]:
    files = installs_of(find_files(tiny), tmp_path_factory.mktemp("ladder"))
    return {**files, "dev, bitsandbytes": files["dev"]}


@pytest.mark.parametrize(("install", "gib"), [*RUN, ("dev, bitsandbytes", 10)])
def test_every_plan_of_the_ladder_paints(
    device: Device,
    tiny: ModelStore,
    installed: Mapping[str, FluxFiles],
    monkeypatch: pytest.MonkeyPatch,
    install: str,
    gib: int,
) -> None:
    """In just its formats and residencies, with streams and pinned memory; NF4 as well."""
    if device.kind != "discrete":
        pytest.skip("the ladder is a card's")
    if "bitsandbytes" in install and find_spec("bitsandbytes") is None:
        pytest.skip("bitsandbytes is not installed")
    monkeypatch.setattr(loading, "DEV_CONFIG", {"_class_name": "FluxTransformer2DModel", **FLUX})
    check_paints(Stack(tiny, installed[install], device, plan_for(install, gib)))
