"""Our own packages in an engine's environment: those that run now, so that both speak the same words."""

import shutil
import subprocess
from importlib import metadata, util
from pathlib import Path

from mien_core.errors import EngineUnavailable
from mien_core.program import is_frozen, windowless

# What the worker and the command line are made of.
PACKAGES = ("mien_core", "mien_models", "mien_pipeline", "mien_api", "mien_daemon", "mien_cli")
# Where a frozen program has its own wheel: beside this file, put there by the bundle's specification.
WHEELS = Path(__file__).with_name("own")


def add_own_packages(python: Path) -> None:
    """Put our packages, and what says which version they are, where this interpreter finds them.

    From a checkout they are found where they are, so that a change of the source counts at once.

    Raises:
        EngineUnavailable: this frozen program does not carry its wheel; `reason` is "no-wheel".
    """
    site = _site_packages(python)
    if wheel := find_own_wheel():
        shutil.unpack_archive(wheel, site, "zip")
        return
    folders = [_folder_of(name) for name in PACKAGES]
    if any("site-packages" in folder.parts or "dist-packages" in folder.parts for folder in folders):
        for folder in folders:
            shutil.copytree(folder, site / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        parents = dict.fromkeys(str(folder.parent) for folder in folders)
        (site / "mien.pth").write_text("\n".join([*parents, ""]), encoding="utf-8")
    _copy_metadata(site)


def _folder_of(package: str) -> Path:
    found = util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise EngineUnavailable(f"{package} is not installed as files", reason="no-wheel")
    return Path(next(iter(found.submodule_search_locations)))


def _copy_metadata(site: Path) -> None:
    own = metadata.distribution("mien")
    folder = site / f"mien-{own.version}.dist-info"
    folder.mkdir()
    for name in ("METADATA", "entry_points.txt"):
        if text := own.read_text(name):
            (folder / name).write_text(text, encoding="utf-8")


def find_own_wheel() -> Path | None:
    """The wheel of this frozen program; None where our packages are found as files.

    Raises:
        EngineUnavailable: it does not carry one; `reason` is "no-wheel".
    """
    if not is_frozen():
        return None
    wheels = list(WHEELS.glob("mien-*.whl"))
    if len(wheels) != 1:
        raise EngineUnavailable("this program does not carry its own wheel", reason="no-wheel")
    return wheels[0]


def _site_packages(python: Path) -> Path:
    words = [str(python), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, **windowless())
    return Path(done.stdout.strip())
