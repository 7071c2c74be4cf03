"""Running uv, which makes environments: found beside the program, in its Python, or on the path; never fetching."""

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mien_core.errors import EngineUnavailable
from mien_core.program import is_frozen, windowless

_POLL_S = 0.2
# Pythons that the lock file has wheels for.
PYTHONS = ">=3.11,<3.15"


def find_uv(environ: Mapping[str, str] = os.environ) -> Path:
    """The uv to run.

    Raises:
        EngineUnavailable: there is none; `needs` is "uv".
    """
    name = "uv.exe" if sys.platform == "win32" else "uv"
    own = Path(sys.executable)
    for found in (own.with_name(name), own.parent / "_internal" / name, _in_package()):
        if found and found.is_file():
            return found
    if on_path := shutil.which(name, path=environ.get("PATH")):
        return Path(on_path)
    raise EngineUnavailable(
        "uv, which makes the environment, is not here; Mien's extra `engines` brings it", needs="uv"
    )


def _in_package() -> Path | None:
    """Where the package `uv` of this Python keeps it."""
    if importlib.util.find_spec("uv") is None:
        return None
    try:
        return Path(importlib.import_module("uv").find_uv_bin())
    except FileNotFoundError:
        return None


class Uv:
    """uv with a cache of its own and without the person's settings."""

    def __init__(self, program: Path, cache: Path, tick: Callable[[], None]) -> None:
        """`tick` is called while uv runs; what it raises ends uv."""
        self._program = program
        self._tick = tick
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_", "VIRTUAL_ENV"))
        }
        self._environ = {**kept, "UV_CACHE_DIR": str(cache), "UV_NO_CONFIG": "1", "UV_OFFLINE": "1", "NO_COLOR": "1"}

    def run(self, *words: str) -> str:
        """What uv prints.

        Raises:
            EngineUnavailable: it failed; `reason` is "uv" and `detail` is the end of what it said.
        """
        command = [str(self._program), *words, "--quiet"]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environ,
            **windowless(),
        ) as process:
            try:
                out, said = _communicate(process, self._tick)
            finally:
                process.kill()
        if process.returncode:
            raise EngineUnavailable(
                f"uv {words[0]} failed with status {process.returncode}", reason="uv", detail=said.strip()[-500:]
            )
        return out

    def find_python(self) -> tuple[Path, tuple[int, int, int]]:
        """A Python for the environment, with its version: the one that runs us, or one of the system if we are frozen.

        Raises:
            EngineUnavailable: the system has none; `needs` is "python".
        """
        if not is_frozen():
            return Path(sys.executable), sys.version_info[:3]
        try:
            python = Path(self.run("python", "find", "--system", PYTHONS).strip())
        except EngineUnavailable as error:
            raise EngineUnavailable(
                "this system has no Python 3.11 to 3.14, which the engines run in", needs="python"
            ) from error
        return python, ask_version(python)


def ask_version(python: Path) -> tuple[int, int, int]:
    """The version of an interpreter."""
    words: Sequence[str] = [str(python), "-I", "-c", "import sys; print(*sys.version_info[:3])"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, **windowless())
    major, minor, micro = map(int, done.stdout.split())
    return major, minor, micro


def _communicate(process: "subprocess.Popen[str]", tick: Callable[[], None]) -> tuple[str, str]:
    while True:
        try:
            return process.communicate(timeout=_POLL_S)
        except subprocess.TimeoutExpired:
            tick()
