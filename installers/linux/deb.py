"""A Debian package of the bundle: `python installers/linux/deb.py BUNDLE ICONS NOTICES OUT`.

`dpkg-shlibdeps` says what it depends on, so the machine that builds has Debian's `dpkg-dev`.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tree import HERE, ROOT, fill, lay_out, normalise, read_about

PROGRAM = "opt/mien"
LEVEL = "9"  # zstd's: 20 s of processor time; 19 takes six minutes


def is_elf(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def find_own_packages(binaries: Sequence[Path]) -> set[str]:
    """The system's packages with a library of a name that the bundle has, too: the bundle takes its own."""
    names = {path.name for path in binaries if ".so" in path.name}
    wanted = [f"*/{name}" for name in sorted(names)]
    told = subprocess.run(["dpkg-query", "--search", *wanted], capture_output=True, text=True, check=False).stdout
    return {line.partition(":")[0] for line in told.splitlines() if not line.startswith("diversion")}


def find_dependencies(program: Path) -> str:
    """The packages whose libraries the bundle takes from the system, with the versions that have what it uses."""
    binaries = [path for path in program.rglob("*") if is_elf(path)]
    private = sorted({f"-l{path.parent}" for path in binaries})
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "debian").mkdir()
        (Path(folder) / "debian/control").write_text("Source: mien\n\nPackage: mien\nArchitecture: any\n")
        own = [f"-x{name}" for name in sorted(find_own_packages(binaries))]
        command = ["dpkg-shlibdeps", "-O", "--ignore-missing-info", *own, *private, *(f"-e{path}" for path in binaries)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.strip().removeprefix("shlibs:Depends=")


def write_sums(tree: Path) -> None:
    """Debian's `md5sums`, with which `dpkg --verify` finds what changed."""
    lines = [
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(tree)}\n"
        for path in sorted(tree.rglob("*"))
        if path.is_file() and not path.is_symlink() and "DEBIAN" not in path.parts
    ]
    (tree / "DEBIAN/md5sums").write_text("".join(lines), encoding="utf-8")


def write_documents(tree: Path, notices: Path) -> None:
    """`copyright`, as Debian's policy asks (12.5), and the changelog."""
    documents = tree / "usr/share/doc/mien"
    documents.mkdir(parents=True)
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    (documents / "copyright").write_text(f"{licence}\n\n{notices.read_text(encoding='utf-8')}", encoding="utf-8")
    text = (ROOT / "CHANGELOG.md").read_bytes()
    (documents / "changelog.gz").write_bytes(gzip.compress(text, mtime=0))


def build(bundle: Path, icons: Path, notices: Path, out: Path) -> Path:
    """Build the package; its path in `out`."""
    about = read_about(bundle)
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "usr/bin").mkdir(parents=True)
        (tree / "opt").mkdir()
        lay_out(bundle, icons, tree / PROGRAM, tree / "usr", f"/{PROGRAM}")
        for name in ("mien", "mien-tray"):
            (tree / "usr/bin" / name).symlink_to(f"/{PROGRAM}/{name}")
        write_documents(tree, notices)
        size = sum(path.lstat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
        values = {
            "VERSION": about.version,
            "ARCHITECTURE": architecture,
            "SIZE": str(size),
            "DEPENDS": find_dependencies(tree / PROGRAM),
            "MAINTAINER": about.maintainer,
            "HOMEPAGE": about.homepage,
            "SUMMARY": about.summary.rstrip("."),
        }
        write_sums(tree)
        for name in ("control", "prerm", "postrm"):
            fill(HERE / "debian" / name, tree / "DEBIAN" / name, values)
        normalise(tree)
        for name in ("prerm", "postrm"):
            (tree / "DEBIAN" / name).chmod(0o755)
        package = out / f"mien_{about.version}_{architecture}.deb"
        command = ["dpkg-deb", "--root-owner-group", "-Zzstd", f"-z{LEVEL}", "--build", str(tree), str(package)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)
    return package


if __name__ == "__main__":
    if shutil.which("dpkg-shlibdeps") is None:
        raise SystemExit("dpkg-shlibdeps is missing: install dpkg-dev")
    print(build(*(Path(word).absolute() for word in sys.argv[1:5])))  # noqa: T201 - the answer of a script
