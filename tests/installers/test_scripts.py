"""What packages are made of, as far as it needs no bundle; `tests/shipped` tries the packages themselves."""

import plistlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import yaml

ROOT = Path(__file__).parents[2]
INSTALLERS = ROOT / "installers"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, cwd=ROOT)


def test_no_script_knows_a_version() -> None:
    for path in INSTALLERS.rglob("*"):
        if path.is_file() and path.suffix in {".sh", ".nsi", ".spec", ".desktop", ".service"}:
            assert not re.search(r"\d+\.\d+\.\d+", path.read_text(encoding="utf-8")), path.name


def test_every_system_gets_its_icon_in_its_sizes(tmp_path: Path) -> None:
    done = run(sys.executable, INSTALLERS / "icons.py", tmp_path)
    assert done.returncode == 0, done.stderr
    with PIL.Image.open(tmp_path / "mien.ico") as windows, PIL.Image.open(tmp_path / "mien.icns") as mac:
        assert {(16, 16), (32, 32), (256, 256)} <= windows.info["sizes"]
        assert (512, 512, 2) in mac.info["sizes"]
    for side in (16, 48, 256):
        with PIL.Image.open(tmp_path / f"{side}x{side}/mien.png") as linux:
            assert (linux.size, linux.mode) == ((side, side), "RGBA")


def test_the_notices_have_the_licence_of_every_part() -> None:
    done = run(sys.executable, INSTALLERS / "notices.py", "tray")
    assert done.returncode == 0, done.stderr
    for part in ("aiohttp", "numpy", "cryptography", "pillow", "pystray"):
        assert re.search(rf"^=+\n{part} \S+: \S.*\n=+$", done.stdout, re.MULTILINE), part
    assert "Redistribution and use in source and binary forms" in done.stdout
    assert not re.search(r"^torch ", done.stdout, re.MULTILINE), "which the bundle leaves out"


@pytest.mark.parametrize(
    ("tag", "why"),
    [("v0.0.1", "the tag v0.0.1 is not v"), ("v9", "CHANGELOG.md has no section"), ("v9", "the reserved addresses")],
)
def test_a_tag_that_is_no_release_is_refused_with_the_reason(tag: str, why: str) -> None:
    done = run(sys.executable, INSTALLERS / "release.py", "check", tag)
    assert done.returncode == 1
    assert why in done.stderr


def test_the_mac_services_start_a_program_of_the_application() -> None:
    unit = plistlib.loads((INSTALLERS / "macos/org.mien.daemon.plist").read_bytes())
    assert unit["ProgramArguments"] == ["/Applications/Mien.app/Contents/MacOS/mien", "serve", "--foreground"]
    assert unit["KeepAlive"] == {"SuccessfulExit": False}, "a daemon that a person stopped stays stopped"
    assert plistlib.loads((INSTALLERS / "macos/entitlements.plist").read_bytes())


def test_every_shell_script_is_one_that_dash_reads() -> None:
    scripts = [*INSTALLERS.rglob("*.sh"), *(INSTALLERS / "linux/debian").glob("p*rm")]
    assert len(scripts) == 4
    for script in scripts:
        assert run("sh", "-n", script).stderr == ""
        assert script.stat().st_mode & 0o100, f"{script.name} cannot be run"


def steps(path: Path) -> list[dict[str, Any]]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [step for job in document["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_what_there_is(path: Path) -> None:
    """Sessions of nox, and files of this tree."""
    sessions = set(re.findall(r"^[*-] (\w+)", run(sys.executable, "-m", "nox", "-l").stdout, re.MULTILINE))
    text = "\n".join(str(step.get("run", "")) for step in steps(path))
    assert set(re.findall(r"nox -s (\w+)", text)) <= sessions
    for named in re.findall(r"\b(?:installers|tests)/[\w./-]+\.\w+", text):
        assert (ROOT / named).exists(), named


def test_a_workflow_has_no_more_rights_than_it_needs() -> None:
    for path in WORKFLOWS:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert document["permissions"] == {"contents": "read"}, path.name
        for name, job in document["jobs"].items():
            assert name == "publish" or "permissions" not in job
