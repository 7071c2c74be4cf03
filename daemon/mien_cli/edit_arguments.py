"""Whose face goes where, and how: what the command line says of it, for one picture and for a folder alike."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping, Sequence

    from mien_daemon.references.library import ReferenceLibrary
    from mien_pipeline.options import Format, SwapOptions


def add_edit_arguments(parser: ArgumentParser) -> None:
    """Add what says whose face goes where, and how: the same for one picture and for a folder."""
    from mien_cli.statement import add_statement_arguments

    parser.add_argument(
        "--face",
        action="append",
        required=True,
        metavar="REFERENCE",
        help="whose face to put in: a picture, a folder with pictures of one person (at most 20), or ref:ID of the "
        "library; repeat it to give each of --faces its own",
    )
    parser.add_argument(
        "--engine",
        metavar="NAME",
        help="see `mien engines`; auto picks by what is ready, the face's size and angle, and what was measured "
        "(default: auto where several are ready, else mesh)",
    )
    parser.add_argument(
        "--fallback",
        action="store_true",
        help="where the engine refuses the picture, or its result is unlike the reference or unnatural, try the next",
    )
    parser.add_argument(
        "--faces",
        action="append",
        metavar="WHICH",
        help="largest, all, from the left: 0,2, or like:PICTURE, the face most like the one in PICTURE; repeat "
        "like:PICTURE to go with several --face, in order (default: largest)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the same seed repeats a result on one machine"
    )
    parser.add_argument(
        "--detector",
        default="auto",
        choices=("auto", "yunet", "scrfd"),
        help="what finds faces and their five points; auto takes InsightFace's SCRFD for the points of flux and "
        "inswapper, where it is installed (default: %(default)s)",
    )
    parser.add_argument(
        "--recogniser",
        default="dlib",
        choices=("dlib", "arcface"),
        help="what measures the likeness of finished faces in pictures (default: %(default)s)",
    )
    parser.add_argument(
        "--mask",
        action="append",
        default=[],
        metavar="NAME",
        help="a network that says what of a target face is its own, beside the engine's own mask: see `mien engines`; "
        "repeatable",
    )
    parser.add_argument("--restore", type=float, default=0.0, metavar="0..1", help="the restorer's detail afterwards")
    add_restorer_arguments(parser)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an engine's own option, repeatable; see `mien engines`",
    )
    add_statement_arguments(parser)


def add_restorer_arguments(parser: ArgumentParser) -> None:
    """Add what says which restorer works, and how."""
    parser.add_argument(
        "--restorer",
        default="vivid",
        metavar="NAME",
        help="what repairs faces, see `mien engines` (default: %(default)s)",
    )
    parser.add_argument(
        "--fidelity",
        type=float,
        default=0.5,
        metavar="0..1",
        help="how far CodeFormer keeps to the picture (default: %(default)s)",
    )


def read_options(args: Namespace, format: Format | None, alike: Sequence[bytes]) -> SwapOptions:
    """The options as the API takes them; `alike` are the pictures by which faces are found.

    Raises:
        InvalidOptions, UnknownEngine: `field` names the one.
    """
    from mien_pipeline.engines.registry import parse_options

    raw: dict[str, object] = {
        "faces": name_likes(alike) if alike else parse_faces(args.faces or ["largest"]),
        "seed": args.seed,
        "restore": args.restore,
        "restorer": args.restorer,
        "fidelity": args.fidelity,
        "masks": args.mask,
        "detector": args.detector,
        "recogniser": args.recogniser,
        "format": format,
        "quality": getattr(args, "quality", None),
        "fallback": args.fallback,
        **dict(parse_setting(each) for each in args.set),
    }
    return parse_options({"engine": args.engine or choose_default(args, raw), **raw})


def choose_default(args: Namespace, given: Mapping[str, object]) -> str:
    """The engine of a command that names none: what the person set, or what comes of `auto` with these options."""
    from mien_cli.in_process import load_config, open_store
    from mien_pipeline.choice.choose import default_engine
    from mien_pipeline.options import AUTO

    usual = load_config(args).settings.default_engine
    return usual if usual != AUTO else default_engine(given, open_store(args))


def is_library_face(face: str) -> bool:
    """`ref:ID` names a face of the library; anything else is a file."""
    return face.startswith("ref:")


def name_pictures(args: Namespace) -> dict[str, object]:
    """What the daemon calls the job's pictures: their files' names, and none for a face of the library."""
    faces: Sequence[str] = getattr(args, "face", None) or ()
    people = [None if is_library_face(face) else Path(face).name for face in faces]
    return {"target": args.target.name, "references": people}


LIKE = "like:"


def find_likes(faces: Sequence[str]) -> list[Path]:
    """The pictures of `like:PICTURE`, in order; none where faces are chosen otherwise.

    Raises:
        InvalidOptions: faces are chosen in two ways.
    """
    from mien_core.errors import InvalidOptions

    likes = [Path(text.removeprefix(LIKE)) for text in faces if text.startswith(LIKE)]
    if len(faces) > max(len(likes), 1):
        raise InvalidOptions("faces: only like:PICTURE can be given several times, and alone", field="faces")
    return likes


def name_likes(pictures: Sequence[bytes]) -> dict[str, object]:
    """`options.faces` for faces that are found by pictures."""
    import hashlib

    return {"like": [f"sha256:{hashlib.sha256(picture).hexdigest()}" for picture in pictures]}


def parse_faces(faces: Sequence[str]) -> str | list[int]:
    from mien_core.errors import InvalidOptions

    (text,) = faces
    if text in {"largest", "all"}:
        return text
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InvalidOptions(
            f"faces: {text!r} is neither largest, all, like:PICTURE nor indices like 0,2", field="faces"
        ) from None


def parse_setting(text: str) -> tuple[str, object]:
    """NAME=VALUE with the value read as JSON where it is JSON: 0.5 is a number, target a word."""
    import json

    from mien_core.errors import InvalidOptions

    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidOptions(f"{text!r} is not NAME=VALUE", field="set")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def open_library_face(args: Namespace, kept: str) -> list[bytes]:
    """The pictures of a face of the library.

    Raises:
        UnknownReference: there is none, it has expired, or its record was edited.
    """
    return list(open_library(args).pictures(kept.removeprefix("ref:")).values())


def open_library(args: Namespace) -> ReferenceLibrary:
    """The reference library of the state folder that flags and environment name."""
    from mien_cli.in_process import load_config
    from mien_daemon.references.library import ReferenceLibrary

    return ReferenceLibrary(load_config(args).folders.state)
