"""The lock file says for each machine which wheels make an engine's environment, each with its digest and size."""

import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mien_core.errors import EngineUnavailable
from mien_models.environments.lock import EngineLock, Target

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
UV = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
HERE = Target((sys.version_info.major, sys.version_info.minor, sys.version_info.micro))


def locked() -> dict[tuple[str, str], set[str]]:
    """Digests of every file that uv.lock has, by package and version."""
    return {
        (package["name"], package["version"]): {
            file["hash"].removeprefix("sha256:")
            for file in [*package.get("wheels", []), package.get("sdist", {})]
            if file
        }
        for package in UV["package"]
    }


def requirement(entry: dict[str, str]) -> tuple[str, frozenset[str], str]:
    return (
        entry["name"],
        frozenset(entry.get("extras", [])),
        str(Requirement(f"x{entry.get('specifier', '')}").specifier),
    )


def test_the_repositorys_lock_is_of_the_projects_dependencies() -> None:
    """`uv lock --check` asks the index; this asks nothing, and sees every change of pyproject.toml all the same."""
    own = next(package for package in UV["package"] if package["name"] == "mien")
    assert own["source"] == {"editable": "."}
    lines = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    asked = [Requirement(line) for line in lines]
    wanted = {(one.name, frozenset(one.extras), str(one.specifier)) for one in asked if one.name != "mien"}
    assert {requirement(one) for one in own["metadata"]["requires-dist"] if one["name"] != "mien"} == wanted
    assert set(own["metadata"]["provides-extras"]) == PROJECT["optional-dependencies"].keys()


@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_each_supported_python_gets_every_library_of_the_engines(minor: int) -> None:
    found = {wheel.package: wheel for wheel in EngineLock().wheels(Target((3, minor, 1)))}
    asked = [Requirement(line) for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["gpu"]]]
    for one in asked:
        if one.marker is None or one.marker.evaluate():
            assert one.specifier.contains(found[one.name].version), one
    assert "opencv-python" not in found
    files = locked()
    for wheel in found.values():
        assert wheel.sha256 in files[wheel.package, wheel.version], wheel
        assert wheel.size > 0
        assert wheel.filename.endswith(".whl")


def test_a_python_that_torch_has_no_wheels_for_is_refused_by_name() -> None:
    with pytest.raises(EngineUnavailable) as refused:
        EngineLock().wheels(Target((3, 20, 0)))
    assert refused.value.fields == {"reason": "not-locked"}


@pytest.mark.parametrize("text", ["", "lock-version = ", 'lock-version = "9.0"\ncreated-by = "x"\npackages = []\n'])
def test_a_lock_file_that_is_none_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pylock.toml"
    path.write_text(text)
    with pytest.raises(EngineUnavailable):
        EngineLock(path).wheels(HERE)


def test_line_ends_do_not_make_another_lock(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.write_bytes(EngineLock().path.read_bytes().replace(b"\n", b"\r\n"))
    assert EngineLock(path).sha256 == EngineLock().sha256
