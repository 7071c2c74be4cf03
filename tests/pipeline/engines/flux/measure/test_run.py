"""What a rung takes is measured by running the engine; everything of the measurement is run here at tiny size."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from mien_cli.main import main
from mien_models.store import ModelStore
from mien_pipeline.check_engine import take_portrait
from mien_pipeline.device import choose_device
from mien_pipeline.engines.diffusion.measure.measured import LeftOut, Measured, Rung
from mien_pipeline.engines.diffusion.measure.report import failures, to_text
from mien_pipeline.engines.flux import stack, trials
from mien_pipeline.engines.flux.files import FluxFiles, find_files
from mien_pipeline.engines.flux.measure import parts, run, rungs
from mien_pipeline.engines.flux.measure.files import Layout, write_layout
from mien_pipeline.engines.flux.measure.parts import Part, RandomBench, run_parts
from mien_pipeline.engines.flux.measure.report import to_table
from mien_pipeline.engines.flux.measure.rungs import list_rungs
from mien_pipeline.engines.flux.plan import plan_memory
from mien_testing.tiny_layout import tiny_layout

# A tiny network's vectors are a larger part of it than a real one's.
HELD_AS_PLANNED = 0.25


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Short prompts, one number format, one thread: 512 tokens would be most of the time."""
    monkeypatch.setenv("MIEN_DEVICE", "cpu")
    monkeypatch.setattr(stack, "DEV_TOKENS", 16)
    monkeypatch.setattr(rungs, "_forms_of", lambda _device: ["bfloat16", "gguf-q8"])  # pyright: ignore[reportUnknownLambdaType]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def layout(tiny_store: ModelStore) -> Layout:
    return tiny_layout(find_files(tiny_store)).one_of_each()


@pytest.fixture(scope="module")
def files(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> FluxFiles:
    return write_layout(tmp_path_factory.mktemp("holes"), layout)


def test_the_command_measures_every_network_on_a_processor_without_a_download(
    layout: Layout, models: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Each network alone in its formats, then the whole; on the tiny layout, which is read as the published one."""
    monkeypatch.setattr(run, "published_layout", lambda whole=True: layout)
    words = ["engines", "check", "flux", "--random", "--models-dir", str(models.root)]
    assert main([*words, "--state-dir", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    names = {each["name"] for each in found["parts"]}
    assert {"transformer bfloat16", "transformer float8", "control_net float8", "eva bfloat16"} <= names
    assert {f"text_encoder_2 {form}" for form in ("bfloat16", "float8", "float32")} <= names, "T5 in each format"
    for each in found["parts"]:
        assert each["finite"], each["name"]
        assert abs(each["held_bytes"] / each["planned_bytes"] - 1) < HELD_AS_PLANNED, each["name"]
    (rung,) = found["rungs"]
    assert rung["finite"]
    assert len(rung["step_seconds"]) == 1
    assert 0 < rung["step_seconds"][0] < rung["seconds"]
    assert {"transformer nf4", "gguf-q4", "ArcFace"} <= {each["what"] for each in found["left_out"]}
    assert found["good"] is not failures(found)
    assert "a step" in to_text(found)
    assert to_table(found).count("\n") == len(found["parts"]) + 5


def test_a_part_that_has_no_room_or_fails_is_named_and_the_rest_is_run(
    files: FluxFiles, tiny_store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_bench: Any) -> Any:
        raise RuntimeError("a shape that does not fit")

    device = choose_device()
    plan = plan_memory(files, device, 256, None, "bfloat16")
    bench = RandomBench(tiny_store, files, device, plan, asks_memory=True)
    small, large = sorted(("vae", "eva"), key=lambda name: plan.of(name).component.bytes_as("bfloat16"))
    monkeypatch.setattr(parts, "MOST_BYTES", plan.of(large).component.bytes_as("bfloat16") - 1)
    lacking, failed = run_parts(bench, [Part(large, trials.try_eva), Part(small, fail)])
    assert isinstance(lacking, LeftOut)
    assert lacking.what == f"{large} bfloat16"
    assert "GiB" in lacking.why
    assert isinstance(failed, Measured)
    assert failed.problem == "RuntimeError: a shape that does not fit"


def test_a_rung_that_fails_is_told_with_its_problem_and_the_rest_is_run(
    files: FluxFiles, tiny_store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(rungs.WatchedLikeness, "sample", run_out)
    t5 = Measured("T5", {}, 1, 1)
    monkeypatch.setattr(run, "run_text", lambda *_: iter([t5]))  # pyright: ignore[reportUnknownLambdaType]
    told: list[Any] = []
    portrait = take_portrait(tiny_store)
    document = run.measure_files(tiny_store, files, choose_device(), portrait, 256, told.append, [], max_tokens=8)
    assert document["rungs"][0]["problem"].startswith("GpuOutOfMemory")
    assert failures(document) == ["bfloat16, full weights"]
    assert "failed: GpuOutOfMemory" in to_text(document)
    assert len(told) == len(document["rungs"]) + len(document["text"]) + 1


def test_a_card_has_each_of_its_plans_once_from_the_largest_down(files: FluxFiles) -> None:
    from dataclasses import replace

    card = replace(choose_device(), kind="discrete", total_bytes=24 << 30)
    found = [each for each in list_rungs(files, card, 1024) if isinstance(each, Rung)]
    assert found[0].name == "24 GiB, full weights"
    held = [[(each.form, each.residency) for each in rung.plan.placements] for rung in found]
    assert len({str(each) for each in held}) == len(held)


@pytest.mark.parametrize(
    ("words", "field"), [(["mesh", "--random"], "random"), (["flux", "--random", "--side", "100"], "side")]
)
def test_what_cannot_be_measured_is_refused_by_its_flag(words: list[str], field: str, capsys: Any) -> None:
    assert main(["engines", "check", *words, "--json"]) == 1
    problem = json.loads(capsys.readouterr().out)
    assert (problem["code"], problem["field"]) == ("invalid-options", field)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`tests/gpu/measure_card.py`, which a person runs on a card."""
    path = Path(__file__).parents[4] / "gpu" / "measure_card.py"
    spec = importlib.util.spec_from_file_location("measure_card", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_cards_script_runs_from_end_to_end(script: ModuleType, files: FluxFiles, tiny_store: ModelStore) -> None:
    """The functions that run on a card, with a compiler that only traces."""
    told: list[object] = []
    portrait = take_portrait(tiny_store)
    found = script.measure_card(
        tiny_store, files, choose_device(), portrait, side=256, seconds=900, steps=1, backend="eager", tell=told.append
    )
    assert [each["problem"] for each in found["swaps"]] == ["", "", ""]
    assert found["swaps"][0]["psnr_db"] == 99
    assert found["swaps"][2]["psnr_db"] > 40
    assert script.over_plan(found) == []
    over = {**found, "rungs": [{**found["rungs"][0], "peak_bytes": 2 * found["rungs"][0]["planned_bytes"]}]}
    assert script.over_plan(over) == ["bfloat16, full weights"]
    assert script.swaps_to_table(found["swaps"]).count("\n") == 4
    assert len(told) == 4


def test_the_cards_script_stops_in_time(script: ModuleType, files: FluxFiles, tiny_store: ModelStore) -> None:
    found = script.measure_card(
        tiny_store,
        files,
        choose_device(),
        take_portrait(tiny_store),
        side=256,
        seconds=0,
        tell=lambda _: None,  # pyright: ignore[reportUnknownLambdaType]
    )
    assert found["rungs"] == []
    assert {"what": "bfloat16, full weights", "why": "the time is over"} in found["left_out"]
