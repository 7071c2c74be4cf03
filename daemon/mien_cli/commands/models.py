"""`mien models`: fetch, check, carry and remove weight files; read and accept their licences."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mien_cli.in_process import open_store

if TYPE_CHECKING:
    from argparse import ArgumentParser, _SubParsersAction  # pyright: ignore[reportPrivateUsage] it has no public name

    from mien_models.local.listing import ModelState
    from mien_models.store import ModelStore

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def add_arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="ACTION", required=True)
    add_action(verbs, "list", run_list, "every model and bundle: installed or not, its licence, its size")
    pull = add_action(verbs, "pull", run_pull, "fetch models or bundles; continues where an earlier pull stopped")
    pull.add_argument("names", nargs="+", metavar="NAME")
    pull.add_argument(
        "--limit-rate", type=parse_rate, metavar="BYTES", help="at most so many bytes a second, such as 500k, 2.5m, 1g"
    )
    pause = add_action(verbs, "pause", run_pause, "end a pull that another process runs; what was fetched stays")
    pause.add_argument("names", nargs="+", metavar="NAME")
    verify = add_action(verbs, "verify", run_verify, "hash what is installed; a changed file goes to quarantine")
    verify.add_argument("names", nargs="*", metavar="NAME")
    verify.add_argument("--sums", action="store_true", help="print lines for `sha256sum -c` and hash nothing")
    add_action(verbs, "import", run_import, "install from a folder, a stick or a file").add_argument(
        "path", type=Path, metavar="PATH"
    )
    export = add_action(verbs, "export", run_export, "copy installed models to a folder that import takes")
    export.add_argument("names", nargs="+", metavar="NAME")
    export.add_argument("path", type=Path, metavar="PATH")
    export.add_argument(
        "--exists",
        choices=("replace", "fail"),
        default="fail",
        help="what to do with a file in the way that no export wrote (default: %(default)s)",
    )
    adopt = add_action(verbs, "adopt", run_adopt, "link what another program has fetched, without a copy")
    adopt.add_argument(
        "path", type=Path, nargs="?", metavar="PATH", help="a models folder (default: Hugging Face's own cache)"
    )
    add_action(verbs, "remove", run_remove, "uninstall a model; ends its pull and drops what was fetched").add_argument(
        "name", metavar="NAME"
    )
    licence = add_action(verbs, "licence", run_licence, "read a model's licence, or accept it")
    licence.add_argument("name", metavar="NAME")
    licence.add_argument("--accept", action="store_true", help="record that these words were read and accepted")
    tiny = add_action(verbs, "make-tiny", run_make_tiny, "write small random weights in an engine's real layouts")
    tiny.add_argument("path", type=Path, metavar="DIR")
    tiny.add_argument("--engine", choices=("flux", "klein"), default="flux", help="whose (default: %(default)s)")
    token = add_action(verbs, "token", run_token, "keep the Hugging Face token that gated models need")
    token.add_argument("--forget", action="store_true", help="remove it")


def add_action(verbs: _SubParsersAction[ArgumentParser], name: str, run: object, summary: str) -> ArgumentParser:
    parser: ArgumentParser = verbs.add_parser(name, help=summary)
    parser.set_defaults(run=run)
    return parser


def parse_rate(text: str) -> float:
    """Bytes a second, read from 800, 500k, 2.5M or 1g."""
    from argparse import ArgumentTypeError

    number, unit = (text[:-1], text[-1:].lower()) if text[-1:].lower() in _UNITS else (text, "")
    try:
        rate = float(number) * _UNITS[unit]
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise ArgumentTypeError("a rate is a number of bytes above 0, such as 500k, 2.5m or 1g")
    return rate


def run_list(args: Namespace) -> int:
    from mien_cli.output import print_answer

    store = open_store(args)
    models, bundles = store.states(), store.catalogue.bundles
    document = {"models": [model.model_dump(mode="json") for model in models], "bundles": bundles}
    lines = [model_to_text(model) for model in models] + [bundle_to_text(name, bundles[name]) for name in bundles]
    return print_answer(args, document, "\n".join(lines))


def run_pull(args: Namespace) -> int:
    from mien_cli.progress_bars import show_pull_progress

    store = open_store(args)
    with show_pull_progress(quiet=args.json) as listen:
        store.pull(args.names, listen, bytes_per_s=args.limit_rate)
    return print_models(args, store, store.catalogue.resolve(args.names))


def run_pause(args: Namespace) -> int:
    store = open_store(args)
    models = store.catalogue.resolve(args.names)
    for model in models:
        store.pause(model)
    return print_models(args, store, models)


def run_verify(args: Namespace) -> int:
    from mien_cli.output import print_answer
    from mien_cli.progress_bars import show_pull_progress

    store = open_store(args)
    if args.sums:
        sums = store.checksums()
        return print_answer(args, {"sums": sums, "models_dir": str(store.root)}, sums.removesuffix("\n"))
    with show_pull_progress(quiet=args.json) as listen:
        checked = store.verify(args.names or None, listen)
    words = [f"{'ok' if one.ok else one.state.upper():<11} {one.model}/{one.file}" for one in checked]
    document = {"files": [one.model_dump() for one in checked], "models_dir": str(store.root)}
    print_answer(args, document, "\n".join(words) or "nothing is installed")
    return 0 if all(one.ok for one in checked) else 1


def run_import(args: Namespace) -> int:
    from mien_cli.progress_bars import show_pull_progress

    store = open_store(args)
    with show_pull_progress(quiet=args.json) as listen:
        names = store.import_from(args.path, listen)
    return print_models(args, store, names)


def run_export(args: Namespace) -> int:
    from mien_cli.output import print_answer
    from mien_cli.progress_bars import show_pull_progress

    with show_pull_progress(quiet=args.json) as listen:
        names = open_store(args).export_to(args.names, args.path, listen, replace=args.exists == "replace")
    return print_answer(args, {"path": str(args.path), "models": names}, f"{args.path}: {', '.join(names)}")


def run_make_tiny(args: Namespace) -> int:
    from importlib import import_module

    from mien_cli.output import print_answer
    from mien_core.errors import EngineUnavailable
    from mien_pipeline.engines.registry import ENGINES

    if missing := ENGINES[args.engine].missing_libraries:
        raise EngineUnavailable(
            f"{args.engine} needs {', '.join(missing)}", engine=args.engine, libraries=list(missing)
        )
    bundle = import_module(f"mien_pipeline.engines.{args.engine}.tiny.bundle")
    catalogue = bundle.make_tiny(args.path)
    install = f"MIEN_CATALOGUE={catalogue} mien models pull {bundle.BUNDLE}"
    return print_answer(args, {"catalogue": str(catalogue), "bundle": bundle.BUNDLE, "command": install}, install)


def run_adopt(args: Namespace) -> int:
    from mien_cli.progress_bars import show_pull_progress
    from mien_models.exchange.other_caches import hub_cache

    store = open_store(args)
    with show_pull_progress(quiet=args.json) as listen:
        names = store.adopt(args.path or hub_cache(), listen)
    return print_models(args, store, names)


def run_remove(args: Namespace) -> int:
    store = open_store(args)
    store.remove(args.name)
    return print_models(args, store, [args.name])


def run_licence(args: Namespace) -> int:
    from mien_cli.output import print_answer
    from mien_cli.progress_bars import show_pull_progress
    from mien_core.errors import LicenceNotAccepted

    store = open_store(args)
    with show_pull_progress(quiet=args.json) as listen:
        licence = store.licence(args.name, listen)
    words = f"{licence.name}\n{licence.url}\n{licence.note}\n\n{licence.text}".rstrip()
    if not args.accept:
        return print_answer(args, licence.model_dump(mode="json"), words)
    if licence.sha256 is None:
        raise LicenceNotAccepted(f"{licence.name} has no text to accept, only a page", url=licence.url)
    accepted = store.accept_licence(args.name, licence.sha256)
    document = licence.model_copy(update={"accepted_at": accepted.accepted_at}).model_dump(mode="json")
    return print_answer(args, document, f"{words}\n\naccepted at {accepted.accepted_at:%Y-%m-%d %H:%M} UTC")


def run_token(args: Namespace) -> int:
    """Keep the token, which is typed or piped in: a process list would show an argument."""
    import getpass
    import sys

    from mien_cli.output import print_answer
    from mien_models.remote.token import forget_token, keep_token

    if args.forget:
        forget_token()
        return print_answer(args, {"kept": False}, "forgotten")
    token = getpass.getpass("Hugging Face token: ") if sys.stdin.isatty() else sys.stdin.readline().strip()
    keep_token(token)
    return print_answer(args, {"kept": True}, "kept in the system's secret store")


def print_models(args: Namespace, store: ModelStore, names: Sequence[str]) -> int:
    from mien_cli.output import print_answer

    models = store.states(names)
    document = {"models": [model.model_dump(mode="json") for model in models]}
    words = "\n".join(model_to_text(model) for model in models)
    return print_answer(args, document, words or "what was found completes no model")


def bundle_to_text(name: str, models: Sequence[str]) -> str:
    from textwrap import fill

    return fill(
        f"{'bundle':<11} {'':>9}  {name}: {', '.join(models)}", 80, subsequent_indent=" " * 23, break_on_hyphens=False
    )


def model_to_text(model: ModelState) -> str:
    from rich.filesize import decimal

    # What the weights take in memory is about their size, until their source tells the files' own.
    size = decimal(model.size) if model.size else f"~{decimal(model.memory_mib * 2**20)}"
    notes = ["any use" if model.commercial_use else "not for commercial use"]
    if model.licence_accepted is not None:
        notes.append("accepted" if model.licence_accepted else "to be accepted")
    if model.gated:
        notes.append("its source asks who you are")
    if model.state == "unverified":
        notes.append("no source has vouched for it; a pull asks its source")
    elif not all(file.sha256 for file in model.files):
        notes.append("digests are locked on the first pull")
    return f"{model.state:<11} {size:>9}  {model.name}: {model.title}\n{'':23}{model.licence} ({', '.join(notes)})"
