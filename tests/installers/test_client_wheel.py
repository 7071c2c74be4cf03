"""The client's own wheel: what the client imports and no more, and it works where nothing else is installed."""

import subprocess
import sys
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {"mien_api": ROOT / "daemon", "mien_core": ROOT / "pipeline"}
# Blocks every import that is neither the standard library's nor ours, then imports the client and names its modules.
ALONE = """
import sys
class OnlyOurs:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in {"mien_api", "mien_core"}:
            raise ImportError(f"{name} is not for the client")
sys.meta_path.insert(0, OnlyOurs())
import mien_api.client, mien_api.client.asynchronous
if sys.platform != "win32":
    assert mien_api.client.DaemonClient.discover("nowhere") is None
print(*sorted(name for name in sys.modules if name.startswith("mien_")))
"""
NOT_IMPORTED_HERE = {"mien_core/windows.py"}  # only Windows reads it


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the build back end itself, so that nothing is fetched."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT / "installers/client")
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


def test_it_works_alone_and_holds_what_it_imports_and_nothing_else(wheel: Path, tmp_path: Path) -> None:
    """No OpenCV, no numpy, no aiohttp: an interpreter that has the wheel and the standard library."""
    environ = {"PYTHONPATH": str(wheel)}
    done = subprocess.run(
        [sys.executable, "-S", "-c", ALONE], capture_output=True, text=True, check=False, env=environ, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.endswith(".py")}
    assert held - NOT_IMPORTED_HERE == {to_path(name, held) for name in imported}


def to_path(module: str, held: set[str]) -> str:
    path = module.replace(".", "/")
    return f"{path}.py" if f"{path}.py" in held else f"{path}/__init__.py"


def test_its_files_are_those_of_mien_and_say_that_they_are_typed(wheel: Path) -> None:
    """Where both were installed by mistake, neither has other files than its own."""
    with ZipFile(wheel) as archive:
        ours = [name for name in archive.namelist() if ".dist-info/" not in name]
        for name in ours:
            assert archive.read(name) == (SOURCES[name.partition("/")[0]] / name).read_bytes()
    assert {"mien_api/py.typed", "mien_core/py.typed"} <= set(ours)


def test_it_has_the_products_version_and_asks_for_no_other_package(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(path).decode())
    assert metadata.get_all("Requires-Dist") is None
    assert f'version = "{metadata["Version"]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
