"""`mien engines install`, `remove`, `export` and `import`: the environment that engines with torch run in."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, _SubParsersAction  # pyright: ignore[reportPrivateUsage]

    from mien_models.environments.environment import EngineEnvironment
    from mien_models.remote.network import Network


def add_actions(verbs: _SubParsersAction[ArgumentParser]) -> None:
    install = verbs.add_parser("install", help="fetch what an engine runs on, into an environment of its own")
    install.add_argument("engine", metavar="NAME", help="see `mien engines`")
    devices = ("auto", "cuda", "rocm", "xpu", "mps", "cpu")
    install.add_argument("--device", choices=devices, default="auto", help="what torch is for (default: what is found)")
    install.set_defaults(run=run_install)
    remove = verbs.add_parser("remove", help="remove an engine's environment; its models stay")
    remove.add_argument("engine", metavar="NAME")
    remove.set_defaults(run=run_remove)
    export = verbs.add_parser("export", help="write the packages to a folder, for a machine without network")
    export.add_argument("folder", metavar="DIR", type=Path)
    export.set_defaults(run=run_export)
    take = verbs.add_parser("import", help="take the packages of such a folder")
    take.add_argument("folder", metavar="DIR", type=Path)
    take.set_defaults(run=run_import)


def run_install(args: Namespace) -> int:
    from mien_cli.output import print_answer, print_note
    from mien_cli.progress_bars import show_pull_progress
    from mien_models.environments.cards import choose_device, find_card
    from mien_pipeline.engines.readiness import require_installable

    require_installable(args.engine)
    environment, network = open_environment(args)
    card = find_card()
    device = choose_device(args.device, card)
    print_note(f"Found: {card.why}. The environment is for {device}.")
    with show_pull_progress(quiet=args.json) as listen:
        made = environment.install(args.engine, device, network=network, on_progress=listen)
    words = f"{args.engine}: torch {made.torch} runs on {made.found}"
    if made.found == "cpu" != device:
        print_note(f"It was made for {device}, and its torch finds no such device: look at the driver.")
    return print_answer(args, {**made.model_dump(), "card": card.why}, words)


def run_remove(args: Namespace) -> int:
    from mien_cli.output import print_answer
    from mien_pipeline.engines.readiness import require_installable

    require_installable(args.engine)
    environment, _ = open_environment(args)
    gone = environment.remove(args.engine)
    words = "the environment is gone" if gone else "another engine still uses the environment"
    return print_answer(args, {"engine": args.engine, "removed": gone}, words)


def run_export(args: Namespace) -> int:
    from mien_cli.output import print_answer
    from mien_cli.progress_bars import show_pull_progress
    from mien_models.environments.offline_set import export_wheels

    environment, network = open_environment(args)
    with show_pull_progress(quiet=args.json) as listen:
        names = export_wheels(environment, args.folder, network=network, on_progress=listen)
    return print_answer(args, {"files": names, "folder": str(args.folder)}, f"{len(names)} packages in {args.folder}")


def run_import(args: Namespace) -> int:
    from mien_cli.output import print_answer
    from mien_models.environments.offline_set import import_wheels

    environment, _ = open_environment(args)
    names = import_wheels(environment, args.folder)
    words = f"{len(names)} packages are here; `mien engines install NAME` needs no network now"
    return print_answer(args, {"files": names}, words)


def continue_in_environment(args: Namespace, engine: str) -> int | None:
    """The exit status of this very command in the engine's environment; None where the engine can run here.

    Only a command that has the process to itself is begun again.
    """
    from mien_pipeline.engines.registry import ENGINES
    from mien_pipeline.options import AUTO

    if not args.owns_process or engine == AUTO or not ENGINES[engine].missing_libraries:
        return None
    import subprocess
    import sys

    from mien_core.program import command_for, windowless

    environment, _ = open_environment(args)
    if not environment.serves(engine):
        return None
    command = [*command_for("mien", interpreter=environment.python), *sys.argv[1:]]
    return subprocess.run(command, check=False, **windowless()).returncode


def open_environment(args: Namespace) -> tuple[EngineEnvironment, Network | None]:
    """The environment of the models folder that flags and environment name; no network where it is switched off."""
    from mien_cli.in_process import load_config
    from mien_models.environments.environment import EngineEnvironment
    from mien_models.remote.network import Network

    config = load_config(args)
    return EngineEnvironment(config.folders.models), None if config.settings.offline else Network()
