"""What a run reads: the files, folders and patterns of a command line, as one list in a fixed order."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from mien_core.errors import OutputIsInput
from mien_core.outputs import Identity, identify
from mien_pipeline.media.kinds import READABLE, kind_of, looks_like_clip, read_head

# A file with one of these endings was meant as a picture or a clip, whatever its bytes are: it is tried, and refused
# by name. Any other file in a folder is tried where its first bytes are those of a picture or a clip.
SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".heic", ".heif"),
        *(".gif", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"),
    }
)
HERE = PurePath()
CLIP = "clip"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to read.

    Attributes:
        path: as the command line leads to it.
        folder: where it lies below the input folder; its result lies there below the output folder.
        kind: what its first bytes say, "clip" for a clip or an animation; "" where they cannot be read.
    """

    path: Path
    folder: PurePath = HERE
    kind: str = ""

    @property
    def is_clip(self) -> bool:
        return self.kind == CLIP


@dataclass(slots=True)
class FoundInputs:
    """What a command line names.

    Attributes:
        files: in the order of the command line, those of a folder by name; each once.
        others: files of folders that are neither pictures nor clips.
        linked_folders: links to folders inside a folder, which are not followed.
        roots: the folders that were named.
    """

    files: list[InputFile] = field(default_factory=list[InputFile])
    others: list[Path] = field(default_factory=list[Path])
    linked_folders: list[Path] = field(default_factory=list[Path])
    roots: list[Path] = field(default_factory=list[Path])


def find_inputs(words: Sequence[str], output: Path, *, recursive: bool) -> FoundInputs:
    """Everything that the words of a command line name.

    A folder gives its files, with `recursive` also those of the folders in it. Names that begin with a dot are left
    out, links to folders are not followed, and the output folder is never read. A word that is no path and has `*`,
    `?` or `[` is a pattern. A word that leads to nothing gives a file all the same: reading it says why.

    Raises:
        OutputIsInput: the output folder is one of the input folders; `file` is the folder.
    """
    found = FoundInputs()
    skipped = identify(output)
    seen: set[str] = set()
    for path in (path for word in words for path in _expand(word)):
        if not path.is_dir():
            _add(found, seen, InputFile(path, kind=_read_kind(path)))
            continue
        if skipped is not None and identify(path) == skipped:
            raise OutputIsInput(f"{path} is read and cannot be the output folder too", file=str(path))
        found.roots.append(path)
        for each in _walk(path, PurePath(), skipped, found, recursive=recursive):
            _add(found, seen, each)
    return found


def _expand(word: str) -> list[Path]:
    if os.path.lexists(word) or not glob.has_magic(word):
        return [Path(word)]
    return [Path(path) for path in sorted(glob.glob(word, recursive=True))] or [Path(word)]  # noqa: PTH207 absolute too


def _add(found: FoundInputs, seen: set[str], file: InputFile) -> None:
    """Add a file unless the list has it already, under whatever name."""
    real = os.path.realpath(file.path)
    if real not in seen:
        seen.add(real)
        found.files.append(file)


def _walk(
    folder: Path, below: PurePath, skipped: Identity | None, found: FoundInputs, *, recursive: bool
) -> Iterator[InputFile]:
    """The files of a folder, then those of its folders; a folder that cannot be listed is given as a file."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield InputFile(folder, below)
        return
    deeper: list[Path] = []
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith("."):
            continue
        if path.is_dir():
            if identify(path) == skipped:
                continue
            if path.is_symlink():
                found.linked_folders.append(path)
            else:
                deeper.append(path)
        elif (file := _judge(path, below)) is not None:
            yield file
        else:
            found.others.append(path)
    for path in deeper if recursive else ():
        yield from _walk(path, below / path.name, skipped, found, recursive=True)


def _judge(path: Path, below: PurePath) -> InputFile | None:
    """The file, where it is a picture or a clip or was meant as one."""
    if not path.is_file():
        return InputFile(path, below) if path.is_symlink() and path.suffix.lower() in SUFFIXES else None
    kind = _read_kind(path)
    wanted = kind in {*READABLE.values(), CLIP, ""} or path.suffix.lower() in SUFFIXES
    return InputFile(path, below, kind) if wanted else None


def _read_kind(path: Path) -> str:
    """What the first bytes say; "" for what is no file, or cannot be read."""
    if not path.is_file():
        return ""
    try:
        head = read_head(path)
    except OSError:
        return ""
    return CLIP if looks_like_clip(head) else kind_of(head)
