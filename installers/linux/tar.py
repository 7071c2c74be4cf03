"""An archive for other Linux systems, installed for one user by its script: `tar.py BUNDLE ICONS NOTICES OUT`."""

import os
import platform
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from tree import HERE, ROOT, lay_out, normalise, read_about

# `install.sh` puts the place in, which is known then.
PLACE = "@PLACE@"


def build(bundle: Path, icons: Path, notices: Path, out: Path) -> Path:
    """Build the archive; its path in `out`."""
    about = read_about(bundle)
    name = f"mien-{about.version}-linux-{platform.machine()}"
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / name
        tree.mkdir()
        lay_out(bundle, icons, tree / "program", tree, PLACE)
        shutil.copy(notices, tree / "NOTICES")
        shutil.copy(ROOT / "LICENSE", tree)
        for script in ("install.sh", "uninstall.sh"):
            shutil.copy(HERE / script, tree)
        normalise(tree)
        archive = out / f"{name}.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=6) as writing:
            writing.add(tree, name, filter=_belong_to_root)
    return archive


def _belong_to_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


if __name__ == "__main__":
    os.umask(0o022)
    print(build(*(Path(word).absolute() for word in sys.argv[1:5])))  # noqa: T201 - the answer of a script
