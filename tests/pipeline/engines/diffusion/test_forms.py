"""A form is planned and loaded where its library is, and refused by the library's name elsewhere."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mien_core.errors import EngineUnavailable
from mien_pipeline.engines.diffusion import forms
from mien_pipeline.engines.diffusion.forms import usable_forms
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.ladder import LADDERS
from mien_pipeline.plan.placement import DeviceKind


@pytest.mark.parametrize(
    ("system", "machine", "device"),
    [
        ("linux", "x86_64", "discrete"),
        ("linux", "aarch64", "discrete"),
        ("win32", "AMD64", "discrete"),
        ("darwin", "arm64", "unified"),
        ("linux", "x86_64", "cpu"),
        ("darwin", "x86_64", "cpu"),
    ],
)
def test_the_gpu_extra_brings_the_library_of_every_form_that_a_plan_may_choose(
    system: str, machine: str, device: DeviceKind
) -> None:
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(each) for each in project["optional-dependencies"]["gpu"]]
    environment = {"sys_platform": system, "platform_machine": machine}
    brought = {each.name for each in wanted if each.marker is None or each.marker.evaluate(environment)}
    chosen = {rung.core[0] for rung in LADDERS[device]}
    assert {library for form, library in forms.LIBRARIES.items() if form in chosen} <= brought


def test_a_form_whose_library_is_not_installed_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_installed(_name: str) -> None:
        return None

    monkeypatch.setattr(forms, "find_spec", nothing_installed)
    with pytest.raises(EngineUnavailable) as refused:
        forms.check_libraries("nf4", "flux")
    assert refused.value.fields["libraries"] == ["bitsandbytes"]


GGUF_FILE: tuple[NumberFormat, ...] = ("gguf-q4",)


def test_no_form_is_planned_whose_library_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Full weights become other forms; a GGUF file alone does not."""
    monkeypatch.setattr(forms, "find_spec", {"bitsandbytes": "there"}.get)
    assert usable_forms(full=True, gguf=(), engine="flux") == {"float32", "bfloat16", "float8", "nf4"}
    with pytest.raises(EngineUnavailable, match="gguf"):
        usable_forms(full=False, gguf=GGUF_FILE, engine="flux")
