"""`mien engines`: each engine's state, what it lacks, its licence, device and memory; and a check of its files."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping, Sequence

    from mien_pipeline.check_engine import Finding
    from mien_pipeline.engines.diffusion.measure.measured import LeftOut, Measured


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(metavar="ACTION")
    verbs.add_parser("list", help="every engine (the default)").set_defaults(run=run)
    check = verbs.add_parser("check", help="load every network of an engine, and say which file is wrong")
    check.add_argument("engine", metavar="NAME", help="see `mien engines`")
    check.add_argument(
        "--random",
        action="store_true",
        help="flux, klein: measure what each rung of the memory plan takes, with random values; needs no files",
    )
    check.add_argument(
        "--side",
        type=int,
        metavar="PX",
        help="of --random's working square (default: 1024; 256 where a processor computes)",
    )
    check.set_defaults(run=run_check)
    from mien_cli.engine_environment import add_actions

    add_actions(verbs)


def run_check(args: Namespace) -> int:
    """Check every file and network; exit status 1 where one is wrong or missing."""
    from dataclasses import asdict

    from mien_cli.in_process import open_store
    from mien_cli.output import print_answer
    from mien_cli.progress_bars import show_pull_progress
    from mien_core.errors import UnknownEngine
    from mien_pipeline.engines.registry import ENGINES

    if args.engine not in ENGINES:
        raise UnknownEngine(f"there is no engine called {args.engine!r}", field="engine", known=sorted(ENGINES))
    if args.random:
        return run_random(args)
    from mien_pipeline.check_engine import BAD, check_engine

    with show_pull_progress(quiet=args.json) as listen:
        found = check_engine(ENGINES[args.engine], open_store(args), on_verify=listen)
    is_good = not any(each.state in BAD for each in found)
    document = {"engine": args.engine, "good": is_good, "findings": [asdict(each) for each in found]}
    print_answer(args, document, findings_to_text(args.engine, found))
    return 0 if is_good else 1


def run_random(args: Namespace) -> int:
    """Measure every rung; exit status 1 where one of them failed.

    Raises:
        InvalidOptions: `field` names the flag.
        EngineUnavailable: `libraries` are not installed, or klein's networks take a processor minutes for each step.
        DiskFull: the file system keeps no holes, and has no room for the files.
    """
    from importlib import import_module

    from mien_cli.in_process import open_store
    from mien_cli.output import print_answer, print_note
    from mien_core.errors import EngineUnavailable, InvalidOptions
    from mien_pipeline.engines.registry import ENGINES

    entry = ENGINES[args.engine]
    if not entry.measure:
        raise InvalidOptions(f"{args.engine} has no rungs that are measured with random values", field="random")
    if args.side is not None and (not 256 <= args.side <= 2048 or args.side % 16):
        raise InvalidOptions("the working side is 256 to 2048 pixels, a multiple of 16", field="side")
    if missing := entry.missing_libraries:
        raise EngineUnavailable(f"{entry.name} needs {', '.join(missing)}", engine=entry.name, libraries=list(missing))
    from mien_pipeline.check_engine import take_portrait
    from mien_pipeline.engines.diffusion.measure.report import failures, row_of, to_text

    store = open_store(args)

    def tell(one: Measured | LeftOut) -> None:
        if not args.json:
            print_note(row_of(one))

    found = import_module(entry.measure).measure(store, take_portrait(store), args.side, tell)
    failed = failures(found)
    print_answer(args, {"engine": args.engine, "good": not failed, **found}, to_text(found))
    return 1 if failed else 0


def findings_to_text(engine: str, found: Sequence[Finding]) -> str:
    """A sentence for each that is not good, then the networks that were tried."""
    from textwrap import fill

    told = [each.said for each in found if each.said and each.state != "unverified"]
    if unverified := sorted({model for each in found if each.state == "unverified" for model in each.models}):
        told.append(f"No source has vouched for {', '.join(unverified)}; `mien models pull` asks.")
    said = [fill(each, 80, subsequent_indent="  ", break_on_hyphens=False) for each in told]
    files = [each for each in found if each.kind == "file"]
    good = sum(each.state == "good" for each in files)
    lines = [f"{engine}: {good} of {len(files)} files are what their source says."]
    for each in found:
        if each.kind == "network":
            held = f"{each.held_bytes / (1 << 30):7.3f} GiB" if each.held_bytes else ""
            lines.append(f"  {each.state:<10} {each.name:<28} {each.seconds:7.2f} s {held}".rstrip())
    return "\n".join([*said, *lines])


def run(args: Namespace) -> int:
    from mien_cli.in_process import open_store
    from mien_cli.output import print_answer
    from mien_pipeline.device import device_name
    from mien_pipeline.engines.readiness import describe_all
    from mien_pipeline.masks.rows import describe_masks
    from mien_pipeline.restorers.rows import describe_rows

    store = open_store(args)
    engines, restorers, masks = describe_all(store, device_name()), describe_rows(store), describe_masks(store)
    words = [to_text(engine, store.catalogue.bundles) for engine in engines]
    words += ["", "Restorers, for --restorer:", *(row_to_text(each) for each in restorers)]
    words += ["", "Masks, for --mask:", *(row_to_text(each) for each in masks)]
    return print_answer(args, {"engines": engines, "restorers": restorers, "masks": masks}, "\n".join(words))


def row_to_text(row: dict[str, Any]) -> str:
    """A restorer or a mask in lines of 80 columns."""
    from textwrap import fill

    told = [row["summary"], row["licence"]]
    lines = [fill(line, 80, initial_indent=" " * 4, subsequent_indent=" " * 6, break_on_hyphens=False) for line in told]
    names = " ".join(row["missing_models"])
    command = f"\n    lacks {names}; to get it:\n      mien models pull {names}" if names else ""
    return "\n".join([f"{row['name']}  {row['state']}", *lines]) + command


def to_text(engine: dict[str, Any], bundles: Mapping[str, Sequence[str]]) -> str:
    """An engine in lines of 80 columns; a command to paste stays on one line."""
    from textwrap import fill

    memory = engine["memory_bytes"] / (1 << 30)
    told = [engine["summary"], f"{engine['device']}, {memory:.2g} GiB; {engine['licence']}"]
    if engine["options"]:
        told.append(f"--set {', '.join(engine['options'])}")
    if len(presets := engine["presets"]) > 1:
        told += [f"preset {each['name']}: {each['origin']}" for each in presets]
    command = ""
    if engine["state"] == "outdated":
        told.append("its environment is of another version of Mien; to make it anew:")
        command = f"\n      mien engines install {engine['name']}"
    elif engine["missing_libraries"]:
        told.append(f"lacks {', '.join(engine['missing_libraries'])}; Mien's extra `gpu` brings them, or:")
        command = f"\n      mien engines install {engine['name']}"
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
