"""A command is one module; a package that is installed adds its own, and one that is broken harms no other."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from mien_cli import commands
from mien_cli.commands import SUMMARIES
from mien_cli.main import main
from mien_cli.registry import GROUP, find_module, find_plugins, list_summaries, read_group

WAVE = """
SUMMARY = "wave a hand"
BEFORE = "restore"

def add_arguments(parser):
    parser.add_argument("--hands", type=int, default=1)
    parser.set_defaults(run=run)

def run(args):
    from mien_cli.output import print_answer

    return print_answer(args, {"hands": args.hands}, "~" * args.hands)
"""

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a package with one command: its name, and the text of its module."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, text: str) -> None:
        (tmp_path / f"made_up_{name}.py").write_text(text, encoding="utf-8")
        folder = tmp_path / f"made_up_{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = made_up_{name}\n", encoding="utf-8")

    return write


def test_every_module_of_ours_is_a_command_with_a_line_and_every_line_has_its_module() -> None:
    files = {path.stem for path in Path(commands.__path__[0]).glob("*.py")} - {"__init__"}
    assert files == {name.replace("-", "_") for name in SUMMARIES}


def test_a_package_adds_a_command_with_one_module(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("wave", WAVE)
    names = list(list_summaries())
    assert names.index("wave") == names.index("restore") - 1
    assert main(["wave", "--hands", "2"]) == 0
    assert capsys.readouterr().out == "~~\n"
    assert main(["wave", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"hands": 1}
    with pytest.raises(SystemExit):
        main(["wave", "--help"])
    assert "Wave a hand." in capsys.readouterr().out


@pytest.mark.parametrize("text", ["import a_library_that_is_not_installed", "SUMMARY = 'nothing to run'", "1 / 0"])
def test_a_broken_command_says_so_and_every_other_one_works(
    text: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("broken", text)
    install("wave", WAVE)
    assert list_summaries()["broken"].startswith("the command 'broken' cannot be loaded: ")
    assert main(["wave"]) == 0
    capsys.readouterr()
    assert main(["broken", "--json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["detail"].startswith("the command 'broken' cannot be loaded: ")
    assert said.err.startswith("mien: the command 'broken' cannot be loaded: ")
    assert "Traceback" not in said.err


def test_a_package_replaces_no_command_of_ours(install: Install) -> None:
    install("swap", WAVE)
    assert find_module("swap") == "mien_cli.commands.swap"
    assert list_summaries()["swap"] == SUMMARIES["swap"]


def test_a_name_that_is_no_command_has_no_module() -> None:
    assert find_module("dance") is None


def test_the_packages_that_are_found_are_those_that_importlib_finds() -> None:
    """Ours reads the files itself, because `importlib.metadata` takes too long to import."""
    assert find_plugins() == {found.name: found.value for found in metadata.entry_points(group=GROUP)}
    assert find_plugins()["tray"] == "mien_tray.command"


def test_entry_points_of_other_groups_and_comments_are_not_commands() -> None:
    text = f"[console_scripts]\nmien = a:main\n\n[{GROUP}]\n# later = x\nwave = b\n dance=c.d\n\n[other]\nno = e\n"
    assert read_group(text) == {"wave": "b", "dance": "c.d"}
    assert read_group("[console_scripts]\nmien = a:main\n") == {}
    assert read_group("") == {}


def test_the_list_of_commands_has_the_tray_and_loads_nothing_that_the_tray_needs() -> None:
    code = (
        "import sys; from mien_cli.main import build_parser; print(build_parser(None).format_help());"
        "sys.exit(', '.join({'pystray', 'PIL', 'importlib.metadata', 'pathlib'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "\n    tray         the tray app\n" in done.stdout
