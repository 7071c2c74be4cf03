"""Which commands there are: our own, and those that installed packages bring.

A package names its commands in the entry-point group `mien.commands`, each as `name = "module"`. Such a module has what
`mien_cli.commands` asks of one, and `SUMMARY`, its line in `mien --help`, which is put before the line of the command
`BEFORE`. That list imports the modules of packages, so they import what they need only where they run.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from mien_cli.commands import SUMMARIES

if TYPE_CHECKING:
    from argparse import ArgumentParser

GROUP = "mien.commands"


class Command(Protocol):
    """What the module of every command has."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add options and actions, and set `run`: a function from the parsed arguments to the exit status."""
        ...


class BrokenCommand(Exception):
    """A command is named, and its module cannot be loaded."""


def find_module(name: str) -> str | None:
    """The module of a command; None when there is no such command. A package cannot replace one of ours."""
    if name in SUMMARIES:
        return f"mien_cli.commands.{name.replace('-', '_')}"
    return find_plugins().get(name)


def find_plugins() -> dict[str, str]:
    """Name → module of every entry point in the group `mien.commands`.

    Importing `importlib.metadata` takes half as long as all of `mien --help`, so the files are read here. Packages in
    eggs and in zip files are not looked at.
    """
    found: dict[str, str] = {}
    for folder in dict.fromkeys(sys.path):
        for path in list_entry_points(folder or "."):
            with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 as above: pathlib takes longer
                found = read_group(file.read()) | found
    return found


def list_entry_points(folder: str) -> list[str]:
    """The paths of the `entry_points.txt` files in one folder of `sys.path`; none where it cannot be read."""
    try:
        packages = sorted(name for name in os.listdir(folder) if name.endswith(".dist-info"))  # noqa: PTH208
    except OSError:
        return []
    paths = [os.path.join(folder, package, "entry_points.txt") for package in packages]  # noqa: PTH118
    return [path for path in paths if os.path.exists(path)]  # noqa: PTH110


def read_group(entry_points: str) -> dict[str, str]:
    """Name → module of our group.

    Source: the entry points specification, packaging.python.org/specifications/entry-points.
    """
    _, _, after = f"\n{entry_points}".partition(f"\n[{GROUP}]\n")
    lines = after.partition("\n[")[0].splitlines()
    pairs = [line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith(("#", ";"))]
    return {name.strip(): module.strip() for name, _, module in pairs}


def load_command(name: str, module: str) -> Command:
    """The module of a command.

    Raises:
        BrokenCommand: importing it fails, or it has no `add_arguments`.
    """
    try:
        loaded = import_module(module)
        if not callable(getattr(loaded, "add_arguments", None)):
            raise TypeError(f"{module} has no add_arguments")
    except Exception as error:
        raise BrokenCommand(f"the command {name!r} cannot be loaded: {error!r}") from error
    return cast("Command", loaded)


def list_summaries() -> dict[str, str]:
    """Name → line of every command, in the order of `mien --help`. One that cannot be loaded says so in its line."""
    listed = list(SUMMARIES.items())
    for name, module in sorted(find_plugins().items()):
        if name in SUMMARIES:
            continue
        try:
            command = load_command(name, module)
            summary, before = getattr(command, "SUMMARY", ""), getattr(command, "BEFORE", None)
        except BrokenCommand as error:
            summary, before = str(error), None
        names = [each for each, _ in listed]
        listed.insert(names.index(before) if before in names else len(listed), (name, summary))
    return dict(listed)
