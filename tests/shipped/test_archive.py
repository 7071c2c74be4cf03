"""The archive for other Linux systems installs for one user, works without a network, and goes without a trace."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien_testing.bare_root import BareRoot
from mien_testing.shipped import BUILT, built

USER = "bert"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareRoot]:
    """A bare root with a user who has unpacked the archive."""
    bare = BareRoot(BUILT / "root", tmp_path_factory.mktemp("bare") / "root")
    bare.run("useradd", "--create-home", USER)
    home = bare.path / "home" / USER
    subprocess.run(["tar", "-xzf", str(built("mien-*-linux-*.tar.gz")), "-C", str(home)], check=True)
    bare.run("chown", "-R", f"{USER}:", f"/home/{USER}")
    yield bare
    bare.close()


def files(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if not path.is_dir() or path.is_symlink()}


def test_it_installs_works_upgrades_and_goes(root: BareRoot) -> None:
    home = root.path / "home" / USER
    (unpacked,) = home.glob("mien-*")
    before = files(home)
    install = f"/home/{USER}/{unpacked.name}/install.sh"
    root.run(install, user=USER)
    mien = f"/home/{USER}/.local/bin/mien"
    root.run(mien, "demo", user=USER)
    assert (home / "mien-demo/result.jpg").stat().st_size > 10_000
    root.run(mien, "serve", user=USER)
    assert root.processes()
    stray = home / ".local/lib/mien/_internal/of-an-older-version.so"
    stray.touch()
    root.run(install, user=USER)
    assert root.processes() == [], "an upgrade ends what runs"
    assert not stray.exists()
    root.run(mien, "--version", user=USER)
    launcher = (home / ".local/share/applications/mien.desktop").read_text(encoding="utf-8")
    assert f"Exec=/home/{USER}/.local/lib/mien/mien-tray" in launcher
    said = root.run(f"/home/{USER}/.local/lib/mien/uninstall.sh", user=USER).stdout
    left = files(home) - before
    places = (".local/state/mien", ".local/share/mien", ".cache/mien")
    assert all(path.startswith((*places, "mien-demo")) for path in left), left
    assert f"/home/{USER}/.local/state/mien" in said
    assert root.processes() == []
