"""A choice through the runtime itself promises: another engine than the mesh swaps where the mesh cannot.

That engine is UniFace in the interface of its published file, with random weights: it paints a tint, and no likeness.
"""

from pathlib import Path

import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.engines.registry import parse_options
from mien_pipeline.evaluation.moved import turn
from mien_pipeline.face import Portrait
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import encode
from mien_pipeline.report import Swapped
from mien_pipeline.runtime import create_runtime
from mien_testing.two_engines import SECOND, make_two_engines


def swap(store: ModelStore, state: Path, target: Pixels, reference: Portrait, **options: object) -> Swapped:
    pictures = [encode(Image(pixels), "png") for pixels in (target, reference.image.pixels)]
    runtime = create_runtime(store.root, state, offline=True)
    return runtime.swap(pictures[0], pictures[1:], parse_options(options))


def is_changed(swapped: Swapped, target: Pixels) -> bool:
    (face,) = swapped.faces
    left, top, right, bottom = map(int, face.bbox)
    now = decode(swapped.data).pixels[top:bottom, left:right].astype(int)
    return bool(np.abs(now - target[top:bottom, left:right]).mean() > 3)


@pytest.fixture
def two(models: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    store, catalogue = make_two_engines(tmp_path, models)
    monkeypatch.setenv("MIEN_CATALOGUE", str(catalogue))
    return store


def test_where_the_mesh_lacks_its_models_the_other_engine_is_picked(
    two: ModelStore, tmp_path: Path, astronaut: Portrait, admiral: Portrait
) -> None:
    two.remove("covers")
    done = swap(two, tmp_path / "state", astronaut.image.pixels, admiral, engine="auto")
    assert done.choice is not None
    assert (done.engine, done.choice.engine, done.choice.why) == (SECOND, SECOND, "only-ready")
    assert SECOND in {use.name.partition("/")[0] for use in done.models}
    assert is_changed(done, astronaut.image.pixels)


def test_a_head_that_the_mesh_refuses_is_swapped_by_the_next_engine_where_that_is_asked(
    two: ModelStore, tmp_path: Path, astronaut: Portrait, admiral: Portrait
) -> None:
    turned = turn(admiral.image.pixels, admiral.face, 60)  # its mesh is found with a score of .84
    done = swap(two, tmp_path / "state", turned, astronaut, engine="auto", fallback=True)
    assert done.choice is not None
    assert (done.engine, done.choice.why, done.choice.not_measured) == (SECOND, "best-measured", (SECOND,))
    first, second = done.choice.tried
    assert (first.engine, first.outcome, first.code) == ("mesh", "refused", "no-face-found")
    assert (second.engine, second.outcome) == (SECOND, "not-alike")
    assert is_changed(done, turned)
