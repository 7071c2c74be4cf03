"""From a run that was asked for to one that is done: the folder, the journal, the workers, the reports."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, Any

from mien_api.folders import make_private
from mien_cli.batch.clips import ClipCommand, SwapsClips, list_words, turn_into_swap
from mien_cli.batch.cluster.begin import Begin
from mien_cli.batch.cluster.clips import ClipRun, ClusterClips, find_run
from mien_cli.batch.cluster.hands import ClusterHands
from mien_cli.batch.cluster.place import Cluster, require_allowed
from mien_cli.batch.cluster.statement import require_elsewhere, state_consents
from mien_cli.batch.inputs import InputFile
from mien_cli.batch.journal import FileRow, Journal, open_journal
from mien_cli.batch.names import ResultNames
from mien_cli.batch.prepare import Wanted
from mien_cli.batch.report import RunReport, describe_item, refuse_foreign_reports, write_reports
from mien_cli.batch.run import Ask, FolderRun, Item, RunStopped
from mien_cli.batch.sheet import list_asides
from mien_cli.batch.workers import Hands, Workers
from mien_cli.in_process import fetch_needed, load_config, open_store
from mien_cli.interrupts import INTERRUPTS
from mien_cli.log_file import log_to_file
from mien_cli.output import print_answer, print_note
from mien_cli.result_file import FORMATS, make_folder
from mien_core.errors import DiskFull, MienError, OutputNotWritable
from mien_core.files import remove_halves_of
from mien_core.outputs import Exists
from mien_daemon.config import Config
from mien_daemon.pictures.reader import PictureReader
from mien_daemon.state.run_folder import RunFolder, open_run_folder
from mien_daemon.worker.count import count_workers
from mien_daemon.worker.devices import list_devices
from mien_pipeline.choice.choose import list_possible
from mien_pipeline.device import device_name
from mien_pipeline.option_parts import require_parts
from mien_pipeline.trust.authority import Authority

LOG = "batch.log"


def start(args: Namespace, wanted: Wanted) -> int:
    """Get ready, do the run, write the reports and print what it came to; the exit status.

    Raises:
        MienError: nothing could be begun, and nothing was written.
        KeyboardInterrupt: the person stopped it; the journal and the reports say how far it came.
    """
    config = load_config(args)
    if args.on:
        require_allowed(args.on, offline=config.settings.offline)
        require_elsewhere(args.on, stated=args.elsewhere)
    make_private(config.folders.state)
    store = open_store(args)
    require_parts(wanted.options, store)
    fetch_needed(store, wanted.options.engine, quiet=args.json)
    Authority(config.folders.state).hold()  # results are signed at their very end: a key that is not there is said now
    log_to_file(args)
    return run_in_folder(args, config, wanted)


def run_in_folder(args: Namespace, config: Config, wanted: Wanted) -> int:
    """The run in its folder, which is made; raises as `start`."""
    is_new = not wanted.folder.is_dir()
    make_folder(wanted.folder)
    try:
        with open_journal(wanted.folder) as journal:
            return begin(args, config, wanted, journal)
    except MienError:
        if is_new:
            remove_empty(wanted.folder)
        raise


def begin(args: Namespace, config: Config, wanted: Wanted, journal: Journal) -> int:
    """The run with its open journal; where nothing comes of it, nothing is left of it."""
    try:
        if wanted.exists is not Exists.REPLACE:
            refuse_foreign_reports(wanted.folder)
        report = do_run(args, config, wanted, journal)
        if report.error and not journal.has_results:
            raise report.error
    except MienError:
        journal.is_unwanted = not journal.has_results
        raise
    document = report.to_document()
    with suppress(DiskFull, OutputNotWritable) if report.error else nullcontext():
        write_reports(wanted.folder, document, report.items)
    print_answer(args, document, to_text(wanted.folder, document))
    return report.status


def do_run(args: Namespace, config: Config, wanted: Wanted, journal: Journal) -> RunReport:
    """Bring every input to its end, or say why the run stopped; an interruption writes the reports and goes on."""
    items, names = list_items(wanted, journal)
    began = time.monotonic()
    found = wanted.found

    def report(error: MienError | None = None) -> RunReport:
        seconds = time.monotonic() - began
        return RunReport(items, seconds, len(found.others), len(found.linked_folders), error)

    with open_run_folder(config.folders.state) as spool, open_log(config.folders.logs) as log:
        ask = lay_out(wanted, spool)
        engines = list_possible(wanted.options, open_store(args))
        accelerated = any(entry.libraries for entry in engines) and device_name() != "cpu"
        need = max(entry.memory_bytes for entry in engines)
        most = count_workers(args.workers, need, accelerated=accelerated)
        count = min(most, len(items))
        words = [*list_words(args), "--workers", str(max(1, most // len(items)))]
        workers: Hands = Workers(config, count, [spool.pictures, spool.private], log)
        clips: SwapsClips = ClipCommand(words, log)
        if args.on:
            begin = describe_begin(args, config, wanted, ask, args.on, count)
            home = None if args.on.is_own else Workers(config, 1, [spool.pictures, spool.private], log)
            workers = cluster = ClusterHands(begin, home, log)
            clips = lead_clips(args, wanted, cluster, spool, log)
        reader = PictureReader([spool.pictures])
        with show_items(len(items), quiet=args.json) as on_item:
            run = FolderRun(
                wanted.folder, found.roots, spool.pictures, ask, wanted.exists, wanted.inputs, journal, names, workers,
                reader, clips, on_item,
            )  # fmt: skip
            try:
                asyncio.run(run_to_end(run, items))
            except RunStopped as stopped:
                return report(stopped.error)
            except KeyboardInterrupt:
                with suppress(DiskFull, OutputNotWritable):
                    write_reports(wanted.folder, report().to_document(), items)
                raise
    return report()


def describe_begin(args: Namespace, config: Config, wanted: Wanted, ask: Ask, cluster: Cluster, count: int) -> Begin:
    """What a cluster is told of the run; raises as `state_consents` does."""
    found = list_devices(config.settings.devices)
    return Begin(
        address=cluster.address,
        models_dir=str(config.folders.models),
        state_dir=str(config.folders.state),
        worker=config.worker,
        engine=wanted.options.engine,
        devices=[dict(found[at % len(found)].environment) for at in range(count)] if cluster.is_own else [],
        references=[[str(path) for path in person] for person in ask.references],
        likes=[str(path) for path in ask.likes],
        consents=state_consents(args),
    )


def lead_clips(
    args: Namespace, wanted: Wanted, cluster: ClusterHands, spool: RunFolder, log: IO[bytes] | None
) -> ClusterClips:
    """What has clips made on a cluster; one process of this machine leads each."""
    command = ClipCommand([*list_words(args), "--workers", "1"], log)

    def find(clip: Path, made: Path) -> ClipRun:
        return find_run(turn_into_swap(args, clip, made), wanted.people, wanted.alike)

    return ClusterClips(command, cluster, find, spool.pictures)


async def run_to_end(run: FolderRun, items: Sequence[Item]) -> None:
    """The run, and the end of its processes."""
    try:
        await run.run(items)
    finally:
        await run.workers.close()
        await run.reader.close()


def list_items(wanted: Wanted, journal: Journal) -> tuple[list[Item], ResultNames]:
    """Every input with its row and its name; what a dead run left half written is removed."""
    for output in journal.find_announced():
        remove_halves_of(wanted.folder / output)
    files = wanted.found.files
    rows = journal.enter([(os.path.abspath(file.path), wanted.find_key(file)) for file in files])  # noqa: PTH100
    names = ResultNames(wanted.pattern)
    return [make_item(wanted, file, row, names) for file, row in zip(files, rows, strict=True)], names


def make_item(wanted: Wanted, file: InputFile, row: FileRow, names: ResultNames) -> Item:
    values = {
        "name": file.path.stem,
        "face": wanted.label,
        "engine": wanted.options.engine,
        "number": f"{row.number:04}",
    }
    suffix = f".{wanted.clip_format}" if file.is_clip else choose_suffix(wanted.options.format or file.kind)
    return Item(file, row, names.reserve(wanted.folder / file.folder, values, suffix), suffix)


def choose_suffix(kind: str) -> str:
    """The ending of a result that keeps its picture's format, as far as that can be marked."""
    kept = kind if kind in FORMATS.values() else {"heif": "jpeg"}.get(kind, "png")
    return next(suffix for suffix, name in FORMATS.items() if name == kept)


def lay_out(wanted: Wanted, spool: RunFolder) -> Ask:
    """Put the references where the workers may read them; those of the library where opened ones may lie."""
    people: list[list[Path]] = []
    for number, (person, is_kept) in enumerate(zip(wanted.people, wanted.kept, strict=True)):
        folder = spool.private if is_kept else spool.pictures
        people.append([write(folder / f"{number}-{at}.reference", picture) for at, picture in enumerate(person)])
    likes = [write(spool.pictures / f"{at}.like", picture) for at, picture in enumerate(wanted.alike)]
    return Ask(people, likes, wanted.options.model_dump(mode="json", exclude_unset=True))


def write(path: Path, data: bytes) -> Path:
    path.touch(0o600)
    path.write_bytes(data)
    return path


def remove_empty(folder: Path) -> None:
    """Remove a folder, and folders in it, as far as nothing lies in them."""
    for below, _, _ in list(os.walk(folder, topdown=False)):
        with suppress(OSError):
            Path(below).rmdir()


@contextmanager
def open_log(logs: Path) -> Generator[IO[bytes] | None]:
    """What workers have to say goes to a file of this user; to standard error where there can be none."""
    try:
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (logs / LOG).open("ab")
    except OSError:
        yield None
        return
    with file:
        yield file


@contextmanager
def show_items(total: int, *, quiet: bool) -> Generator[Callable[[Item], None]]:
    """Show a bar on a terminal; elsewhere a line for each input. What failed has its line everywhere."""
    if quiet:
        yield lambda _: INTERRUPTS.check()
        return
    if not sys.stderr.isatty():

        def write_line(item: Item) -> None:
            INTERRUPTS.check()
            print_note(describe_line(item))

        yield write_line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)

        def show(item: Item) -> None:
            INTERRUPTS.check()
            progress.advance(task)
            if item.state == "failed":
                progress.console.print(describe_line(item), markup=False)

        yield show


def describe_line(item: Item) -> str:
    """One finished input in a line."""
    told = describe_item(item)
    if item.state == "failed":
        problem = told["problem"] or {}
        return f"{told['input']}: {problem.get('detail') or problem.get('title')} ({told['code']})"
    likeness = f" ({told['identity']['to_reference']:.2f} like the reference)" if told["identity"] else ""
    skipped = ", skipped" if item.state == "skipped" else ""
    return f"{told['input']} → {told['output']}{skipped}{likeness}"


def to_text(folder: Path, document: Mapping[str, Any]) -> str:
    said = {"done": "done", "skipped": "skipped", "failed": "not done", "waiting": "not begun"}
    counts = ", ".join(
        f"{document[state]} {word}" for state, word in said.items() if document[state] or state == "done"
    )
    lines = [f"{counts}: {folder / 'report.html'}"]
    lines += list_asides(document)
    if problem := document.get("problem"):
        lines.append(f"stopped: {problem.get('detail') or problem['title']} ({problem['code']})")
    return "\n".join(lines)
