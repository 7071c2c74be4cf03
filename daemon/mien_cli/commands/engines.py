"""`mien engines`: each engine's state, what it lacks, its licence, device and memory."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping, Sequence


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.in_process import open_store
    from mien_cli.output import print_answer
    from mien_pipeline.device import device_name
    from mien_pipeline.engines.readiness import describe
    from mien_pipeline.engines.registry import ENGINES

    store = open_store(args)
    device = device_name()
    engines = [describe(entry, store, device) for entry in ENGINES.values()]
    return print_answer(
        args, {"engines": engines}, "\n".join(to_text(engine, store.catalogue.bundles) for engine in engines)
    )


def to_text(engine: dict[str, Any], bundles: Mapping[str, Sequence[str]]) -> str:
    """An engine in lines of 80 columns; a command to paste stays on one line."""
    from textwrap import fill

    memory = engine["memory_bytes"] / (1 << 30)
    told = [engine["summary"], f"{engine['device']}, {memory:.2g} GiB; {engine['licence']}"]
    if engine["options"]:
        told.append(f"--set {', '.join(engine['options'])}")
    command = ""
    if engine["missing_libraries"]:
        told.append(f"lacks {', '.join(engine['missing_libraries'])}; Mien's extra `gpu` brings them")
    elif engine["missing_models"]:
        told.append(f"lacks {', '.join(engine['missing_models'])}; to get them:")
        command = f"\n      mien models pull {name_shortest(engine['missing_models'], bundles)}"
    if unverified := engine["unverified_models"]:
        told.append(f"unverified: {', '.join(unverified)}; no source has vouched for them, `mien models pull` asks")
    lines = [fill(line, 80, initial_indent=" " * 4, subsequent_indent=" " * 6, break_on_hyphens=False) for line in told]
    return "\n".join([f"{engine['name']}  {engine['state']}", *lines]) + command


def name_shortest(models: Sequence[str], bundles: Mapping[str, Sequence[str]]) -> str:
    """The shortest argument of `mien models pull` for these models: a bundle of exactly them, or each name."""
    whole = [name for name, members in bundles.items() if len(members) > 1 and set(members) == set(models)]
    return whole[0] if whole else " ".join(models)
