"""A run promises: what is done is not done again, what is refused is told, and one picture is swapped once."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import PIL.Image
import pytest

from mien_core.errors import ModelNotInstalled, NoFaceFound
from mien_models.store import ModelStore
from mien_pipeline.evaluation.cases import Case, CaseFile, Person, plan_cases
from mien_pipeline.evaluation.claim import Axis, Claim, Level, choose_claims
from mien_pipeline.evaluation.judge import Judge
from mien_pipeline.evaluation.run_cases import Runner, Setup, see_setup, why_not_ready
from mien_pipeline.image import Image, Pixels
from mien_pipeline.options import SwapOptions
from mien_pipeline.runtime import Runtime


def portrait(shade: int) -> bytes:
    out = BytesIO()
    PIL.Image.new("RGB", (60, 60), (shade, shade, shade)).save(out, "PNG")
    return out.getvalue()


PEOPLE = [Person("ann", portrait(10)), Person("bob", portrait(200))]
GUIDANCE = choose_claims(["guidance"])


class Swaps:
    """A runtime that counts what it is asked, and refuses one target."""

    def __init__(self, refuses: bytes = b"", error: Exception | None = None) -> None:
        self.asked: list[SwapOptions] = []
        self.refuses, self.error = refuses, error

    def swap(self, target: bytes, references: Sequence[bytes], options: SwapOptions) -> str:
        self.asked.append(options)
        if self.error and target == self.refuses:
            raise self.error
        return "done"


class Measures:
    def look(self, original: object, target: bytes, done: str) -> str:
        return "look"

    def measure(self, look: str, done: str, reference: str) -> dict[str, object]:
        return {"margin": 0.5, "naturalness": 1.0, "to": reference}


def run(
    runtime: Swaps, file: CaseFile, cases: Sequence[Case], settings: Mapping[str, object] | None = None
) -> dict[str, str]:
    setups = {"flux": Setup("flux", {"a/b": "0"}, random=True, settings=settings or {})}
    runner = Runner(cast("Runtime", runtime), cast("Judge", Measures()), GUIDANCE, setups, file)
    return runner.run(cases, lambda *_: None)  # pyright: ignore[reportUnknownLambdaType]


@pytest.fixture
def cases() -> list[Case]:
    return plan_cases(GUIDANCE, ["flux"], "quick", PEOPLE, PEOPLE[:1])


def test_every_case_gets_its_line_and_the_same_swap_is_made_once(tmp_path: Path, cases: list[Case]) -> None:
    """The default stands on five axes: plain guidance, three weights and a preset."""
    runtime, file = Swaps(), CaseFile(tmp_path)
    assert run(runtime, file, cases) == {}
    assert len(file.lines) == len(cases)
    assert len({each.model_dump_json() for each in runtime.asked}) == len(runtime.asked)
    defaults = [case for case in cases if case.level.options in ({}, {"true_cfg_scale": 1}, {"id_weight": 0.8})]
    assert len(defaults) == 3
    assert len(runtime.asked) <= len(cases) - 4
    assert {options.format for options in runtime.asked} == {"png"}


def test_a_second_run_does_what_is_left_and_another_setup_does_all_again(tmp_path: Path, cases: list[Case]) -> None:
    run(Swaps(), CaseFile(tmp_path), cases[:5])
    second = Swaps()
    run(second, CaseFile(tmp_path), cases)
    third = Swaps()
    run(third, CaseFile(tmp_path), cases)
    assert 0 < len(second.asked) < len(cases)
    assert third.asked == []
    fourth = Swaps()
    run(fourth, CaseFile(tmp_path), cases, {"side": 512})
    assert len(fourth.asked) > len(second.asked)
    assert len(CaseFile(tmp_path).setups) == 2


def test_a_refused_picture_is_a_line_with_its_code(tmp_path: Path, cases: list[Case]) -> None:
    file = CaseFile(tmp_path)
    run(Swaps(PEOPLE[1].data, NoFaceFound("none", role="target")), file, cases)
    assert {(line["state"], line.get("code")) for line in file.lines} == {("refused", "no-face-found")}


def test_an_engine_that_is_not_ready_is_said_once_and_leaves_no_line(tmp_path: Path, cases: list[Case]) -> None:
    runtime, file = Swaps(PEOPLE[1].data, ModelNotInstalled("not installed: flux", model="flux")), CaseFile(tmp_path)
    assert run(runtime, file, cases) == {"flux": "model-not-installed: not installed: flux"}
    assert len(runtime.asked) == 1
    assert file.lines == []


def test_a_setup_is_the_files_and_says_whether_they_are_random(models: ModelStore, tiny_store: ModelStore) -> None:
    real, tiny = see_setup("mesh", models, {}), see_setup("flux", tiny_store, {})
    assert (real.random, tiny.random) == (False, True)
    assert any(name.startswith("iris/") for name in real.models)
    assert not any(name.endswith((".json", ".txt")) for name in tiny.models)
    assert see_setup("mesh", models, {"shape": 1.0}).id != real.id
    assert why_not_ready("mesh", models) is None
    assert why_not_ready("inswapper", models) == "not installed: inswapper"


def test_what_a_report_needs_of_a_line_is_in_it(tmp_path: Path, cases: list[Case]) -> None:
    file = CaseFile(tmp_path)
    run(Swaps(), file, cases[:1])
    (line,) = file.lines
    wanted: dict[str, Any] = {
        "claim": "guidance",
        "engine": "flux",
        "axis": "true_cfg_scale",
        "state": "done",
        "to": "ann",
    }
    assert wanted.items() <= line.items()
    assert line["setup"] in file.setups


class Results(Swaps):
    """A runtime that hands the target back as its result, and remembers the reference."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[bytes] = []

    def swap(self, target: bytes, references: Sequence[bytes], options: SwapOptions) -> Any:
        self.asked.append(options)
        self.references += references
        return SimpleNamespace(data=target)


class Eyes(Measures):
    """A judge that sees a face everywhere and says how bright a picture is."""

    def largest_face(self, image: Image) -> str:
        return "face"

    def measure_likeness(self, pixels: Pixels, reference: str) -> float:
        return float(pixels.mean())


def run_claim(
    claim: Claim, folder: Path, targets: Sequence[Person] = PEOPLE[1:], references: Sequence[Person] = PEOPLE[:1]
) -> tuple[Results, CaseFile]:
    runtime, file = Results(), CaseFile(folder)
    cases = plan_cases([claim], ["mesh"], "quick", targets, references)
    setups = {"mesh": Setup("mesh", {}, random=False)}
    runner = Runner(cast("Runtime", runtime), cast("Judge", Eyes()), [claim], setups, file)
    runner.run(cases, lambda *_: None)  # pyright: ignore[reportUnknownLambdaType]
    return runtime, file


def darken(pixels: Pixels, _face: object, level: Level, _seed: int) -> Pixels:
    return np.asarray(pixels * level.value, np.uint8)


LEVELS = (Axis("light", [Level(1), Level(0.5)]),)


def test_the_ceiling_is_the_level_done_to_the_result_on_the_unchanged_target(tmp_path: Path) -> None:
    claim = Claim("dark", "It stays.", lambda _suite: LEVELS, change=darken, ceiling=True)
    runtime, file = run_claim(claim, tmp_path)
    assert [line["ceiling"] for line in file.lines] == [200, 100]
    assert len(runtime.asked) == 3  # both levels, and once the unchanged target


def test_a_pair_of_people_is_swapped_once_for_all_its_ceilings(tmp_path: Path) -> None:
    """The pairs take turns in each level."""
    claim = Claim("dark", "It stays.", lambda _suite: LEVELS, change=darken, ceiling=True)
    runtime, file = run_claim(claim, tmp_path, PEOPLE, PEOPLE)
    assert len(file.lines) == 4
    assert len(runtime.asked) == 4 + 2


def test_a_level_may_change_the_reference_and_a_claim_measures_what_it_likes(tmp_path: Path) -> None:
    claim = Claim(
        "bald", "It stays.", lambda _suite: LEVELS, change_reference=darken, measure=lambda _look: {"hair": 0.5},
        change=lambda pixels, _face, _level, _seed: pixels,
    )  # fmt: skip
    runtime, file = run_claim(claim, tmp_path)
    assert [line["hair"] for line in file.lines] == [0.5, 0.5]
    shades = [int(np.asarray(PIL.Image.open(BytesIO(data))).mean()) for data in runtime.references]
    assert shades == [10, 5]
