"""`mien swap`: one swap of a picture or a clip, by the running daemon if there is one, else in this process."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping, Sequence

    from mien_api.client import DaemonClient
    from mien_cli.result_file import ResultPlace
    from mien_pipeline.options import SwapOptions


def add_arguments(parser: ArgumentParser) -> None:
    from mien_cli.clip import add_clip_arguments
    from mien_cli.edit_arguments import add_edit_arguments
    from mien_cli.result_file import add_output_arguments

    parser.add_argument("target", type=Path, metavar="TARGET", help="the picture or the clip to edit")
    add_edit_arguments(parser)
    add_output_arguments(parser, "TARGET's name with -swapped")
    add_clip_arguments(parser)
    parser.add_argument("--local", action="store_true", help="in this process, even if a daemon is running")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.clip import is_clip, refuse_clip_arguments
    from mien_cli.edit_arguments import find_likes, is_library_face, read_options
    from mien_cli.engine_environment import continue_in_environment
    from mien_cli.in_process import claim_process, list_pictures, read_picture
    from mien_cli.result_file import ResultPlace, print_result, print_skipped
    from mien_cli.statement import require_statement

    claim_process(args)
    people = [face if is_library_face(face) else list_pictures([Path(face)]) for face in args.face]
    files = [file for person in people if isinstance(person, list) for file in person]
    likes = find_likes(args.faces or [])
    place = ResultPlace.choose(args, args.target, "swapped", [*files, *likes])
    alike = [read_picture(path) for path in likes]
    if is_clip(args.target):
        return run_clip(args, place, people, alike)
    refuse_clip_arguments(args)
    options = read_options(args, place.format, alike)
    if args.local and (status := continue_in_environment(args, options.engine)) is not None:
        return status
    if files:
        require_statement(args)
    target = read_picture(args.target)
    if existing := place.check(target, options.format):
        return print_skipped(args, existing)
    references = [each if isinstance(each, str) else [read_picture(file) for file in each] for each in people]
    data, made = make_swap(args, target, references, options, alike)
    report = {**made, "left_out": name_left_out(made.get("left_out", ()), args.face, people)}
    return print_result(args, place, place.write(data), report, to_text(report))


def run_clip(
    args: Namespace, place: ResultPlace, people: Sequence[Sequence[Path] | str], alike: Sequence[bytes]
) -> int:
    """The command for a clip."""
    from mien_cli.clip import swap_by_daemon, swap_clip, with_format
    from mien_cli.clip import to_text as clip_to_text
    from mien_cli.edit_arguments import open_library_face, read_options
    from mien_cli.in_process import read_picture
    from mien_cli.output import print_answer
    from mien_cli.result_file import print_skipped
    from mien_cli.statement import require_statement

    args = with_format(args, place)
    options = read_options(args, None, alike)
    if any(not isinstance(each, str) for each in people):
        require_statement(args)
    read = [each if isinstance(each, str) else [read_picture(file) for file in each] for each in people]
    # So many processes render beside this one: the daemon has its own.
    if (daemon := None if args.local or args.workers else find_daemon(args)) is not None:
        made = swap_by_daemon(args, daemon, place, read, options, alike)
    else:
        references = [open_library_face(args, each) if isinstance(each, str) else each for each in read]
        made = swap_clip(args, place, references, options, alike)
    if made is None:
        return print_skipped(args, place.clip_output(args.format).path)
    path, report = made
    report["left_out"] = name_left_out(report["left_out"], args.face, people)
    return print_answer(args, {"output": str(path), **report}, f"{path}  {clip_to_text(report)}")


def make_swap(
    args: Namespace,
    target: bytes,
    references: Sequence[Sequence[bytes] | str],
    options: SwapOptions,
    alike: Sequence[bytes],
) -> tuple[bytes, Mapping[str, Any]]:
    """(picture, report), from the daemon or from this process."""
    from mien_cli.edit_arguments import name_pictures, open_library_face
    from mien_cli.in_process import fetch_needed, open_runtime, open_store
    from mien_cli.progress_bars import show_job_progress
    from mien_pipeline.option_parts import require_parts

    store = open_store(args)
    daemon = None if args.local else find_daemon(args)
    if daemon is None:  # a running daemon has its own store, and refuses the job
        require_parts(options, store)
    fetch_needed(store, options.engine, quiet=args.json)
    with show_job_progress(quiet=args.json) as show:
        if daemon:
            asked = options.model_dump(mode="json", exclude_none=True)
            return daemon.swap(
                target,
                references,
                asked,
                lambda job: show(job["stage"] or job["state"], job["progress"]),
                alike,
                name_pictures(args),
            )
        from mien_pipeline.report import describe

        pictures = [open_library_face(args, each) if isinstance(each, str) else each for each in references]
        runtime = open_runtime(args, store)  # from here on the process is caged
        done = runtime.swap(target, pictures, options, lambda at: show(at.stage, at.fraction), alike)
        return done.data, describe(done)


def find_daemon(args: Namespace) -> DaemonClient | None:
    """The daemon that is running, if there is one."""
    from mien_api.client import DaemonClient

    return DaemonClient.discover(args.state_dir)


def to_text(report: Mapping[str, Any]) -> str:
    """Engine and time, and each face's scores, warnings and faults; a daemon of an older version names no faults."""
    lines = [f"({report['engine']}, {report['seconds']:.2f} s)"]
    if choice := report.get("choice"):
        lines.append(choice["said"])
    for warning, said in explain_warnings(report.get("warnings", ())).items():
        lines.append(said)
        lines += [f"    {each['file']}" for each in report.get("left_out", ()) if each["why"] == warning]
    for face in report["faces"]:
        if not face["swapped"]:
            continue
        scores = face["identity"]
        lines.append(
            f"face {face['index']}: {scores['to_reference']:.2f} like the reference (was {scores['before']:.2f}), "
            f"{scores['to_target']:.2f} like the target"
        )
        if face.get("naturalness") is not None:
            tried = ", the better of two attempts" if face.get("retried") else ""
            lines.append(f"    naturalness {face['naturalness']:.2f}, likeness {face['verdict']}{tried}")
        remarks = [*face["warnings"], *face.get("faults", ())]
        lines += [f"    {remark}: {said}" for remark, said in explain_warnings(remarks).items()]
    return "\n".join(lines)


def name_left_out(
    left_out: Sequence[Mapping[str, Any]], faces: Sequence[str], people: Sequence[Sequence[Path] | str]
) -> list[dict[str, Any]]:
    """What the report says of pictures that were not used, each with its file, or its place in the library.

    `people` are the files of each of `faces`, or "ref:ID".
    """
    named: list[dict[str, Any]] = []
    for each in left_out:
        files = people[each["reference"]]
        kept = f"{faces[each['reference']]}, picture {each['picture'] + 1}"
        named.append({**each, "file": kept if isinstance(files, str) else str(files[each["picture"]])})
    return named


def explain_warnings(warnings: Sequence[str]) -> dict[str, str]:
    """Each warning, or fault, with its sentence."""
    from mien_core.languages import look_up

    return {warning: look_up("warnings", warning) for warning in warnings}
