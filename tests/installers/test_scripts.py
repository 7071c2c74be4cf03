"""What is shipped is the bundle and its version, in each system's own form; the scripts decide nothing.

The bundle here is a small stand-in; a real one is made by `installers/bundle/mien.spec`.
"""

import plistlib
import re
import subprocess
from pathlib import Path

import pytest

INSTALLERS = Path(__file__).parents[2] / "installers"
VERSION = "12.34.56"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "_internal").mkdir(parents=True)
    (folder / "_internal/library.so").write_bytes(bytes(2048))
    program = folder / "mien"
    program.write_text(f"#!/bin/sh\necho mien {VERSION}\n", encoding="utf-8")
    program.chmod(0o755)
    return folder


def run(*words: object, cwd: Path | None = None) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout


def test_the_debian_package_carries_the_bundle_and_its_version(bundle: Path, tmp_path: Path) -> None:
    run(INSTALLERS / "linux/deb.sh", bundle, tmp_path)
    (package,) = tmp_path.glob("*.deb")
    assert package.name.startswith(f"mien_{VERSION}_")
    fields = run("dpkg-deb", "--field", package)
    assert f"Version: {VERSION}\n" in fields
    assert "@" not in fields.replace("mien@localhost", "")
    contents = run("dpkg-deb", "--contents", package)
    assert re.search(r"-rwxr-xr-x root/root .* \./opt/mien/mien\n", contents)
    assert "./opt/mien/_internal/library.so" in contents
    assert "./usr/bin/mien -> /opt/mien/mien" in contents
    assert "autostart" not in contents


def test_the_debian_package_runs_nothing_of_its_own_when_installed(bundle: Path, tmp_path: Path) -> None:
    run(INSTALLERS / "linux/deb.sh", bundle, tmp_path)
    (package,) = tmp_path.glob("*.deb")
    run("dpkg-deb", "--control", package, tmp_path / "control")
    assert [path.name for path in (tmp_path / "control").iterdir()] == ["control"]


def test_the_mac_application_is_a_tray_without_a_dock_icon(bundle: Path, tmp_path: Path) -> None:
    run(INSTALLERS / "macos/app.sh", bundle, tmp_path)
    contents = tmp_path / "Mien.app/Contents"
    about = plistlib.loads((contents / "Info.plist").read_bytes())
    assert (about["CFBundleShortVersionString"], about["CFBundleVersion"]) == (VERSION, VERSION)
    assert about["LSUIElement"] is True
    assert plistlib.loads(plistlib.dumps(about)) == about
    assert run(contents / "MacOS" / about["CFBundleExecutable"]) == f"mien {VERSION}\n"


def test_the_windows_installer_is_built_from_the_bundle_for_one_user(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / f"mien-{VERSION}.exe"
    script = INSTALLERS / "windows/mien.nsi"
    told = run("makensis", "-V4", "-WX", f"-DVERSION={VERSION}", f"-DBUNDLE={bundle}", f"-DOUT={out}", script)
    assert out.read_bytes()[:2] == b"MZ"
    assert "library.so" in told
    assert "RequestExecutionLevel user" in script.read_text(encoding="utf-8")


def test_no_script_knows_a_version() -> None:
    for path in INSTALLERS.rglob("*"):
        if path.is_file() and path.suffix in {".sh", ".nsi", ".spec", ".desktop", ".py"}:
            assert not re.search(r"\d+\.\d+\.\d+", path.read_text(encoding="utf-8")), path.name
