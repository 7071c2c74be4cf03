"""Whoever builds the same commit gets the same bytes, and every published file has its sum and its list of parts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mien_testing.shipped import BUILT, built

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Wheel and source distribution, built twice: in two folders, under two umasks, from files of two ages."""
    folders = []
    for number, umask in enumerate(("022", "077")):
        clone = tmp_path_factory.mktemp("clone") / f"mien{number}"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True, umask=int(umask, 8))
        for path in clone.rglob("*"):
            os.utime(path, (10**9 + number, 10**9 + number), follow_symlinks=False)
        out = clone / "dist"
        command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
        env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
        subprocess.run(command, cwd=clone, env=env, check=True, umask=int(umask, 8), stdout=subprocess.DEVNULL)
        folders.append(out)
    return folders


def test_wheel_and_source_are_the_same_bytes_twice(builds: list[Path]) -> None:
    one, other = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in builds)
    assert len(one) == 2
    assert one == other


def test_every_published_file_has_its_sum() -> None:
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=BUILT / "out", capture_output=True, check=False)
    assert done.returncode == 0
    listed = {line.split()[1] for line in (BUILT / "out/SHA256SUMS").read_text(encoding="utf-8").splitlines()}
    assert listed == {path.name for path in (BUILT / "out").iterdir()} - {"SHA256SUMS"}


def test_the_bill_of_materials_names_every_part_with_its_licence() -> None:
    bill = json.loads(built("*.cdx.json").read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    parts = {part["name"].lower(): part for part in bill["components"]}
    assert {"aiohttp", "opencv-python-headless", "c2pa-python", "pystray"} <= set(parts)
    assert [name for name, part in parts.items() if not part.get("licenses")] == []
    assert bill["metadata"]["component"]["name"] == "mien"


def test_the_package_holds_the_licences_of_its_parts() -> None:
    command = f"dpkg-deb --fsys-tarfile {built('*.deb')} | tar -xO ./usr/share/doc/mien/copyright"
    told = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
    for part in ("opencv-python-headless", "numpy", "cryptography", "Python 3."):
        assert f"\n{part}" in told
