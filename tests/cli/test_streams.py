"""No stream costs a command its answer or its status: not its encoding, not a reader that leaves, not a full disk."""

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mien_cli.streams import Outlet, open_output

pytestmark = pytest.mark.slow

MIEN = [sys.executable, "-m", "mien_cli"]
EMOJI, BYTES = "🙂.jpg", os.fsdecode(b"x\xff\xfe.jpg")


def run(
    *words: str, redirect: str = "", cwd: Path, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """The command as a shell starts it; `redirect` is in the shell's own words."""
    places = {"MIEN_STATE_DIR": str(cwd / "state"), "MIEN_MODELS_DIR": str(cwd / "models"), "MIEN_OFFLINE": "1"}
    command = ["bash", "-c", f'"$@" {redirect}; exit ${{PIPESTATUS[0]}}', "bash", *MIEN, *words]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **places, **(env or {})}, capture_output=True, check=False
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp932", "utf-16"])
@pytest.mark.parametrize("name", [EMOJI, BYTES], ids=["emoji", "bytes"])
def test_a_name_that_a_stream_cannot_encode_is_an_escape_and_in_json_the_name_itself(
    name: str, encoding: str, tmp_path: Path
) -> None:
    refused = run("restore", name, cwd=tmp_path, env={"PYTHONIOENCODING": encoding})
    assert refused.returncode == 1
    assert b"Traceback" not in refused.stderr
    assert "cannot be read" in refused.stderr.decode(encoding)
    told = run("restore", name, "--json", cwd=tmp_path, env={"PYTHONIOENCODING": encoding})
    assert (told.returncode, json.loads(told.stdout.decode(encoding))["file"]) == (1, name)


@pytest.mark.parametrize("name", [EMOJI, BYTES], ids=["emoji", "bytes"])
def test_a_machine_without_a_language_names_every_file(name: str, tmp_path: Path) -> None:
    bare = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
    told = run("restore", name, "--json", cwd=tmp_path, env=bare)
    assert told.returncode == 1
    assert os.fsencode(json.loads(told.stdout)["file"]) != b""
    assert b"Traceback" not in told.stderr


NOTHING_LOST = {
    "--version": 0,
    "plan --vram 24 --json": 0,
    "swap --help": 0,
    "swap": 2,
    "jobs list --json": 1,
}


@pytest.mark.parametrize("words", NOTHING_LOST)
def test_a_stream_that_is_closed_or_left_changes_no_status(words: str, tmp_path: Path) -> None:
    for redirect in (">&-", "2>&-", "<&- >&- 2>&-", "| head -c0", "2>/dev/full"):
        done = run(*words.split(), redirect=redirect, cwd=tmp_path)
        assert (redirect, done.returncode) == (redirect, NOTHING_LOST[words])
        assert b"Traceback" not in done.stderr
        assert b"went wrong" not in done.stderr


@pytest.mark.parametrize("words", ["--version", "plan --vram 24 --json", "swap --help"])
def test_an_answer_that_a_full_disk_does_not_take_is_told_elsewhere_and_is_a_failure(
    words: str, tmp_path: Path
) -> None:
    told = run(*words.split(), cwd=tmp_path).stdout
    done = run(*words.split(), redirect=">/dev/full", cwd=tmp_path)
    assert done.returncode == 1
    assert os.strerror(errno.ENOSPC).encode() in done.stderr
    assert done.stderr.endswith(told)


def test_no_file_of_ours_gets_the_number_of_a_stream_that_is_closed(tmp_path: Path) -> None:
    code = "from mien_cli.streams import open_streams; open_streams(); import os; os._exit(os.open('file', os.O_CREAT))"
    command = ["bash", "-c", '"$@" <&- >&- 2>&-', "bash", sys.executable, "-c", code]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode > 2


def test_a_pipe_that_does_not_wait_gets_every_byte() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    data = b"x" * 1_000_000
    with subprocess.Popen(["wc", "-c"], stdin=reading, stdout=subprocess.PIPE) as reader:
        os.close(reading)
        with io.FileIO(writing, "w") as below, io.BufferedWriter(Outlet(below)) as stream:
            stream.write(data)
        assert reader.stdout is not None
        assert int(reader.stdout.read()) == len(data)


def test_an_encoding_and_a_way_with_odd_letters_that_the_person_chose_are_kept() -> None:
    for chosen, used in {"replace": "replace", "strict": "backslashreplace"}.items():
        below = io.BytesIO()
        _, stream = open_output(io.TextIOWrapper(below, "ascii", chosen), 1)
        assert (stream.encoding, stream.errors) == ("ascii", used)
        stream.write("ü")
        stream.flush()
        assert below.getvalue() == {"replace": b"?", "strict": b"\\xfc"}[chosen]
