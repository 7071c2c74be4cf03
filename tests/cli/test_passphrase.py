"""A passphrase is typed twice where a mistake would cost a backup, and never stands on the command line."""

import getpass
from argparse import Namespace
from io import StringIO
from pathlib import Path

import pytest

from mien_cli.passphrase import MOST_CHARACTERS, read_passphrase
from mien_core.errors import InvalidOptions

AT_TERMINAL = Namespace(passphrase_file=None)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def type_in(monkeypatch: pytest.MonkeyPatch, *typed: str) -> None:
    left = list(typed)
    monkeypatch.setattr("sys.stdin", Terminal())

    def answer(_prompt: str) -> str:
        return left.pop(0)

    monkeypatch.setattr(getpass, "getpass", answer)


def test_at_a_terminal_it_is_typed_twice_for_a_new_backup_and_once_for_an_old_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    type_in(monkeypatch, "correct horse", "correct horse")
    assert read_passphrase(AT_TERMINAL, twice=True) == "correct horse"
    type_in(monkeypatch, "correct horse")
    assert read_passphrase(AT_TERMINAL) == "correct horse"


@pytest.mark.parametrize("typed", [("correct horse", "correct hose"), ("",)])
def test_what_was_mistyped_or_left_empty_is_refused(monkeypatch: pytest.MonkeyPatch, typed: tuple[str, ...]) -> None:
    type_in(monkeypatch, *typed)
    with pytest.raises(InvalidOptions) as refused:
        read_passphrase(AT_TERMINAL, twice=True)
    assert refused.value.fields["field"] == "passphrase"


@pytest.mark.parametrize("around", [(b"", b""), (b"", b"\n"), (b"", b"\r\nmore"), (b"\xef\xbb\xbf", b"")])
def test_a_files_first_line_is_the_passphrase_whatever_editor_wrote_it(
    tmp_path: Path, around: tuple[bytes, bytes]
) -> None:
    path = tmp_path / "words"
    path.write_bytes(around[0] + b"correct horse" + around[1])
    assert read_passphrase(Namespace(passphrase_file=str(path))) == "correct horse"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"\xff\xd8" * MOST_CHARACTERS)
    with pytest.raises(InvalidOptions):
        read_passphrase(Namespace(passphrase_file=str(path)))
