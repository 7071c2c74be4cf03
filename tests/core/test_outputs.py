"""A result takes nobody's place unasked, is never written over a file that is read, and is whole or not there."""

import errno
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mien_core import outputs
from mien_core.errors import DiskFull, OutputExists, OutputIsInput, OutputNotWritable
from mien_core.outputs import Exists, Inputs, Output, fit_name, write_new, write_together


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def output(path: Path, exists: Exists, *inputs: Path) -> Output:
    return Output(path, exists, Inputs.of(inputs))


# ── names that are taken ─────────────────────────────────────────────────────────────────────────────────────


def test_a_chosen_name_that_is_taken_is_numbered(tmp_path: Path) -> None:
    place = output(tmp_path / "a.jpg", Exists.NUMBER)
    written = [place.write(data).path.name for data in (b"1", b"2", b"3")]
    assert written == ["a.jpg", "a-2.jpg", "a-3.jpg"]
    assert [(tmp_path / name).read_bytes() for name in written] == [b"1", b"2", b"3"]
    assert names(tmp_path) == set(written)


@pytest.mark.parametrize("kind", ["folder", "link to nothing", "link to a file"])
def test_anything_of_that_name_takes_it(kind: str, tmp_path: Path) -> None:
    taken, other = tmp_path / "a.jpg", tmp_path / "other"
    if kind == "folder":
        taken.mkdir()
    else:
        taken.symlink_to(other)
        if kind == "link to a file":
            other.write_bytes(b"other")
    assert output(taken, Exists.NUMBER).write(b"new").path == tmp_path / "a-2.jpg"
    assert other.exists() == (kind == "link to a file")


def test_skip_leaves_the_file_and_says_so_before_the_work(tmp_path: Path) -> None:
    place = output(tmp_path / "a.jpg", Exists.SKIP)
    assert place.check() is None
    assert place.write(b"old") == (tmp_path / "a.jpg", True)
    assert place.check() == tmp_path / "a.jpg"
    assert place.write(b"new") == (tmp_path / "a.jpg", False)
    assert (tmp_path / "a.jpg").read_bytes() == b"old"


def test_fail_refuses_before_the_work_and_after_it(tmp_path: Path) -> None:
    place = output(tmp_path / "a.jpg", Exists.FAIL)
    place.check()
    place.write(b"old")
    for refused in (place.check, lambda: place.write(b"new")):
        with pytest.raises(OutputExists) as told:
            refused()
        assert told.value.fields == {"file": str(tmp_path / "a.jpg")}
    assert (tmp_path / "a.jpg").read_bytes() == b"old"


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"old")
    path.chmod(0o600)
    output(path, Exists.REPLACE).write(b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_written_through_whether_its_file_is_there_or_not(there: bool, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "real.jpg"
    real.parent.mkdir()
    if there:
        real.write_bytes(b"old")
    (tmp_path / "first.jpg").symlink_to("elsewhere/real.jpg")
    (tmp_path / "second.jpg").symlink_to(tmp_path / "first.jpg")
    place = output(tmp_path / "second.jpg", Exists.REPLACE)
    place.check()
    assert place.write(b"new").path == tmp_path / "second.jpg"
    assert real.read_bytes() == b"new"
    assert (tmp_path / "first.jpg").is_symlink()
    assert (tmp_path / "second.jpg").is_symlink()
    assert names(real.parent) == {"real.jpg"}


def test_a_link_into_a_folder_that_is_not_there_and_a_circle_of_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "out.jpg").symlink_to("absent/out.jpg")
    (tmp_path / "round.jpg").symlink_to("about.jpg")
    (tmp_path / "about.jpg").symlink_to("round.jpg")
    for name in ("out.jpg", "round.jpg"):
        with pytest.raises(OutputNotWritable):
            output(tmp_path / name, Exists.REPLACE).check()


# ── inputs ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("exists", [Exists.REPLACE, Exists.SKIP, Exists.FAIL])
@pytest.mark.parametrize("name", ["same", "link", "chain", "hard link", "way round", "descriptor"])
def test_an_input_is_no_output_under_any_of_its_names(name: str, exists: Exists, tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"input")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.jpg").symlink_to(picture)
    (tmp_path / "chain.jpg").symlink_to("link.jpg")
    (tmp_path / "hard.jpg").hardlink_to(picture)
    with picture.open("rb") as opened:
        path = {
            "same": picture,
            "link": tmp_path / "link.jpg",
            "chain": tmp_path / "chain.jpg",
            "hard link": tmp_path / "hard.jpg",
            "way round": tmp_path / "sub" / ".." / "a.jpg",
            "descriptor": Path(f"/dev/fd/{opened.fileno()}"),
        }[name]
        place = output(path, exists, tmp_path / "absent", picture)
        for refused in (place.check, lambda: place.write(b"new")):
            with pytest.raises(OutputIsInput) as told:
                refused()
            assert told.value.fields == {"file": str(path)}
    assert picture.read_bytes() == b"input"


def test_an_output_that_becomes_an_input_while_the_work_is_done_is_refused(tmp_path: Path) -> None:
    picture, path = tmp_path / "a.jpg", tmp_path / "out.jpg"
    picture.write_bytes(b"input")
    place = output(path, Exists.REPLACE, picture)
    place.check()
    path.symlink_to(picture)
    with pytest.raises(OutputIsInput):
        place.write(b"new")
    assert picture.read_bytes() == b"input"


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("exists", Exists)
def test_a_check_leaves_nothing_behind(exists: Exists, tmp_path: Path) -> None:
    output(tmp_path / "a.jpg", exists).check()
    assert names(tmp_path) == set()


@pytest.mark.parametrize("place", ["absent/a.jpg", "file/a.jpg", "x" * 300 + ".jpg", "folder"])
def test_a_place_that_cannot_be_is_refused_before_the_work(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputNotWritable) as told:
        output(tmp_path / place, Exists.REPLACE).check()
    assert told.value.fields == {"file": str(tmp_path / place)}
    assert names(tmp_path) == {"file", "folder"}


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.EROFS, OutputNotWritable), (errno.EACCES, OutputNotWritable), (errno.ENOSPC, DiskFull)],
)
def test_a_folder_that_takes_no_file_is_refused_before_the_work(
    number: int, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    for exists in Exists:
        with pytest.raises(error):
            output(tmp_path / "a.jpg", exists).check()


def test_a_disk_without_room_for_the_picture_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(DiskFull):
        output(tmp_path / "a.jpg", Exists.NUMBER).check(least_bytes=1 << 62)


def test_a_file_that_is_protected_from_writing_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(b"old")

    def deny(*_asked: object) -> bool:
        return False

    monkeypatch.setattr(os, "access", deny)  # as for anyone but root, whom nothing is denied
    place = output(tmp_path / "a.jpg", Exists.REPLACE)
    for refused in (place.check, lambda: place.write(b"new")):
        with pytest.raises(OutputNotWritable):
            refused()
    assert (tmp_path / "a.jpg").read_bytes() == b"old"


def test_a_pipe_and_a_device_are_written_into_and_stay_what_they_are(tmp_path: Path) -> None:
    pipe, device = tmp_path / "pipe.jpg", tmp_path / "null.jpg"
    os.mkfifo(pipe)
    device.symlink_to("/dev/null")
    data = b"picture" * 50_000  # more than a pipe holds
    with ThreadPoolExecutor(1) as reader:
        place = output(pipe, Exists.REPLACE)
        place.check()
        read = reader.submit(pipe.read_bytes)
        place.write(data)
        assert read.result() == data
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    output(device, Exists.REPLACE).check()
    output(device, Exists.REPLACE).write(data)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


# ── many at once, and crashes ────────────────────────────────────────────────────────────────────────────────


def test_twelve_threads_that_write_the_same_name_make_twelve_files(tmp_path: Path) -> None:
    begin = threading.Barrier(12)

    def write(number: int) -> Path:
        begin.wait()
        return output(tmp_path / "a.jpg", Exists.NUMBER).write(b"%d" % number).path

    with ThreadPoolExecutor(12) as pool:
        written = list(pool.map(write, range(12)))
    assert [path.read_bytes() for path in written] == [b"%d" % number for number in range(12)]
    assert names(tmp_path) == {"a.jpg", *(f"a-{number}.jpg" for number in range(2, 13))}


def test_programs_that_write_the_same_name_make_a_file_each(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mien_core.outputs import *; sys.stdin.readline()\n"
        "for _ in range(5): Output(Path(sys.argv[1]), Exists.NUMBER).write(b'whole')"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.jpg")]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(3)]
    for each in running:
        each.communicate(b"\n")
        assert each.returncode == 0
    assert len(names(tmp_path)) == 15
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"whole"}


def test_without_links_a_name_is_reserved_and_given_back_when_the_file_cannot_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    assert write_new(tmp_path / "a.jpg", b"one")
    assert not write_new(tmp_path / "a.jpg", b"two")
    assert (tmp_path / "a.jpg").read_bytes() == b"one"
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError):
        write_new(tmp_path / "b.jpg", b"three")
    assert names(tmp_path) == {"a.jpg"}


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_an_interruption_leaves_no_numbered_file(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        output(tmp_path / "a.jpg", Exists.NUMBER).write(b"new")
    assert names(tmp_path) == set()


# ── files that belong together, and long names ───────────────────────────────────────────────────────────────


def test_files_that_belong_together_get_the_same_number(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"another's")
    files = {"a.jpg": b"a", "b.png": b"b"}
    written = write_together(tmp_path, files, Exists.NUMBER)
    assert written == {"a.jpg": tmp_path / "a-2.jpg", "b.png": tmp_path / "b-2.png"}
    assert names(tmp_path) == {"b.png", "a-2.jpg", "b-2.png"}
    with pytest.raises(OutputExists):
        write_together(tmp_path, files, Exists.FAIL)
    write_together(tmp_path, files, Exists.SKIP)
    assert (tmp_path / "b.png").read_bytes() == b"another's"
    write_together(tmp_path, files, Exists.REPLACE)
    assert (tmp_path / "b.png").read_bytes() == b"b"


def test_of_files_that_belong_together_all_are_new_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, written = outputs.write_new, list[Path]()

    def fill(path: Path, data: bytes) -> bool:
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(path)
        return write(path, data)

    monkeypatch.setattr(outputs, "write_new", fill)
    with pytest.raises(DiskFull):
        write_together(tmp_path, {"a.jpg": b"a", "b.png": b"b"}, Exists.NUMBER)
    assert names(tmp_path) == set()


@pytest.mark.parametrize("letter", ["x", "ü", "字", "🙂", "\udcff"])
def test_a_name_that_is_too_long_is_shortened_and_keeps_its_number_and_ending(letter: str, tmp_path: Path) -> None:
    path = fit_name(tmp_path / f"{letter * 255}.jpg", "-swapped")
    assert len(os.fsencode(path.name)) <= 255
    assert path.name.endswith(f"{letter}-swapped.jpg")
    written = [output(path, Exists.NUMBER).write(b"x").path for _ in range(2)]
    assert written[0] == path
    assert written[1].name.endswith("-2.jpg")
    assert fit_name(tmp_path / "short.jpg", "-2") == tmp_path / "short-2.jpg"
