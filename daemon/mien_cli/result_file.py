"""Where a command writes its picture: its format, its name, and what happens where that name is taken."""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mien_cli.interrupts import INTERRUPTS

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Mapping

    from mien_core.outputs import Exists, Inputs, Output, Written
    from mien_pipeline.clip_options import ClipFormat
    from mien_pipeline.options import Format

FORMATS: dict[str, Format] = {
    ".jpg": "jpeg",
    ".png": "png",
    ".webp": "webp",
    ".avif": "avif",
    ".tiff": "tiff",
    ".jpeg": "jpeg",
    ".tif": "tiff",
}
CLIP_FORMATS: dict[str, ClipFormat] = {".mp4": "mp4", ".gif": "gif", ".webp": "webp"}
EXISTS = ("number", "skip", "replace", "fail")
STANDARD_OUTPUT = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}
# A result is written at quality 95 with full chroma: of telephones' JPEGs it has two to three times the bytes.
ROOM = 4
SEPARATORS = tuple({os.sep, "/"})


def add_output_arguments(parser: ArgumentParser, default: str) -> None:
    """Add `-o` and `--exists`, which mean the same in every command that makes one picture."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help=f"a file, a folder, or - for standard output (default: {default}, beside the picture)",
    )
    add_exists_argument(parser)


def add_exists_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--exists",
        choices=EXISTS,
        help="what to do where the file is there already: number the new one, skip the work, replace the file, or fail "
        "(default: replace a file that -o names, else number)",
    )


@dataclass(frozen=True, slots=True)
class ResultPlace:
    """Where one result goes.

    Attributes:
        source: the picture that is edited; the result is named after it where no name was given.
        what: what was done to it, a part of that name.
        named: what `-o` says; None without it.
        exists: what happens where the name is taken.
        inputs: every file that is read.
    """

    source: Path
    what: str
    named: str | None
    exists: Exists
    inputs: Inputs

    @classmethod
    def choose(cls, args: Namespace, source: Path, what: str, references: Iterable[Path] = ()) -> Self:
        """What the arguments say, checked as far as can be without reading the picture.

        Raises:
            OutputIsInput: `file` is an input under any of its names.
            InvalidOptions: `field` is output.
        """
        from mien_core.errors import InvalidOptions
        from mien_core.outputs import Exists, Inputs

        named, inputs = args.output, Inputs.of([source, *references])
        if named == "":
            raise InvalidOptions("the name of the output is empty", field="output")
        chosen = named is None or names_folder(named)
        exists = Exists(args.exists or ("number" if chosen else "replace"))
        place = cls(source, what, named, exists, inputs)
        if place.is_standard_output:
            place.check_standard_output(in_json=args.json)
        elif named is not None and not chosen:
            inputs.refuse(Path(named))
        return place

    @property
    def is_standard_output(self) -> bool:
        return self.named in STANDARD_OUTPUT

    @property
    def format(self) -> Format | None:
        """The format that the name asks for; None keeps the picture's own.

        Raises:
            InvalidOptions: `field` is output; `known` lists the endings of formats that can be marked.
        """
        if self.named is None or self.is_standard_output or names_folder(self.named):
            return None
        return choose_format(Path(self.named))

    def clip_format(self, wanted: object = None) -> ClipFormat | None:
        """The format of a clip's result that the name asks for; None where a folder is named.

        Raises:
            InvalidOptions: `field` is output: `known` lists the endings; or `format`, where another one is `wanted`.
        """
        from mien_core.errors import InvalidOptions

        if self.named is None or self.is_standard_output or names_folder(self.named):
            return None
        found = CLIP_FORMATS.get(Path(self.named).suffix.lower())
        if found is None:
            words = f"{self.named} does not end like an MP4 file, a GIF or a WebP"
            raise InvalidOptions(words, field="output", known=sorted(CLIP_FORMATS))
        if wanted not in (None, found):
            raise InvalidOptions(f"{self.named} does not end like {wanted}", field="format")
        return found

    def clip_output(self, format: ClipFormat) -> Output:
        """Where the result of a clip goes.

        Raises:
            InvalidOptions: `field` is output: it is standard output.
        """
        from mien_core.errors import InvalidOptions
        from mien_core.outputs import Output, fit_name

        if self.is_standard_output:
            raise InvalidOptions("a clip is written to a file, since its header is written last", field="output")
        if self.named is not None and not names_folder(self.named):
            return Output(Path(self.named), self.exists, self.inputs)
        folder = find_folder(self.source) if self.named is None else Path(self.named)
        return Output(fit_name(folder / f"{self.source.stem}.{format}", f"-{self.what}"), self.exists, self.inputs)

    def check(self, picture: bytes, wanted: Format | None) -> Path | None:
        """Check the place before the work; the file that is there already, where it makes the work needless.

        Args:
            picture: the file that is edited: a result without a format of its own has this one's.
            wanted: the result's format, if one was asked for.

        Raises:
            InvalidImage: `picture` is none that Mien reads.
            InvalidOptions: the name ends like another format than the wanted one; `field` is format.
            OutputIsInput, OutputExists, OutputNotWritable, DiskFull: `file` says which.
        """
        from mien_core.errors import InvalidOptions

        if self.is_standard_output:
            return None
        if self.format is not None and wanted != self.format:
            raise InvalidOptions(f"{self.named} does not end like a {wanted} picture", field="format")
        output = self._output(wanted or guess_format(picture))
        folder = output.path.parent
        if folder.is_dir() or not self.makes_folder:
            return output.check(ROOM * len(picture))
        check_new_folder(folder)
        return None

    def write(self, data: bytes) -> Written:
        """Write the result.

        Raises:
            OutputIsInput, OutputExists, OutputNotWritable, DiskFull: `file` says which.
        """
        from mien_core.outputs import Written
        from mien_pipeline.media.probe import probe

        INTERRUPTS.check()
        if self.is_standard_output:
            write_to_standard_output(data)
            return Written(Path("-"))
        output = self._output(probe(data).format)
        if self.makes_folder:
            make_folder(output.path.parent)
        return output.write(data)

    @property
    def makes_folder(self) -> bool:
        """Whether the name says that a folder is meant, so that it is made where it is not there."""
        return self.named is not None and self.named.endswith(SEPARATORS)

    def _output(self, format: str) -> Output:
        from mien_core.outputs import Output, fit_name

        if self.named is not None and not names_folder(self.named):
            return Output(Path(self.named), self.exists, self.inputs)
        suffix = next(suffix for suffix, name in FORMATS.items() if name == format)
        folder = find_folder(self.source) if self.named is None else Path(self.named)
        path = fit_name(folder / f"{self.source.stem}{suffix}", f"-{self.what}")
        return Output(path, self.exists, self.inputs)

    def check_standard_output(self, *, in_json: bool) -> None:
        """Raises `InvalidOptions` where a picture on standard output cannot be meant, `OutputIsInput` as `choose`."""
        from mien_core.errors import InvalidOptions

        if in_json:
            raise InvalidOptions("with --json standard output is one document, and not the picture", field="output")
        if sys.stdout.isatty():
            raise InvalidOptions("a picture is not written to a terminal", field="output")
        self.inputs.refuse(Path("/dev/stdout"))


def write_to_standard_output(data: bytes) -> None:
    """Write the whole picture; raises `OutputNotWritable` or `DiskFull`, also where the reader has gone."""
    from mien_core.files import naming_output_errors

    sys.stdout.flush()
    with naming_output_errors(Path("-")), open(1, "wb", closefd=False) as file:
        file.write(data)


def find_folder(source: Path) -> Path:
    """The folder beside the picture; the working folder for a picture that came through a pipe of the shell."""
    passing = source.absolute().parts[1:2] in {("dev",), ("proc",)}
    return Path() if passing else source.parent


def names_folder(named: str) -> bool:
    """Whether a name means a folder: one that is there, or one that ends as only folders do."""
    return named.endswith(SEPARATORS) or os.path.isdir(named)  # noqa: PTH112 - pathlib's raises for a name too long


def choose_format(output: Path) -> Format | None:
    """The format that a file's name asks for, or else the name of the file that it links to.

    None keeps the picture's own, for a pipe or a device without an ending.

    Raises:
        InvalidOptions: `field` is output; `known` lists the endings of formats that can be marked.
    """
    from mien_core.errors import InvalidOptions

    for name in (output, Path(os.path.realpath(output))):
        if name.suffix.lower() in FORMATS:
            return FORMATS[name.suffix.lower()]
    if os.path.exists(output) and not output.is_file():  # noqa: PTH110 - as below
        return None
    raise InvalidOptions(
        f"{output.name} does not end like a picture that can be marked", field="output", known=sorted(FORMATS)
    )


def guess_format(picture: bytes) -> str:
    """The format of a result that keeps the picture's own, from the picture's header alone."""
    from mien_pipeline.media.probe import probe

    own = probe(picture).format
    return own if own in FORMATS.values() else {"heif": "jpeg"}.get(own, "png")


def print_result(args: Namespace, place: ResultPlace, written: Written, report: Mapping[str, object], text: str) -> int:
    """Print the answer; on stderr where standard output is the picture."""
    from mien_cli.output import print_answer, print_note

    if not written.is_new:
        return print_skipped(args, written.path)
    if not place.is_standard_output:
        return print_answer(args, {"output": str(written.path), **report}, f"{written.path}  {text}")
    print_note(f"{written.path}  {text}")
    return 0


def print_skipped(args: Namespace, existing: Path) -> int:
    """Say that nothing was done, because the file is there already."""
    from mien_cli.output import print_answer

    return print_answer(args, {"output": str(existing), "skipped": True}, f"{existing} is there already; skipped")


def check_new_folder(folder: Path) -> None:
    """Check that a folder can be made; raises `OutputNotWritable` or `DiskFull`."""
    from mien_core.files import naming_output_errors, probe_folder

    with naming_output_errors(folder):
        if os.path.lexists(folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
        probe_folder(next(each for each in folder.absolute().parents if os.path.lexists(each)))


def make_folder(folder: Path) -> None:
    """Make the folder if it is not there.

    Raises:
        DiskFull, OutputNotWritable: `file` says which.
    """
    from mien_core.files import naming_output_errors

    with naming_output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
