"""The configuration names the worker's runtime as "module:function"; by default it is the pipeline's own."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mien_core.errors import LibraryMissing
from mien_daemon.config import DEFAULT_WORKER
from mien_daemon.worker.messages import SetUp
from mien_daemon.worker.runtime import make_runtime
from mien_pipeline.engines.registry import parse_options
from mien_pipeline.options import RestoreOptions
from mien_pipeline.progress import ignore_progress
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


def test_where_the_system_lacks_a_library_all_work_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "module_without_its_library.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        set_up = SetUp("module_without_its_library:make", str(tmp_path), str(tmp_path), True)
        made = make_runtime(set_up, Authority(tmp_path))
    finally:
        sys.path.remove(str(tmp_path))
    made.warm()
    work: list[Callable[[], object]] = [
        lambda: made.swap(b"", [[b""]], parse_options({"engine": "mesh"}), ignore_progress),
        lambda: made.restore(b"", RestoreOptions(), ignore_progress),
        lambda: made.find_faces(b""),
    ]
    for ask in work:
        with pytest.raises(LibraryMissing) as refused:
            ask()
        assert refused.value.fields == {"library": "libGL.so.1", "package": "libgl1"}


def test_a_module_that_is_wrong_is_not_called_a_missing_library(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError):
        make_runtime(SetUp("no_such_module:make", str(tmp_path), str(tmp_path), True), Authority(tmp_path))
