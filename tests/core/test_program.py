"""Each of our programs is started and found by one table, frozen or not."""

import importlib.util
import io
import subprocess
import sys
from pathlib import Path

import PIL.Image
import pytest

from mien_core import hardening, program
from mien_core.program import PROGRAMS, Program, ProgramName, command_for, detached, run_frozen, windowless
from mien_daemon.worker import messages
from mien_daemon.worker.messages import MakePreview, PreviewMade

pytestmark = pytest.mark.slow

ENTRY = Path(__file__).parents[2] / "installers/bundle/entry.py"


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "mien"))
    monkeypatch.setattr(sys, "frozen", True, raising=False)


def run_entry(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The frozen program, as nearly as an interpreter can be it."""
    return subprocess.run([sys.executable, ENTRY, *words], input=given, capture_output=True, check=False)


def test_an_interpreter_runs_each_program_as_a_module() -> None:
    assert command_for("mien") == [sys.executable, "-P", "-m", "mien_cli"]
    assert command_for("worker") == [sys.executable, "-P", "-m", "mien_daemon.worker.runner"]
    assert command_for("tray") == [sys.executable, "-P", "-m", "mien_tray"]


def test_what_outlives_us_has_no_terminal_and_a_child_no_window() -> None:
    assert (detached("linux"), detached("darwin"), windowless("linux")) == ({"start_new_session": True},) * 2 + ({},)
    assert detached("win32") == {"creationflags": 0x208}  # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
    assert windowless("win32") == {"creationflags": 0x08000000}  # CREATE_NO_WINDOW
    assert subprocess.run([*command_for("mien"), "--version"], check=True, capture_output=True, **detached()).stdout


def test_a_program_takes_no_module_from_the_folder_that_it_is_started_in(tmp_path: Path) -> None:
    """A person may start the daemon among downloaded files, one of which is called as a library."""
    for name in ("numpy", "PIL", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken')")
    done = subprocess.run(
        [*command_for("mien"), "swap", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "taken" not in done.stderr


def test_another_environments_python_runs_a_program_as_a_module_also_when_we_are_frozen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    python = tmp_path / "env/bin/python"
    assert command_for("worker", interpreter=python) == [str(python), "-P", "-m", "mien_daemon.worker.runner"]


def test_a_program_without_network_starts_hardened() -> None:
    assert command_for("convert")[1:] == ["-P", "-m", "mien_core.hardening", "mien_models.local.convert"]


@pytest.mark.usefixtures("frozen")
def test_a_frozen_program_starts_itself() -> None:
    assert command_for("mien") == [sys.executable]
    assert command_for("tray") == [sys.executable, "tray"]
    assert command_for("preview") == [sys.executable, "preview-process"]


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(("mien", "tray"), [("mien", "mien-tray"), ("mien.exe", "mien-tray.exe")])
def test_of_two_executables_the_tray_is_the_one_without_a_console(
    mien: str, tray: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of the two runs: the daemon that the tray starts is the other one."""
    for name in (mien, tray):
        (tmp_path / name).touch()
    for runs in (mien, tray):
        monkeypatch.setattr(sys, "executable", str(tmp_path / runs))
        assert command_for("mien") == [str(tmp_path / mien)]
        assert command_for("worker") == [str(tmp_path / mien), "worker-process"]
        assert command_for("tray") == [str(tmp_path / tray), "tray"]


@pytest.mark.parametrize(
    ("words", "becomes"),
    [
        (["mien-tray"], ["tray"]),
        (["C:/Programs/Mien/mien-tray.exe", "--at-login"], ["tray", "--at-login"]),
        (["mien-tray", "tray", "--quit"], ["tray", "--quit"]),
        (["mien-tray", "swap", "a.jpg"], ["swap", "a.jpg"]),
        (["mien"], []),
        (["mien", "--help"], ["--help"]),
    ],
)
def test_without_a_command_the_windowed_executable_is_the_tray(
    words: list[str], becomes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Module:
        def __init__(self, _: str) -> None: ...

        def main(self) -> None: ...

    monkeypatch.setattr(program, "import_module", Module)
    monkeypatch.setattr(sys, "argv", [])
    run_frozen(words)
    assert sys.argv == [words[0], *becomes]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_is_there_to_be_run(name: ProgramName) -> None:
    found = importlib.util.find_spec(PROGRAMS[name].module)
    assert found is not None
    assert found.origin is not None
    assert "\ndef main(" in Path(found.origin).read_text(encoding="utf-8") or name == "mien"


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_frozen_program_becomes_the_one_that_it_started(name: ProgramName, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, list[str]]] = []

    class Module:
        def __init__(self, called: str) -> None:
            self.called = called

        def main(self) -> int:
            ran.append((self.called, sys.argv))
            return 7

    def refuse_network() -> None:
        ran.append(("no network", []))

    monkeypatch.setattr(program, "import_module", Module)
    monkeypatch.setattr(hardening, "forbid_network", refuse_network)
    monkeypatch.setattr(sys, "argv", [])

    assert run_frozen([*command_for(name), "--state-dir", "here"]) == 7
    is_command = PROGRAMS[name].is_command  # the command line finds its own commands
    module = PROGRAMS["mien" if is_command else name].module
    rest = ["tray"] if is_command else []
    hardened: list[tuple[str, list[str]]] = [] if PROGRAMS[name].has_network else [("no network", [])]
    assert ran == [*hardened, (module, [sys.executable, *rest, "--state-dir", "here"])]


def test_a_program_that_returns_nothing_has_succeeded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Module:
        def __init__(self, _: str) -> None: ...

        def main(self) -> None: ...

    monkeypatch.setattr(program, "import_module", Module)
    monkeypatch.setattr(sys, "argv", [])
    assert run_frozen(["mien"]) == 0
    assert Program("some.module").has_network


def test_a_hidden_word_counts_in_the_first_place_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may be called as one of them."""
    ran: list[str] = []

    class Module:
        def __init__(self, called: str) -> None:
            ran.append(called)

        def main(self) -> None: ...

    monkeypatch.setattr(program, "import_module", Module)
    monkeypatch.setattr(sys, "argv", [])
    run_frozen(["mien", "verify", "worker-process"])
    assert ran == ["mien_cli.__main__"]
    assert sys.argv == ["mien", "verify", "worker-process"]
    run_frozen(["mien"])
    assert sys.argv == ["mien"]


# ── the bundle's entry ───────────────────────────────────────────────────────────────────────────────────────


def test_the_bundle_answers_as_the_command_line() -> None:
    done = run_entry("--version")
    assert done.stdout.startswith(b"mien ")
    assert done.returncode == 0


def test_the_bundle_is_the_worker() -> None:
    done = run_entry("worker-process")
    assert b"the worker is started by the daemon" in done.stderr


def test_the_bundle_makes_previews(tmp_path: Path) -> None:
    """It once did not know the word: the packaged daemon then had no preview of any picture."""
    picture = tmp_path / "picture.png"
    PIL.Image.new("RGB", (40, 30), "teal").save(picture)

    done = run_entry("preview-process", str(tmp_path), given=messages.encode(MakePreview(str(picture), 20)))
    answer = io.BytesIO(done.stdout)
    assert isinstance(messages.read(answer), PreviewMade)
    assert PIL.Image.open(io.BytesIO(answer.read())).size == (20, 15)
    assert done.returncode == 0


def test_the_bundle_converts_pickles_and_has_no_network_for_it(tmp_path: Path) -> None:
    no_pickle = tmp_path / "weights.pt"
    no_pickle.write_bytes(b"no pickle")
    done = run_entry("convert-process", str(no_pickle), str(tmp_path / "weights.safetensors"))
    assert done.returncode == 3, done.stderr
    assert not (tmp_path / "weights.safetensors").exists()
