"""`mien engines`: every engine, ready or what it lacks, its licence, device and memory."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien_daemon.cli import Commands


def add_to(commands: Commands) -> None:
    summary = "every engine: ready, or what it lacks"
    commands.add_parser("engines", help=summary, description=f"{summary.capitalize()}.").set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_daemon.answer import answer
    from mien_daemon.commands.local import open_store
    from mien_daemon.engines import describe
    from mien_pipeline.device import device_name
    from mien_pipeline.engines import ENGINES

    store = open_store(args)
    device = device_name()
    engines = [describe(entry, store, device) for entry in ENGINES.values()]
    return answer(args, {"engines": engines}, "\n".join(words(engine) for engine in engines))


def words(engine: dict[str, Any]) -> str:
    lacks = ""
    if engine["missing_libraries"]:
        lacks = f": lacks {', '.join(engine['missing_libraries'])}; pip install 'mien[gpu]'"
    elif engine["missing_models"]:
        lacks = f": lacks {', '.join(engine['missing_models'])}; mien models pull {' '.join(engine['missing_models'])}"
    memory = engine["memory_bytes"] / (1 << 30)
    own = ", ".join(engine["options"])
    options = f"\n    --set {own}" if own else ""
    return (
        f"{engine['name']}  {engine['state']}{lacks}\n"
        f"    {engine['summary']}\n    {engine['device']}, {memory:.2g} GiB; {engine['licence']}{options}"
    )
