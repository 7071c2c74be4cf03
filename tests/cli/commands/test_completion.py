"""The shell completes what the command line has: commands of ours and of packages, flags, and files."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mien_cli.commands.completion import SHELLS
from mien_cli.main import main

Ask = Callable[[str], set[str]]
# bash calls the function that the script binds to `mien`, with the words and the place of the last one.
ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
function=$(complete -p mien | grep -oE -- '-F [^ ]+' | cut -d' ' -f2)
"$function" mien "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "mien_cli", "completion", "bash"], capture_output=True, text=True, check=True
    )
    path = tmp_path_factory.mktemp("completion") / "mien"
    path.write_text(done.stdout, encoding="utf-8")
    return path


@pytest.fixture
def ask(script: Path, tmp_path: Path) -> Ask:
    """What a real bash offers after some words, in a folder with a picture and a folder."""
    (tmp_path / "holiday.jpg").touch()
    (tmp_path / "holidays").mkdir()

    def complete(words: str) -> set[str]:
        command = ["bash", "-c", ASK, "bash", str(script), *words.split(" ")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        return set(done.stdout.split())

    return complete


@pytest.mark.slow
def test_bash_offers_commands_flags_and_choices(ask: Ask) -> None:
    assert {"swap", "serve"} <= ask("mien s")
    assert ask("mien tr") == {"tray"}, "which another package brings"
    assert ask("mien swap --fac") == {"--face", "--faces"}
    assert ask("mien models pul") == {"pull"}
    assert ask("mien completion fi") == {"fish"}
    assert "--models-dir" in ask("mien jobs list --m")


@pytest.mark.slow
def test_bash_offers_files_where_a_file_is_meant(ask: Ask) -> None:
    assert "holiday.jpg" in ask("mien swap holi")
    assert "holiday.jpg" in ask("mien swap a.jpg --face holi")
    folders = ask("mien serve --state-dir holi")
    assert {name.rstrip("/") for name in folders} == {"holidays"}


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_a_script_that_names_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    said = capsys.readouterr().out
    assert "forget-all" in said
    assert "start-at-login" in said or shell == "tcsh", "tcsh has no flags of commands"
    if shutil.which(shell) and shell != "powershell":
        flags = {"fish": "--no-execute"}.get(shell, "-n")
        done = subprocess.run([shell, flags], input=said, capture_output=True, text=True, check=False)
        assert done.stderr == ""
