"""The Windows installer is compiled around the real files; Windows itself is not here."""

import subprocess
from pathlib import Path

import pytest

from mien_testing.shipped import BUILT

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "installers/windows/mien.nsi"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `makensis` says, with warnings as errors."""
    out = tmp_path_factory.mktemp("windows") / "mien.exe"
    defines = {
        "VERSION": "1.2.3",
        "BUNDLE": BUILT / "dist/mien",
        "ICON": BUILT / "work/mien/icons/mien.ico",
        "OUT": out,
        "UNCOMPRESSED": "",
    }
    words = [f"-D{name}={value}" for name, value in defines.items()]
    done = subprocess.run(["makensis", "-V4", "-WX", *words, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert out.read_bytes()[:2] == b"MZ"
    return done.stdout


def test_every_file_of_the_bundle_is_in_it(told: str) -> None:
    names = {path.name for path in (BUILT / "dist/mien").rglob("*") if path.is_file() and not path.is_symlink()}
    assert [name for name in names if name not in told] == []


def test_a_person_is_asked_what_to_keep_and_a_silent_run_keeps_all() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert "Keep my faces, results, models and settings?" in text
    assert "/SD IDYES" in text
    assert "RequestExecutionLevel user" in text
