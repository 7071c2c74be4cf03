"""A worker reaches no network, starts no program, leaves no core, and keeps its files to the user."""

import subprocess
import sys
from pathlib import Path

from mien_core.cage.walls import GIB
from mien_daemon.worker.isolation import worker_cage
from mien_daemon.worker.messages import SetUp


def test_a_worker_reaches_no_network_leaves_no_core_and_keeps_its_files_private() -> None:
    code = (
        "from mien_core.cage.walls import Cage\n"
        "from mien_daemon.worker.isolation import isolate\n"
        "import os, resource, socket, subprocess, sys\n"
        "isolate(Cage())\n"
        "for reach in (lambda: socket.create_connection(('127.0.0.1', 9)),\n"
        "              lambda: socket.getaddrinfo('a.example', 80),\n"
        "              lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9)),\n"
        "              lambda: subprocess.run([sys.executable, '-c', ''])):\n"
        "    try:\n        reach()\n    except PermissionError:\n        print('refused')\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0], oct(os.umask(0)), os.nice(0) > 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["refused"] * 4 + ["0 0o77 True"]


def test_a_worker_reads_models_and_pictures_and_no_key_token_or_result_of_another_job(tmp_path: Path) -> None:
    state, models = tmp_path / "state", tmp_path / "models"
    models.mkdir()
    cage = worker_cage(SetUp("a:b", str(state), str(models), True), web=False)
    assert {state / "blobs", models} <= set(cage.readable)
    machine, derived = state / "machine", models / "derived"
    assert list(cage.writable) == [state / "spool", machine, derived], "limits of memory, and what can be made again"
    assert derived.is_dir()
    named = {*cage.readable, *cage.writable}
    assert not named & {state, tmp_path, state / "keys", state / "results", state / "references"}
    assert cage.memory_bytes >= 4 * GIB
    assert not cage.web


def test_nothing_that_starts_threads_is_loaded_before_the_cage_closes() -> None:
    """Landlock holds a thread and what it starts, not those that run already; an empty network asks for one thread."""
    code = (
        "import sys, mien_daemon.worker.runner, mien_daemon.pictures.preview_start\n"
        "print(sorted({'numpy', 'cv2', 'torch', 'onnxruntime', 'c2pa'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
