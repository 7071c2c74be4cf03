"""Every process of ours is started as `mien_core.program` says, so that it works frozen and on each system."""

import ast
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mien_core.program import PROGRAMS
from mien_core.windows import name_terminal

ROOT = Path(__file__).parents[2]
SOURCES = [path for part in ("pipeline", "daemon", "tray") for path in sorted((ROOT / part).rglob("mien_*/**/*.py"))]
# The interpreter named for another reason than to start one of our programs.
NAMED = {
    "mien_core/program.py": "the one place",
    "mien_core/cage/walls.py": "its folder is one that the cage lets be read",
    "mien_models/environments/uv.py": "an environment is made of the Python that runs us; uv lies beside it",
    "mien_core/cage/attempts.py": "the cage must not let it be started",
}
STARTS = {"Popen", "run", "create_subprocess_exec", "create_subprocess_shell", "call", "check_call", "check_output"}
FLAGS = {"detached", "windowless"}


def names(path: Path) -> str:
    return path.relative_to(ROOT).as_posix().partition("/")[2]


def calls_that_start(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in STARTS:
            of = ast.unparse(node.func.value)
            if of in {"subprocess", "asyncio"} and not (of == "asyncio" and node.func.attr == "run"):
                yield node


def test_the_interpreter_is_named_in_one_place() -> None:
    found = {names(path) for path in SOURCES if "sys.executable" in path.read_text(encoding="utf-8")}
    assert found == NAMED.keys()


def test_no_script_is_run_by_its_own_file() -> None:
    """In the frozen program there are no files of ours to run."""
    for path in (path for path in SOURCES if "subprocess" in path.read_text(encoding="utf-8")):
        for call in calls_that_start(ast.parse(path.read_text(encoding="utf-8"))):
            assert "__file__" not in ast.unparse(call), names(path)


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if "command_for(" in path.read_text(encoding="utf-8")], ids=names
)
def test_what_starts_a_program_of_ours_says_how_windows_shows_it(path: Path) -> None:
    """Each call takes the flags of `detached` or `windowless`, or else a console window would open."""
    for call in calls_that_start(ast.parse(path.read_text(encoding="utf-8"))):
        shared = [ast.unparse(one.value) for one in call.keywords if one.arg is None]
        # `curl` and `sha256sum`, which a benchmark compares with, are no programs of ours.
        assert [f"{name}()" for name in FLAGS if f"{name}()" in shared] or "curl" in ast.unparse(call), ast.unparse(
            call
        )


def test_each_program_has_a_word_of_its_own() -> None:
    words = [program.word for program in PROGRAMS.values()]
    assert len(set(words)) == len(words)


def test_psutil_answers_what_names_a_terminal() -> None:
    """The processes that tests make up have the shape of real ones."""
    assert name_terminal(psutil.Process().parents()) != ""
