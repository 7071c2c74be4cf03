"""What a command line asks of a run, read and checked before anything is written."""

from __future__ import annotations

import hashlib
import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien_cli.batch.inputs import FoundInputs, InputFile, find_inputs
from mien_cli.batch.names import NamePattern, clean_label
from mien_core.errors import InvalidImage, OutputNotWritable
from mien_core.outputs import Exists, Inputs
from mien_pipeline.clip_options import ClipFormat
from mien_pipeline.options import SwapOptions


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run as it was asked for.

    Attributes:
        people: the encoded pictures of each person.
        kept: for each person, whether the pictures are of the sealed library.
        reference_files: those that were named as files.
        alike: the pictures by which faces are chosen.
        label: what `{face}` becomes.
        clip_settings: what was said of clips alone, as (option, value).
        clip_format: that of the clips' results.
    """

    folder: Path
    found: FoundInputs
    people: Sequence[Sequence[bytes]]
    kept: Sequence[bool]
    reference_files: Sequence[Path]
    alike: Sequence[bytes]
    options: SwapOptions
    pattern: NamePattern
    exists: Exists
    label: str
    inputs: Inputs
    clip_settings: Sequence[tuple[str, str]] = ()
    clip_format: ClipFormat = "mp4"

    def find_key(self, file: InputFile) -> str:
        """A digest of all that the result of a file depends on beside its content."""
        own = [list(setting) for setting in self.clip_settings]
        own += [["format", self.clip_format]] if self.clip_format != "mp4" else []
        return hashlib.sha256(json.dumps([self.key, own]).encode()).hexdigest() if file.is_clip and own else self.key

    @property
    def key(self) -> str:
        """A digest of all that the result of a picture depends on beside that."""
        options = self.options.model_dump(mode="json", exclude_defaults=True) | {"engine": self.options.engine}
        people = [[hashlib.sha256(picture).hexdigest() for picture in person] for person in self.people]
        return hashlib.sha256(json.dumps([people, options], sort_keys=True).encode()).hexdigest()


def prepare(args: Namespace) -> Wanted:
    """Find the inputs, read the references and check the options.

    Raises:
        InvalidOptions, UnknownEngine: `field` names the one.
        InvalidImage: no picture is there, or a reference cannot be read; `file` says which.
        OutputIsInput, OutputNotWritable: `file` is the output folder.
        TooManyPictures, UnknownReference: of a person.
    """
    from mien_cli.batch.clips import list_clip_settings, split_format
    from mien_cli.clip import read_clip_options
    from mien_cli.edit_arguments import find_likes, is_library_face, open_library_face, read_options
    from mien_cli.in_process import list_pictures, read_picture

    pattern = NamePattern.parse(args.name)
    if args.output.exists() and not args.output.is_dir():
        raise OutputNotWritable(f"{args.output} is there and is no folder", file=str(args.output))
    found = find_inputs(args.inputs, args.output, recursive=args.recursive)
    if not found.files:
        raise InvalidImage(f"there is no picture in {', '.join(args.inputs)}", file=args.inputs[0])
    clip_format: ClipFormat = "mp4"
    if any(file.is_clip for file in found.files):
        args, clip_format = split_format(args)
    read_clip_options(Namespace(**vars(args), format=clip_format))  # what is wrong with them is said before any work
    likes = find_likes(args.faces or [])
    alike = [read_picture(path) for path in likes]
    options = read_options(args, None, alike)
    files = [None if is_library_face(face) else list_pictures([Path(face)]) for face in args.face]
    people = [
        open_library_face(args, face) if paths is None else [read_picture(path) for path in paths]
        for face, paths in zip(args.face, files, strict=True)
    ]
    named = [path for paths in files if paths is not None for path in paths]
    return Wanted(
        folder=args.output,
        found=found,
        people=people,
        kept=[paths is None for paths in files],
        reference_files=named,
        alike=alike,
        options=options,
        pattern=pattern,
        exists=Exists(args.exists),
        label="+".join(label_face(args, face) for face in args.face),
        inputs=Inputs.of([*(file.path for file in found.files), *named, *likes]),
        clip_settings=list_clip_settings(args),
        clip_format=clip_format,
    )


def label_face(args: Namespace, face: str) -> str:
    """What a reference is called in names: its file's or folder's name, or the one that the library has."""
    from mien_cli.edit_arguments import is_library_face, open_library

    if is_library_face(face):
        return clean_label(open_library(args).usable(face.removeprefix("ref:")).consent.label)
    path = Path(face).absolute()
    return clean_label(path.name if path.is_dir() else path.stem)
