"""What a release consists of, built for the system that this runs on.

python installers/release.py check TAG     refuse a tag that fits neither the project nor the changelog
python installers/release.py build FOLDER  wheel, source distribution, bundle, packages, bill of materials, sums

Needs what `pip install -e '.[dev]' cyclonedx-bom` brings, and on Linux what `tests/shipped/apt.txt` names.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
INSTALLERS = ROOT / "installers"
EXTRAS = ("tray", "heic")
RESERVED = ".example"
"""The top-level domain of RFC 2606 that reaches nobody."""


def main(words: Sequence[str]) -> int:
    match words:
        case ["check", tag]:
            for sentence in (found := check(tag)):
                sys.stderr.write(sentence + "\n")
            return 1 if found else 0
        case ["build", folder]:
            build(Path(folder).absolute())
            return 0
        case _:
            sys.stderr.write(__doc__ or "")
            return 2


def read_project() -> dict[str, object]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def check(tag: str) -> list[str]:
    """Why this tag is no release, as sentences."""
    project = read_project()
    version = str(project["version"])
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sentences = []
    if tag != f"v{version}":
        sentences.append(f"the tag {tag} is not v{version}, which pyproject.toml says")
    if not re.search(rf"^## {re.escape(version)}, \d{{4}}-\d\d-\d\d$", text, re.MULTILINE):
        sentences.append(f"CHANGELOG.md has no section '## {version}, YYYY-MM-DD'")
    if RESERVED in f"{project['maintainers']}{project['urls']}":
        sentences.append("pyproject.toml still has the reserved addresses: put the publisher's own there")
    return sentences


def build(folder: Path) -> None:
    """Build everything for this system below `folder`: `out` has what is published."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    os.environ.setdefault("SOURCE_DATE_EPOCH", commit_time())
    wheel = build_distributions(out)
    build_client(out)
    python = make_environment(folder / "venv", wheel)
    bundle = build_bundle(python, folder)
    icons, notices = folder / "work/mien/icons", folder / "NOTICES"
    notices.write_text(run(python, INSTALLERS / "notices.py", *EXTRAS), encoding="utf-8")
    version = str(read_project()["version"])
    if sys.platform == "linux":
        run(python, INSTALLERS / "linux/deb.py", bundle, icons, notices, out)
        run(python, INSTALLERS / "linux/tar.py", bundle, icons, notices, out)
    elif sys.platform == "win32":
        shutil.copy(notices, bundle / "NOTICES.txt")
        target = out / f"mien-{version}-windows-x86_64.exe"
        defines = {"VERSION": version, "BUNDLE": bundle, "OUT": target, "ICON": icons / "mien.ico"}
        run(
            "makensis",
            "-WX",
            *(f"-D{name}={value}" for name, value in defines.items()),
            INSTALLERS / "windows/mien.nsi",
        )
    write_bill_of_materials(python, out / f"mien-{version}-{sys.platform}.cdx.json")
    write_sums(out)


def run(*words: object) -> str:
    """What a command printed; its complaints go to this one's stderr."""
    done = subprocess.run([str(word) for word in words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def commit_time() -> str:
    """The time of the commit, which every file of the release gets."""
    return run("git", "log", "-1", "--format=%ct").strip()


def build_distributions(out: Path) -> Path:
    """The source distribution and the wheel that is built from it; the wheel's path."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", out)
    (source,) = out.glob("*.tar.gz")
    unpacked = out / "unpacked"
    with tarfile.open(source) as archive:
        archive.extractall(unpacked, filter="data")
    (top,) = unpacked.iterdir()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=top, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(unpacked)
    (wheel,) = out.glob("*.whl")
    return wheel


def build_client(out: Path) -> None:
    """The wheel of the client alone."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out.absolute())]
    subprocess.run(command, cwd=INSTALLERS / "client", check=True, stdout=subprocess.DEVNULL)


def make_environment(folder: Path, wheel: Path) -> Path:
    """An environment with the wheel, its extras for the bundle, and what builds the bundle; its Python."""
    venv.create(folder, with_pip=True, clear=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    run(python, "-m", "pip", "install", "-q", f"{wheel}[{','.join(EXTRAS)}]", "pyinstaller>=6.22,<7", "packaging")
    return python


def build_bundle(python: Path, folder: Path) -> Path:
    """The folder that PyInstaller makes, with the starter models inside."""
    models = ROOT / "build/starter-models"
    mien = [python, "-m", "mien_cli", "models"]
    own = ["--models-dir", os.environ.get("MIEN_MODELS_DIR", folder / "models"), "--state-dir", folder / "state"]
    run(*mien, "pull", "starter", *own)
    run(*mien, "export", "starter", models, *own)
    spec = INSTALLERS / "bundle/mien.spec"
    places = ["--distpath", folder / "dist", "--workpath", folder / "work"]
    run(python, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", *places, spec)
    return folder / "dist/mien"


def write_bill_of_materials(python: Path, target: Path) -> None:
    """A CycloneDX list of every distribution in the bundle's environment, with licences."""
    words = ["environment", python, "--pyproject", ROOT / "pyproject.toml", "--gather-license-texts"]
    run(sys.executable, "-m", "cyclonedx_py", *words, "--output-reproducible", "--of", "JSON", "-o", target)


def write_sums(out: Path) -> None:
    """`SHA256SUMS` of all that is published, for `sha256sum -c`."""
    files = sorted(path for path in out.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (out / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
