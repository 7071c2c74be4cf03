"""Licences of everything that the bundle holds: `python installers/notices.py > NOTICES`, in its environment."""

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

RULE = "=" * 100
IS_LICENCE = ("licen", "copying", "notice", "authors")


def find_distributions(name: str, extras: frozenset[str] = frozenset()) -> dict[str, Distribution]:
    """A distribution and all that it needs here, by canonical name."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(f"{name}[{','.join(sorted(extras))}]" if extras else name)]
    while waiting:
        wanted = waiting.pop()
        key = canonicalize_name(wanted.name)
        if key in found:
            continue
        found[key] = distribution(wanted.name)
        for line in requires(wanted.name) or ():
            each = Requirement(line)
            chosen = [{"extra": extra} for extra in wanted.extras] or [{"extra": ""}]
            if each.marker is None or any(each.marker.evaluate(one) for one in chosen):
                waiting.append(each)
    return dict(sorted(found.items()))


def read_texts(one: Distribution) -> Iterator[tuple[str, str]]:
    """Path and words of each licence file of a distribution."""
    for path in one.files or ():
        is_named = any(word in path.name.lower() for word in IS_LICENCE) and path.suffix in {"", ".txt", ".md", ".rst"}
        if is_named and (found := Path(str(one.locate_file(path)))).is_file():
            yield str(path), found.read_text(encoding="utf-8", errors="replace")


def describe(one: Distribution) -> str:
    """Name, version, licence and every text of a distribution."""
    about = one.metadata
    licence = about.get("License-Expression") or about.get("License") or "see below"
    texts = [f"--- {path}\n\n{text.strip()}\n" for path, text in read_texts(one)]
    return "\n".join([RULE, f"{about['Name']} {about['Version']}: {licence.splitlines()[0]}", RULE, *texts])


def main() -> int:
    extras = frozenset(sys.argv[1:])
    sys.stdout.write("Mien is under the Apache License 2.0. The packaged program also holds what follows.\n\n")
    for name, one in find_distributions("mien", extras).items():
        if name != "mien":
            sys.stdout.write(describe(one) + "\n")
    python = Path(sys.base_prefix) / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/LICENSE.txt"
    text = python.read_text(encoding="utf-8") if python.is_file() else "https://docs.python.org/3/license.html"
    sys.stdout.write(f"{RULE}\nPython {sys.version.split()[0]}\n{RULE}\n{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
