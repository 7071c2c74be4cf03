"""The claim of guidance: PuLID on and off as guidance grows, and weights that are compared with the defaults."""

from mien_pipeline.engines.flux.options import PRESETS, FluxOptions
from mien_pipeline.evaluation.claim import Line
from mien_pipeline.evaluation.claims.guidance import OFF, ON, axes, conclude
from mien_testing.evaluation import line

PAIRS = 8


def at(level: float, margin: float, naturalness: float = 0.9) -> list[Line]:
    margins = [margin + 0.01 * (seed % 3) for seed in range(PAIRS)]
    return [line(level=level, seed=seed, margin=each, naturalness=naturalness) for seed, each in enumerate(margins)]


def said(*lines: list[Line]) -> str:
    return "\n".join(conclude([each for group in lines for each in group]))


def test_guidance_grows_with_pulid_on_and_off_and_every_weight_and_preset_is_tried() -> None:
    by_name = {axis.name: axis.levels for axis in axes("full")}
    guided = by_name.pop("true_cfg_scale")
    assert {level.series for level in guided} >= {ON, OFF}
    assert all(level.options["id_weight"] == 0 for level in guided if level.series == OFF)
    assert [level.label for level in by_name.pop("preset")] == list(PRESETS)
    for name, levels in by_name.items():
        default = FluxOptions.model_fields[name].default
        assert {level.value for level in levels} >= {0, default}
        assert all(level.options == {name: level.value} for level in levels)


def test_a_better_level_is_named_with_its_interval() -> None:
    told = said(at(0.8, 0.30), at(1.0, 0.45), at(0.0, 0.0))
    assert told.startswith("- `id_weight`: 1 against the default 0.8: margin +0.150 (+0.150 to +0.150, n = 8)")
    assert told.endswith("a difference.")


def test_a_likeness_that_costs_naturalness_is_not_called_better() -> None:
    assert said(at(0.8, 0.30), at(1.2, 0.60, naturalness=0.4)) == (
        "- `id_weight`: of the levels tried none beats the default 0.8."
    )


def test_cases_that_cannot_tell_say_so() -> None:
    few = [*at(0.8, 0.30)[:2], *at(1.0, 0.35)[:2]]
    assert said(few).endswith("these cases cannot tell them apart.")


def test_without_the_default_nothing_is_concluded() -> None:
    assert said(at(1.0, 0.5)) == ""
