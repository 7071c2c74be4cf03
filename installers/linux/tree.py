"""What every Linux package is made of: the bundle, its links, its launcher, its icons, its units and completions."""

import os
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# Where each shell looks for completions of installed programs.
COMPLETIONS = {
    "bash": "share/bash-completion/completions/mien",
    "zsh": "share/zsh/vendor-completions/_mien",
    "fish": "share/fish/vendor_completions.d/mien.fish",
}


@dataclass(frozen=True, slots=True)
class About:
    """What the package says of itself: the bundle says its version, `pyproject.toml` the rest."""

    version: str
    summary: str
    maintainer: str
    homepage: str


def read_about(bundle: Path) -> About:
    """Ask the bundle for its version, and the project for its words."""
    said = subprocess.run([bundle / "mien", "--version"], capture_output=True, text=True, check=True).stdout
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    who = project["maintainers"][0]
    return About(
        version=said.split()[1],
        summary=project["description"],
        maintainer=f"{who['name']} <{who['email']}>",
        homepage=project["urls"]["Source"],
    )


def fill(template: Path, target: Path, values: dict[str, str]) -> None:
    """Copy a text with each `@NAME@` replaced."""
    text = template.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def lay_out(bundle: Path, icons: Path, program: Path, prefix: Path, installed: str) -> None:
    """Put everything but the documents into place.

    Args:
        bundle: what PyInstaller made.
        icons: what `icons.py` wrote.
        program: where the bundle goes.
        prefix: where `share` and `lib` are.
        installed: the path at which the program will be found when it is installed.
    """
    shutil.copytree(bundle, program, symlinks=True)
    (program / "mien-tray").symlink_to("mien")
    fill(HERE / "mien.desktop", prefix / "share/applications/mien.desktop", {"PROGRAM": installed})
    fill(HERE / "mien.service", prefix / "lib/systemd/user/mien.service", {"PROGRAM": installed})
    for picture in icons.glob("*x*/mien.png"):
        target = prefix / "share/icons/hicolor" / picture.parent.name / "apps/mien.png"
        target.parent.mkdir(parents=True)
        shutil.copyfile(picture, target)
    for shell, path in COMPLETIONS.items():
        target = prefix / path
        target.parent.mkdir(parents=True)
        command = [bundle / "mien", "completion", shell]
        target.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)


def normalise(tree: Path) -> None:
    """Let everyone read and the owner alone write, and give each file the time of the release.

    `SOURCE_DATE_EPOCH` is that time where it is set (reproducible-builds.org/specs/source-date-epoch).
    """
    moment = os.environ.get("SOURCE_DATE_EPOCH")
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            runs = path.is_dir() or bool(path.stat().st_mode & 0o100)
            path.chmod(0o755 if runs else 0o644)
        if moment:
            os.utime(path, (int(moment), int(moment)), follow_symlinks=False)
