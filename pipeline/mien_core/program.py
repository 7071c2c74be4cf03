"""How Mien starts its own programs, and how the frozen program finds out which of them it is.

A plain interpreter runs each as a module. A frozen program is no interpreter: it knows each by its first argument. Both
ways read the same table, so that no program can be started and then not be found.

A package has two executables in one folder: `mien`, and `mien-tray`, which opens no console window on Windows and is
the application on macOS. They are the same program; without a command `mien-tray` is the tray.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal, TypedDict, cast

ProgramName = Literal[
    "mien",
    "tray",
    "worker",
    "segments",
    "preview",
    "convert",
    "cage-check",
    "batch-clip",
    "batch-ray",
    "bench-download",
    "bench-memory",
]


CONSOLE, WINDOWED = "mien", "mien-tray"


@dataclass(frozen=True, slots=True)
class Program:
    """A module with a `main` that reads `sys.argv`.

    Attributes:
        module: where `main` is.
        word: the frozen program's first argument; none for the command line itself.
        is_command: `word` is one of the command line's own commands.
        has_network: without, every connection is refused before the module is imported.
    """

    module: str
    word: str | None = None
    is_command: bool = False
    has_network: bool = True


PROGRAMS: Mapping[ProgramName, Program] = {
    "mien": Program("mien_cli.__main__"),
    "tray": Program("mien_tray.__main__", "tray", is_command=True),
    "worker": Program("mien_daemon.worker.runner", "worker-process"),
    "segments": Program("mien_daemon.worker.segment_process", "segment-process"),
    "preview": Program("mien_daemon.pictures.preview_start", "preview-process"),
    "convert": Program("mien_models.local.convert", "convert-process", has_network=False),
    "cage-check": Program("mien_core.cage.attempts", "cage-check-process"),
    "batch-clip": Program("mien_cli.batch.clip_process", "batch-clip-process"),
    "batch-ray": Program("mien_cli.batch.cluster.ray_process", "batch-ray-process"),
    "bench-download": Program("mien_pipeline.evaluation.benchmarks.downloads", "bench-download-process"),
    "bench-memory": Program("mien_pipeline.evaluation.benchmarks.pipeline", "bench-memory-process"),
}


class StartFlags(TypedDict, total=False):
    """Arguments of `subprocess.Popen` and `asyncio.create_subprocess_exec` that each system needs."""

    start_new_session: bool
    creationflags: int


# Source: learn.microsoft.com, "Process Creation Flags". Python has the names on Windows only.
_DETACHED_PROCESS = 0x00000008
_CREATE_NEW_PROCESS_GROUP = 0x00000200
_CREATE_NO_WINDOW = 0x08000000


def detached(platform: str = sys.platform) -> StartFlags:
    """For a process that outlives us: it hears neither our terminal's Ctrl-C nor its end, and opens no window."""
    if platform == "win32":
        return {"creationflags": _DETACHED_PROCESS | _CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def windowless(platform: str = sys.platform) -> StartFlags:
    """For a child of ours: Windows would open a console for it where we have none, as the daemon has not."""
    return {"creationflags": _CREATE_NO_WINDOW} if platform == "win32" else {}


def is_frozen() -> bool:
    return bool(getattr(sys, "frozen", False))


def command_for(name: ProgramName, platform: str = sys.platform, interpreter: Path | None = None) -> list[str]:
    """The words that start a program of ours, to be followed by its arguments.

    On Windows the tray runs in the interpreter that opens no console window, where there is one.

    Args:
        name: which one.
        platform: as `sys.platform`.
        interpreter: the Python of another environment that has our packages, frozen or not as we are.
    """
    program = PROGRAMS[name]
    if interpreter is not None:
        return [str(interpreter), "-P", "-m", program.module.removesuffix(".__main__")]
    if is_frozen():
        return [find_executable(WINDOWED if name == "tray" else CONSOLE), *([program.word] if program.word else [])]
    hardened = [] if program.has_network else ["mien_core.hardening"]
    # -P: no module is taken from the folder that Mien was started in, which may hold a stranger's files.
    own = find_executable("pythonw") if name == "tray" and platform == "win32" else sys.executable
    return [own, "-P", "-m", *hardened, program.module.removesuffix(".__main__")]


def find_executable(name: str) -> str:
    """The executable of that name beside this one; this one where there is none, for either can be every program."""
    own = Path(sys.executable)
    other = own.with_name(name + own.suffix)
    return str(other) if other.is_file() else sys.executable


def add_tray(argv: Sequence[str]) -> list[str]:
    """The words as `mien` takes them: `mien-tray` alone, or with flags, is the tray."""
    is_tray = Path(argv[0]).stem == WINDOWED and not any(word[:1] != "-" for word in argv[1:2])
    return [argv[0], "tray", *argv[1:]] if is_tray else list(argv)


def run_frozen(argv: Sequence[str]) -> int:
    """Be the program that the first argument names, or else the command line; return its exit status.

    `sys.argv` becomes what that program's `main` expects.
    """
    argv = add_tray(argv)
    program = next((one for one in PROGRAMS.values() if one.word in argv[1:2] and not one.is_command), None)
    if program is None:
        program, sys.argv = PROGRAMS["mien"], argv
    else:
        sys.argv = [argv[0], *argv[2:]]
    if not program.has_network:
        from mien_core.hardening import forbid_network

        forbid_network()
    main = cast("Callable[[], int | None]", import_module(program.module).main)
    return main() or 0
