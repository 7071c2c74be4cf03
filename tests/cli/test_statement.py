"""The statement about a face that is used once: asked for once a session, kept without a word of whom."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mien_cli import statement
from mien_cli.main import main
from mien_daemon.references.consent import STATEMENTS
from mien_models.store import ModelStore

pytestmark = pytest.mark.slow


@pytest.fixture
def swap(models: ModelStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """A swap: exit status and what was said on stderr."""
    portraits = models.path("demo-portraits")
    folders = ["--state-dir", str(tmp_path / "state"), "--models-dir", str(models.root), "--local"]

    def command(*words: str) -> tuple[int, str]:
        target, face = str(portraits / "grace_hopper.jpg"), str(portraits / "astronaut.png")
        status = main(["swap", target, "--face", face, "-o", str(tmp_path / "out.png"), *folders, *words])
        return status, capsys.readouterr().err

    return command


def test_a_face_that_is_used_once_asks_for_the_statement_once_a_session(
    swap: Callable[..., tuple[int, str]], type_in: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in("y\n")
    status, said = swap()
    assert status == 0
    assert all(statement in said for statement in STATEMENTS.values())
    type_in("must not be read\n")
    assert "[y/N]" not in swap()[1]
    monkeypatch.setattr(statement, "SESSION_S", 0.0)
    type_in("n\n")
    assert swap()[0] == 1, "after a day it is asked again"


def test_who_does_not_confirm_swaps_nothing(
    swap: Callable[..., tuple[int, str]], type_in: Callable[[str], None], tmp_path: Path
) -> None:
    for answer in ("n", "", "perhaps"):
        type_in(answer + "\n")
        status, said = swap()
        assert status == 1
        assert "with permission only" in said
    assert not (tmp_path / "out.png").exists()
    assert not (tmp_path / "state" / "stated").exists()


def test_a_script_says_it_in_words_and_is_told_what_it_states_when_it_does_not(
    swap: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    assert "you state" not in swap("--basis", "self", "--adult")[1]
    status, said = swap()
    assert status == 0
    assert STATEMENTS["self"] in said
    assert swap("--basis", "hearsay", "--adult")[0] == 1
    assert swap("--basis", "self")[0] == 1, "half a statement is none"
    assert not (tmp_path / "state" / "stated").exists()


def test_the_record_of_a_statement_counts_for_this_session_and_these_words_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / "state" / "stated"
    assert not statement.is_recorded(record)
    statement.record_statement(record)
    assert statement.is_recorded(record)
    assert record.stat().st_mode & 0o777 == 0o600
    for name in ("another session", "other words"):
        monkeypatch.setattr(statement, "name_session", lambda name=name: name)
        assert not statement.is_recorded(record)
