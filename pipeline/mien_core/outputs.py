"""Where a command writes what it made: one rule for every command.

A name that the product chose overwrites nothing. A name that a person gave is written to, through symbolic links. A
file that is read is never written to. All of that is checked before the work and again when the file is written.
"""

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Self

from mien_core.errors import DiskFull, OutputExists, OutputIsInput, OutputNotWritable
from mien_core.files import (
    make_beside,
    naming_output_errors,
    probe_folder,
    remove_file,
    replace_file,
    sync_file,
    write_beside,
    write_whole,
)

Identity = tuple[int, int]

# The longest name on every file system that can say no more.
_LONGEST_NAME_BYTES = 255
# What file systems without hard links answer: those of memory sticks, and some of networks.
_NO_LINKS = {errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


class Exists(StrEnum):
    """What happens where a file is there already."""

    NUMBER = "number"
    """The new file gets another name: `name-2.jpg`."""
    SKIP = "skip"
    """The file stays, and no work is done."""
    REPLACE = "replace"
    """The new file takes its place in one step."""
    FAIL = "fail"
    """`OutputExists`."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Files that are read, known by what they are and not by what they are called.

    Hard links, symbolic links, other capital letters and `/proc/self/fd/N` are all the same file.
    """

    identities: frozenset[Identity] = frozenset()

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Self:
        """The files at these paths; those that are not there are left out."""
        return cls(frozenset(found for path in paths if (found := identify(path)) is not None))

    def refuse(self, path: Path) -> None:
        """Refuse to write to a file that is read.

        Raises:
            OutputIsInput: `file` is the path.
        """
        if identify(path) in self.identities:
            raise OutputIsInput(f"{path} is one of the files to read", file=str(path))


class Written(NamedTuple):
    """The path of a file, which may be numbered; with `skip` it may be there from before."""

    path: Path
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class Output:
    """Where one file goes.

    Attributes:
        path: its name, as a person gave it or the product chose it.
        exists: what happens where a file is there already.
        inputs: the files that are read.
    """

    path: Path
    exists: Exists
    inputs: Inputs = Inputs()

    def check(self, least_bytes: int = 0) -> Path | None:
        """Check, before the work, that the file can be written; the file that makes the work needless, with `skip`.

        A file is made beside the output's place and removed again: nothing else tells whether a folder can be
        written to on every system. `least_bytes` must be free there.

        Raises:
            OutputIsInput, OutputExists, OutputNotWritable, DiskFull: `file` says which.
        """
        place = self._find_place()
        if self.exists in {Exists.SKIP, Exists.FAIL} and _is_there(place):
            return self._refuse_existing()
        self._check_place(place, least_bytes)
        return None

    def write(self, data: bytes) -> Written:
        """Write the whole file or none.

        Raises:
            OutputIsInput, OutputExists, OutputNotWritable, DiskFull: `file` says which.
        """
        place = self._find_place()
        with naming_output_errors(self.path):
            if self.exists is Exists.REPLACE:
                _replace(place, data)
                return Written(self.path)
            for name in number_names(place) if self.exists is Exists.NUMBER else (place,):
                if write_new(name, data):
                    return Written(name if self.exists is Exists.NUMBER else self.path)
        return Written(self._refuse_existing(), is_new=False)

    def make(self, write: Callable[[Path], object]) -> Written:
        """Have `write` make the whole file at the path that it is handed, and give it its name; as `write` does.

        For files that are too large for memory.

        Raises:
            OutputIsInput, OutputExists, OutputNotWritable, DiskFull: `file` says which.
        """
        place = self._find_place()
        with naming_output_errors(self.path), make_beside(place) as beside:
            write(beside)
            sync_file(beside)
            if self.exists is Exists.REPLACE:
                _replace_with(place, beside)
                return Written(self.path)
            for name in number_names(place) if self.exists is Exists.NUMBER else (place,):
                if _name_new(beside, name):
                    return Written(name if self.exists is Exists.NUMBER else self.path)
        return Written(self._refuse_existing(), is_new=False)

    def _find_place(self) -> Path:
        """The file that is written to; raises `OutputIsInput`.

        A new name is not looked for through links: one that leads nowhere is a name that is taken.
        """
        if self.exists is Exists.NUMBER:
            return self.path
        self.inputs.refuse(self.path)
        return Path(os.path.realpath(self.path))

    def _refuse_existing(self) -> Path:
        if self.exists is Exists.FAIL:
            raise OutputExists(f"{self.path} is there already", file=str(self.path))
        return self.path

    def _check_place(self, place: Path, least_bytes: int) -> None:
        with naming_output_errors(self.path):
            if not place.parent.is_dir():
                _raise_missing_folder(self.path, place.parent)
            found = _stat(place)  # also refuses a name that is too long
            if self.exists is Exists.REPLACE and found is not None:
                _refuse_odd(place, found)
                if not stat.S_ISREG(found.st_mode):
                    return
            probe_folder(place.parent)
            if shutil.disk_usage(place.parent).free < least_bytes:
                raise DiskFull(f"{self.path} cannot be written: the disk is full", file=str(self.path))


def write_together(folder: Path, files: Mapping[str, bytes], exists: Exists) -> dict[str, Path]:
    """Write files that belong together, and return name → path: all of them get the same number.

    Raises:
        OutputExists, OutputNotWritable, DiskFull: `file` says which.
    """
    if exists is not Exists.NUMBER:
        outputs = {name: Output(folder / name, exists) for name in files}
        for output in outputs.values():
            output.check()
        return {name: outputs[name].write(data).path for name, data in files.items()}
    numbered = zip(*(number_names(folder / name) for name in files), strict=True)
    with naming_output_errors(folder):
        names = next(names for names in numbered if _write_all_new(dict(zip(names, files.values(), strict=True))))
    return dict(zip(files, names, strict=True))


def _write_all_new(files: Mapping[Path, bytes]) -> bool:
    """Write every file, or none of them where one of the names is taken."""
    made: list[Path] = []
    try:
        for path, data in files.items():
            if not write_new(path, data):
                break
            made.append(path)
        else:
            made.clear()
            return True
    finally:
        for path in made:
            remove_file(path)
    return False


def write_new(path: Path, data: bytes) -> bool:
    """Write a whole file under a name that is free, in one step; False where the name is taken.

    However many programs write the same name at once, one of them gets it.
    """
    if _is_there(path):
        return False
    with write_beside(path, data) as beside:
        return _name_new(beside, path)


def _name_new(beside: Path, path: Path) -> bool:
    """Give a file of the same folder a name that is free; False where it is taken."""
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _rename_to_new(beside, path)
    return True


def number_names(path: Path) -> Iterator[Path]:
    """`name.jpg`, `name-2.jpg`, `name-3.jpg` and so on, each shortened where its folder takes no name so long."""
    yield fit_name(path)
    number = 2
    while True:
        yield fit_name(path, f"-{number}")
        number += 1


def fit_name(path: Path, more: str = "") -> Path:
    """The path with `more` before its ending, the name shortened to what file systems take."""
    room = _LONGEST_NAME_BYTES - len(os.fsencode(more + path.suffix))
    stem = path.stem
    while stem and len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return path.with_name(f"{stem}{more}{path.suffix}")


def _rename_to_new(beside: Path, path: Path) -> bool:
    """Take a free name on a file system without links: reserve it empty, then put the file there."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    try:
        replace_file(beside, path)
    except BaseException:
        remove_file(path)
        raise
    return True


def _replace(place: Path, data: bytes) -> None:
    """Put the file where another may be, with that one's permissions; a pipe or a device is written into."""
    found = _stat(place)
    if found is None:
        write_whole(place, data)
        return
    _refuse_odd(place, found)
    if stat.S_ISREG(found.st_mode):
        write_whole(place, data, stat.S_IMODE(found.st_mode))
        return
    with place.open("wb", buffering=0) as file:
        left = memoryview(data)
        while left:
            left = left[file.write(left) or 0 :]


def _replace_with(place: Path, made: Path) -> None:
    """As `_replace`, with a file that lies beside the place."""
    found = _stat(place)
    if found is not None:
        _refuse_odd(place, found)
        if not stat.S_ISREG(found.st_mode):
            with made.open("rb") as source, place.open("wb", buffering=0) as file:
                shutil.copyfileobj(source, file)
            return
        made.chmod(stat.S_IMODE(found.st_mode))
    made.replace(place)


def _refuse_odd(place: Path, found: os.stat_result) -> None:
    """Refuse folders, disks and sockets, and files that are protected from writing."""
    kind = found.st_mode
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(place))
    if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind) or stat.S_ISCHR(kind)):
        raise OSError(errno.EINVAL, "it is neither a file nor a pipe", str(place))
    if not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))


def _raise_missing_folder(path: Path, folder: Path) -> None:
    raise OutputNotWritable(f"{path} cannot be written: there is no folder {folder}", file=str(path))


def identify(path: Path) -> Identity | None:
    """What a file is under every one of its names; None where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _stat(path: Path) -> os.stat_result | None:
    """What is at the path; None where nothing is. Raises `OSError` for a path that can never be."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)
