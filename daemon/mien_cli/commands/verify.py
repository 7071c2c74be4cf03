"""`mien verify`: what any picture or clip says about itself, read without a network."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from mien_models.store import ModelStore
    from mien_pipeline.trust.verify import Inspection

DESCRIPTION = (
    "Read a picture's or a clip's content credentials, watermark and metadata. Nothing is fetched and nothing is sent. "
    "Exit status 1 means that its credentials contradict it."
)
MEMORY_BYTES = 4 << 30  # 120 megapixels of sixteen bits, as read and as seen, take 2.3 GB
STANDARD_INPUT = Path("-")
STATES = {"valid": "valid", "invalid": "invalid, the picture or they were changed afterwards"}
PARENTS = {
    "none": "without credentials",
    "valid": "with valid credentials",
    "invalid": "whose own credentials were invalid",
}
# https://cv.iptc.org/newscodes/digitalsourcetype/, the common ones
SOURCES = {
    "digitalCapture": "a photograph",
    "computationalCapture": "a photograph that a camera computed from several",
    "trainedAlgorithmicMedia": "made by a trained algorithm",
    "compositeWithTrainedAlgorithmicMedia": "a picture with a part that a trained algorithm made",
    "composite": "composed of several pictures",
    "humanEdits": "edited by a person",
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "image", type=Path, metavar="IMAGE", help="a picture or a clip; - reads a picture from standard input"
    )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.clip import is_clip
    from mien_cli.in_process import close_cage, load_config, open_store
    from mien_cli.output import print_answer

    clip = args.image if args.image != STANDARD_INPUT and is_clip(args.image) else None
    picture = b"" if clip else read_image(args.image)
    if clip:
        from mien_pipeline.clip_options import require_clips

        require_clips()
    state, store = load_config(args).folders.state, open_store(args)
    readable = [store.root, state / "credentials", *([clip.resolve()] if clip else [])]
    close_cage(args, readable=readable, memory_bytes=MEMORY_BYTES)
    from mien_pipeline.trust.verify import Inspector

    inspector = Inspector(watermark_folder(store), state)
    if clip:
        from mien_pipeline.clips.inspect import inspect_clip

        found = inspect_clip(clip.resolve(), inspector.watermark, inspector.roots)
    else:
        found = inspector.inspect(picture)
    print_answer(args, found.as_json(), to_text(found))
    return 1 if found.is_contradicted else 0


def read_image(path: Path) -> bytes:
    """The bytes of the file, or of standard input."""
    import sys

    from mien_cli.in_process import read_picture
    from mien_pipeline.media.probe import MAX_FILE_BYTES

    # One byte too many is enough for the limit to be noticed.
    return sys.stdin.buffer.read(MAX_FILE_BYTES + 1) if path == STANDARD_INPUT else read_picture(path)


def watermark_folder(store: ModelStore) -> Path | None:
    """The folder of the watermark's networks; None when they are not installed: then no watermark is looked for."""
    from mien_core.errors import ModelNotInstalled

    try:
        return store.path("watermark")
    except ModelNotInstalled:
        return None


def to_text(found: Inspection) -> str:
    """The findings in sentences, the most important first."""
    from mien_core.languages import look_up

    warnings = [look_up("warnings", warning) for warning in found.warnings]
    return "\n".join([*warnings, *credentials_to_lines(found), *watermark_to_lines(found), *metadata_to_lines(found)])


def credentials_to_lines(found: Inspection) -> list[str]:
    credentials = found.credentials
    if credentials.state == "none":
        elsewhere = " (they are kept elsewhere, and nothing was fetched)" if credentials.problems else ""
        return [f"Content credentials: none{elsewhere}."]
    lines = [f"Content credentials: {STATES[credentials.state]}, signed by {signer_to_text(found)}."]
    lines += [f"  Problem: {problem}" for problem in credentials.problems]
    if credentials.software:
        lines.append(f"  Made with: {credentials.software}")
    if credentials.actions:
        done = dict.fromkeys(action.removeprefix("c2pa.") for action in credentials.actions)
        lines.append(f"  Done: {', '.join(done)}")
    if credentials.source_type:
        kind = credentials.source_type.rpartition("/")[2]
        lines.append(f"  What it is: {SOURCES.get(kind, kind)}")
    for parent in credentials.parents:
        broken = f": {', '.join(parent.problems)}" if parent.problems else ""
        whose = f", signed by {parent.signer}" if parent.signer else ""
        lines.append(f"  Made from a picture {PARENTS[parent.state]}{whose}{broken}")
    return lines


def signer_to_text(found: Inspection) -> str:
    if found.credentials.trusted:
        return "this installation of Mien"
    name = found.credentials.signer.get("common_name") or found.credentials.signer.get("issuer") or "an unnamed signer"
    # Only valid credentials prove their signer; in others the name may be false.
    return f"{name}, who is not known here" if found.credentials.state == "valid" else f"{name}, or so they say"


def watermark_to_lines(found: Inspection) -> list[str]:
    if found.watermark is None:
        return ["Watermark: not looked for; `mien models pull watermark` gets what is needed."]
    reading = found.watermark
    return [f"Watermark of Mien: {reading.strength} ({reading.agreeing} of 32 bits)."]


def metadata_to_lines(found: Inspection) -> list[str]:
    private = found.metadata.get("private")
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in found.metadata.items() if name != "private"]
    if isinstance(private, list):
        lines.append(f"It carries private details: {', '.join(str(each).replace('_', ' ') for each in private)}.")
    return lines or ["Metadata: nothing of note."]
