"""What a memory plan of klein takes is measured by running the engine; all of it is run here at tiny size."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mien_models.store import ModelStore
from mien_pipeline.check_engine import take_portrait
from mien_pipeline.device import Device, choose_device
from mien_pipeline.engines.diffusion.measure.measured import LeftOut, Measured
from mien_pipeline.engines.diffusion.measure.report import failures, row_of, to_text
from mien_pipeline.engines.diffusion.weights import config_of, shapes_in, shapes_of
from mien_pipeline.engines.klein import measure
from mien_pipeline.engines.klein.components import LORA, published_shapes
from mien_pipeline.engines.klein.files import find_files
from mien_pipeline.engines.klein.measure import GGUF, Layout, list_rungs, measure_files, published_layout, write_layout
from mien_pipeline.engines.klein.options import KleinOptions
from mien_pipeline.engines.klein.text import TextEncoder
from mien_pipeline.plan.placement import GIB
from mien_testing.stand_in import returning

SMALL = KleinOptions(side=256, reference_side=256, steps=2)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Short prompts and one thread: 512 tokens would be most of the time."""
    defaults = TextEncoder.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "max_tokens", 16)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def layout(klein_store: ModelStore) -> Layout:
    """The tiny bundle's."""
    files = find_files(klein_store)
    assert files.transformer is not None
    folders = {"transformer": files.transformer, "text_encoder": files.text / "text_encoder", "vae": files.vae / "vae"}
    shapes = {name: shapes_in(folder) for name, folder in folders.items()}
    return Layout({**shapes, LORA: shapes_of(files.lora)}, {name: config_of(path) for name, path in folders.items()})


def test_every_plan_is_run_with_random_values_and_told(
    layout: Layout, klein_store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    klein_store.folder.derived.discard_of("bfs-head-klein-4b")
    told: list[Measured | LeftOut] = []
    files, device = write_layout(tmp_path, layout), choose_device()
    found = measure_files(klein_store, files, device, take_portrait(klein_store), SMALL, told.append)
    (rung,) = found["rungs"]
    assert failures(found) == []
    assert rung["finite"]
    assert rung["held"]["transformer"] == "float32 resident"
    assert len(rung["step_seconds"]) == 1
    assert 0 < rung["step_seconds"][0] < rung["seconds"]
    assert row_of(told[0]).startswith(rung["name"])
    assert rung["name"] in to_text(found)
    kept = klein_store.folder.derived.folder
    assert not list(kept.glob("*.safetensors")), "random values are not kept in the store"


def test_a_plan_that_runs_out_of_memory_is_told_and_the_others_are_run(
    layout: Layout, klein_store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_: object) -> Any:
        raise MemoryError("out of memory")

    monkeypatch.setattr(measure.WatchedLikeness, "make", run_out)
    files, portrait = write_layout(tmp_path, layout), take_portrait(klein_store)
    found = measure_files(klein_store, files, choose_device(), portrait, SMALL, lambda _one: None)
    assert failures(found) == [each["name"] for each in found["rungs"]] != []


def test_the_published_layout_has_every_tensor_and_takes_no_room(tmp_path: Path) -> None:
    layout = published_layout()
    assert {name: dict(layout.shapes[name]) for name in published_shapes()} == {
        name: dict(shapes) for name, shapes in published_shapes().items()
    }
    assert layout.bytes > 20 * GIB
    files = write_layout(tmp_path, layout)
    assert sum(path.stat().st_blocks * 512 for path in tmp_path.rglob("*") if path.is_file()) < 8 << 20
    assert files.packed.keys() == {GGUF}


def test_a_card_is_tried_as_every_smaller_one_with_full_weights_and_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each plan once, from the card's own size downwards."""
    device = Device(torch.device("cpu"), "discrete", "a card", 24 * GIB, "cuda", torch.bfloat16)
    monkeypatch.setattr(measure, "installed_memory", returning(None))
    rungs = list(list_rungs(write_layout(tmp_path, published_layout()), device, 1024))
    held = [each.plan.of("transformer") for each in rungs if not isinstance(each, LeftOut)]
    assert {(each.form, each.residency) for each in held} >= {
        ("bfloat16", "resident"), ("bfloat16", "on-demand"), ("float8", "resident"), ("float8", "streamed"),
        ("gguf-q4", "resident"),
    }  # fmt: skip
