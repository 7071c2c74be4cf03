"""The configuration names the worker's runtime as "module:function"; by default it is the pipeline's own."""

import sys
from pathlib import Path

import pytest

from mien_daemon.config import DEFAULT_WORKER
from mien_daemon.worker.messages import SetUp
from mien_daemon.worker.runtime import make_runtime
from mien_pipeline.runtime import Runtime
from mien_pipeline.trust.authority import Authority

calls: list[tuple[Path, Path, bool, Authority]] = []


def make(models: Path, state: Path, *, offline: bool, authority: Authority) -> str:
    calls.append((models, state, offline, authority))
    return "a runtime"


def test_the_function_that_is_named_makes_it_of_the_folders_it_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "a_module", sys.modules[__name__])
    authority = Authority(tmp_path / "state")
    made = make_runtime(SetUp("a_module:make", str(tmp_path / "state"), str(tmp_path / "models"), True), authority)
    assert str(made) == "a runtime"
    assert calls == [(tmp_path / "models", tmp_path / "state", True, authority)]


def test_by_default_it_is_the_pipelines_with_nothing_loaded(tmp_path: Path) -> None:
    made = make_runtime(SetUp(DEFAULT_WORKER, str(tmp_path), str(tmp_path), True), Authority(tmp_path))
    assert isinstance(made, Runtime)
    assert made.engine_name is None
