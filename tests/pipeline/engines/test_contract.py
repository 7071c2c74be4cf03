"""Every engine of ENGINES keeps the same contract: a patch that fits the target, inputs untouched, an end at any step.

`mesh` runs as it is, `flux` and `klein` on their tiny bundles, every row of the table of swappers on networks of its
interface with random weights.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien_core.errors import Cancelled, EngineUnavailable, LicenceNotAccepted, ModelNotInstalled
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.klein.options import KleinOptions
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.registry import ENGINES, needed_models, parse_options
from mien_pipeline.face import Patch, Portrait
from mien_pipeline.options import SwapOptions, WrongOptions
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.protocols import Engine, Likeness, Weights
from mien_pipeline.skin.blend import paste_back
from mien_testing.swapper import Folder
from mien_testing.trusting_klein import trust

pytestmark = pytest.mark.slow

ROWS = list(load_catalogue({}).swappers)
OPTIONS: dict[str, SwapOptions] = {
    "mesh": MeshOptions(),
    "flux": FluxOptions(side=256, steps=1, strength=1.0, drift_gate=False),
    "klein": KleinOptions(side=256, reference_side=256, steps=1, retries=0),
    **{name: parse_options({"engine": name}) for name in ROWS},
}
SOURCES = {"mesh": "models", "flux": "tiny_store", "klein": "klein_store"}


@pytest.fixture(params=list(ENGINES), scope="session")
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def loaded(engine_name: str, request: pytest.FixtureRequest) -> Engine:
    weights: Weights = request.getfixturevalue(SOURCES.get(engine_name, "swapper_weights"))
    found = ENGINES[engine_name].load(weights)
    if engine_name == "flux":
        import torch

        from mien_pipeline.engines.flux.engine import FluxEngine

        assert isinstance(found, FluxEngine)
        found.stack.text("dev").max_tokens = 32  # 512 would be most of the time
        torch.set_num_threads(1)  # networks this small wait for each other longer than they work
    if engine_name == "klein":
        from mien_pipeline.engines.klein.engine import KleinEngine

        assert isinstance(found, KleinEngine)
        found.stack.text.max_tokens = 32
        found.detector = trust(found.detector)
    return found


@pytest.fixture(scope="session")
def likeness(loaded: Engine, admiral: Portrait) -> Likeness:
    return loaded.prepare([admiral])


def render(likeness: Likeness, engine_name: str, target: Portrait, on_step: OnStep = ignore_step) -> Patch:
    return likeness.render(*target, OPTIONS[engine_name], on_step)


@pytest.fixture(scope="session")
def made(likeness: Likeness, engine_name: str, astronaut: Portrait) -> Patch:
    return render(likeness, engine_name, astronaut)


def test_every_engine_that_can_be_asked_for_exists_and_no_other() -> None:
    assert list(OPTIONS) == list(ENGINES)
    assert [parse_options({"engine": name}).engine for name in ENGINES] == list(ENGINES)


def test_it_goes_by_its_own_name_and_names_its_weights_by_digest(loaded: Engine, engine_name: str) -> None:
    assert loaded.name == engine_name
    assert loaded.models
    assert all(len(bytes.fromhex(model.sha256)) == 32 for model in loaded.models)


def test_what_it_needs_is_in_the_catalogue(engine_name: str) -> None:
    catalogue = load_catalogue({})
    assert all(catalogue.model(name).files for name in needed_models(engine_name))


def test_the_patch_is_a_picture_with_a_mask_of_its_size(made: Patch) -> None:
    assert made.crop.dtype == np.uint8
    assert made.crop.shape == (*made.mask.shape, 3)
    assert made.affine.shape == (2, 3)
    assert made.mask.min() >= 0
    assert made.mask.max() <= 1


def test_the_result_has_the_targets_size_and_another_face(made: Patch, astronaut: Portrait) -> None:
    image, face = astronaut
    result = paste_back(image, made)
    assert result.pixels.shape == image.pixels.shape
    x1, y1, x2, y2 = face.bbox.astype(int)
    changed = (result.pixels != image.pixels).any(axis=2)
    assert changed[y1:y2, x1:x2].mean() > 0.3


def test_what_is_far_from_the_face_stays_bit_for_bit(made: Patch, astronaut: Portrait) -> None:
    image, face = astronaut
    x1, y1, x2, y2 = face.bbox.astype(int)
    reach = x2 - x1
    far = np.ones(image.pixels.shape[:2], bool)
    far[max(0, y1 - reach) : y2 + reach, max(0, x1 - reach) : x2 + reach] = False
    assert far.any()
    assert np.array_equal(paste_back(image, made).pixels[far], image.pixels[far])


def test_inputs_are_left_as_they_were(likeness: Likeness, engine_name: str, astronaut: Portrait) -> None:
    image, face = astronaut
    assert face.mesh is not None
    before = image.pixels.copy(), face.bbox.copy(), face.kps.copy(), face.mesh.copy()
    render(likeness, engine_name, astronaut)
    assert np.array_equal(image.pixels, before[0])
    for kept, now in zip(before[1:], (face.bbox, face.kps, face.mesh), strict=True):
        assert np.array_equal(kept, now)


def test_the_same_swap_twice_is_the_same_picture(
    likeness: Likeness, engine_name: str, astronaut: Portrait, made: Patch
) -> None:
    assert np.array_equal(render(likeness, engine_name, astronaut).crop, made.crop)


def test_another_reference_makes_another_picture(
    loaded: Engine, engine_name: str, astronaut: Portrait, made: Patch
) -> None:
    other = render(loaded.prepare([astronaut]), engine_name, astronaut)
    assert not np.array_equal(other.crop, made.crop)


def test_a_cancel_at_any_step_ends_it_and_the_next_run_is_whole(
    likeness: Likeness, engine_name: str, astronaut: Portrait, made: Patch
) -> None:
    heard: list[tuple[int, int]] = []
    render(likeness, engine_name, astronaut, lambda done, total: heard.append((done, total)))
    assert heard
    assert [done for done, _ in heard] == sorted({done for done, _ in heard})
    assert heard[-1][0] == heard[-1][1]
    for stop, _ in heard:

        def cancel(done: int, total: int, stop: int = stop) -> None:
            if done == stop:
                raise Cancelled("the person stopped it")

        with pytest.raises(Cancelled):
            render(likeness, engine_name, astronaut, cancel)
    assert np.array_equal(render(likeness, engine_name, astronaut).crop, made.crop)


def test_missing_weights_are_refused_by_name(engine_name: str, tmp_path: Path) -> None:
    """Or their licence is, which comes first; a bundle may offer smaller ones to a small machine."""
    catalogue, own = load_catalogue({}), set(ENGINES[engine_name].models)
    with pytest.raises((ModelNotInstalled, LicenceNotAccepted)) as refused:
        ENGINES[engine_name].load(ModelStore(tmp_path, catalogue))
    offered = {name for bundle in catalogue.bundles.values() if own & set(bundle) for name in bundle}
    assert refused.value.fields["model"] in own | offered


def test_missing_libraries_are_refused_by_name(engine_name: str, tmp_path: Path) -> None:
    entry = replace(ENGINES[engine_name], libraries=("sys", "no_such_library"))
    with pytest.raises(EngineUnavailable) as refused:
        entry.load(Folder(tmp_path))
    assert refused.value.fields["libraries"] == ["no_such_library"]


def test_another_engines_options_raise_and_never_become_defaults(
    likeness: Likeness, engine_name: str, astronaut: Portrait
) -> None:
    class Others(SwapOptions, frozen=True):
        engine: str = "another"

    with pytest.raises(WrongOptions):
        likeness.render(*astronaut, Others(), ignore_step)
