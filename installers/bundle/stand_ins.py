"""The libraries of a wheel without those that no picture needs: `python stand_ins.py EXTENSION FOLDER OUT`.

OpenCV's wheel brings FFmpeg, which only its readers and writers of clips call, and a BLAS, which it calls for matrices
of 25 rows and more. The system's linker wants every symbol of theirs when `cv2` is loaded, so they cannot just
be left out: a library with the same name and the same symbols, of a few kilobytes, takes the place of each. What
calls one of those symbols ends its process with a sentence. Nothing in Mien does, and `cv2` itself is the published
file, so its pixels are the same.

`OUT` gets the stand-ins and what is still needed of `FOLDER`, where the wheel keeps its libraries. Linux only: it
asks `readelf` and `cc`.
"""

import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

UNUSED = re.compile(r"lib(avcodec|avdevice|avformat|avutil|swscale|openblas)")
NEEDED = re.compile(r"\(NEEDED\).*\[(.+)\]")
SYMBOL = re.compile(r" (GLOBAL|WEAK) +\S+ +(?P<section>\S+) (?P<name>[^@\s]+)(@+(?P<version>\S+))?")
REFUSE = """#include <stdio.h>
#include <stdlib.h>
static void refuse(const char *name) {
    fprintf(stderr, "mien: something called %s, whose library the package leaves out\\n", name);
    abort();
}
"""


def read_elf(path: Path, part: str) -> str:
    return subprocess.run(["readelf", "--wide", part, path], capture_output=True, text=True, check=True).stdout


def read_needed(path: Path) -> list[str]:
    """The names of the libraries that a binary links."""
    return NEEDED.findall(read_elf(path, "--dynamic"))


def read_symbols(path: Path, *, wanted: bool) -> dict[str, str]:
    """What a binary wants of others, or else gives to them: names with versions, "" where one has none."""
    found = map(SYMBOL.search, read_elf(path, "--dyn-syms").splitlines())
    return {one["name"]: one["version"] or "" for one in found if one and (one["section"] == "UND") is wanted}


def find_reached(extension: Path, folder: Path) -> set[str]:
    """The libraries of the folder that are still loaded, by the extension or by one another."""
    reached: set[str] = set()
    waiting = [extension]
    while waiting:
        names = {name for name in read_needed(waiting.pop()) if (folder / name).is_file() and not UNUSED.match(name)}
        waiting += [folder / name for name in names - reached]
        reached |= names
    return reached


def write_sources(symbols: dict[str, str], out: Path) -> tuple[Path, Path]:
    """A program text that has these symbols, and the linker's script that gives them their versions."""
    versions: dict[str, list[str]] = defaultdict(list)
    for name, version in sorted(symbols.items()):
        versions[version].append(name)
    source, script = out / "stand_in.c", out / "stand_in.map"
    functions = (f'void {name}(void) {{ refuse("{name}"); }}\n' for name in sorted(symbols))
    source.write_text(REFUSE + "".join(functions), encoding="ascii")
    parts = (f"{version} {{ global: {'; '.join(names)}; local: *; }};\n" for version, names in versions.items())
    script.write_text("".join(parts), encoding="ascii")
    return source, script


def write_stand_in(name: str, symbols: dict[str, str], out: Path) -> None:
    """Build a library of that name with these symbols and no others."""
    source, script = write_sources(symbols, out)
    options = ["-shared", "-fPIC", "-O2", "-s", f"-Wl,-soname={name}", f"-Wl,--version-script={script}"]
    subprocess.run(["cc", *options, "-o", out / name, source], check=True)
    source.unlink()
    script.unlink()


def main(extension: Path, folder: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in find_reached(extension, folder):
        shutil.copy2(folder / name, out / name)
    wanted = read_symbols(extension, wanted=True)
    for name in filter(UNUSED.match, read_needed(extension)):
        given = read_symbols(folder / name, wanted=False)
        write_stand_in(name, {symbol: wanted[symbol] for symbol in wanted if symbol in given}, out)


if __name__ == "__main__":
    main(*(Path(word).absolute() for word in sys.argv[1:4]))
