"""The wheel holds our seven packages with all their data, and nothing that only tests need."""

import re
import subprocess
import sys
from configparser import ConfigParser
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "mien_core": "pipeline",
    "mien_models": "pipeline",
    "mien_pipeline": "pipeline",
    "mien_api": "daemon",
    "mien_daemon": "daemon",
    "mien_cli": "daemon",
    "mien_tray": "tray",
}
# Files that the product reads and Python does not import; without one of them an installed Mien fails only later.
DATA = (
    "mien_core/strings/en.json",
    "mien_daemon/console/index.html",
    "mien_daemon/console/main.js",
    "mien_daemon/console/locales/en.json",
    "mien_models/catalogue/catalogue.toml",
    "mien_models/catalogue/catalogue.toml.sig",
    "mien_pipeline/engines/diffusion/manifests/flux1.vae.txt",
    "mien_pipeline/faces/face_mesh.npz",
)


COMMIT = "mien_core/commit.txt"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the build back end itself, so that nothing is fetched."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """Every file of the wheel but what describes the wheel itself."""
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def read(wheel: Path, name: str) -> str:
    with ZipFile(wheel) as archive:
        (path,) = [path for path in archive.namelist() if path.endswith(f".dist-info/{name}")]
        return archive.read(path).decode()


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    return Parser().parsestr(read(wheel, "METADATA"))


def test_it_holds_every_file_of_our_seven_packages_and_no_other(names: set[str]) -> None:
    ours = {
        path.relative_to(ROOT / folder).as_posix()
        for package, folder in FOLDERS.items()
        for path in (ROOT / folder / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names - {COMMIT} == ours


def test_nothing_in_it_is_for_tests(names: set[str]) -> None:
    assert not [name for name in names if re.search(r"(^|[._-])(conf)?tests?([._-]|$)", Path(name).name.lower())]
    assert not [name for name in names if {"testing", "tests", "mien_testing"} & set(Path(name).parts)]


@pytest.mark.parametrize("name", DATA)
def test_what_the_product_reads_is_in_it(name: str, names: set[str]) -> None:
    assert name in names


def test_every_package_says_that_it_is_typed(names: set[str]) -> None:
    assert {f"{package}/py.typed" for package in FOLDERS} <= names


def test_it_asks_for_no_library_that_only_tests_use(metadata: Message) -> None:
    """What is installed without an extra, and what each extra adds but `dev`."""
    asked = [line for line in metadata.get_all("Requires-Dist", []) if "extra == 'dev'" not in line.replace('"', "'")]
    names = {found.group() for line in asked if (found := re.match(r"[\w.-]+", line))}
    assert {"aiohttp", "numpy", "pystray"} <= names
    assert not names & {"jeepney", "pytest", "hypothesis", "playwright", "dlib-bin", "mypy", "ruff", "hatchling"}


def test_it_brings_the_command_and_the_command_of_the_tray(wheel: Path) -> None:
    found = ConfigParser()
    found.read_string(read(wheel, "entry_points.txt"))
    assert dict(found["console_scripts"]) == {"mien": "mien_cli.__main__:main"}
    assert dict(found["gui_scripts"]) == {"mien-tray": "mien_tray.__main__:main"}
    assert dict(found["mien.commands"]) == {"tray": "mien_tray.command"}
