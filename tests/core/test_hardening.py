"""What a process that holds faces gives up cannot be had back."""

import subprocess
import sys
from pathlib import Path

import pytest


def test_a_process_without_core_dumps_writes_none_and_is_read_by_no_other() -> None:
    code = """
import ctypes, sys
from mien_core.hardening import disable_core_dumps
disable_core_dumps()
if sys.platform != "win32":
    import resource
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
if sys.platform == "linux":
    assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0, "PR_GET_DUMPABLE"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


NO_NETWORK = """
import socket
try:
    {attempt}
except OSError as error:
    print(error)
else:
    print("let through")
"""


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('127.0.0.1', 9))",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "socket.socket(socket.AF_INET6)",
        "socket.getaddrinfo('huggingface.co', 443)",
        "socket.gethostbyname('huggingface.co')",
        "__import__('urllib.request').request.urlopen('http://127.0.0.1:9/')",
        "__import__('http.client').client.HTTPSConnection('127.0.0.1', 9).connect()",
    ],
)
def test_a_process_without_network_opens_no_socket(tmp_path: Path, attempt: str) -> None:
    (tmp_path / "attempt.py").write_text(NO_NETWORK.format(attempt=attempt))

    done = subprocess.run(
        [sys.executable, "-m", "mien_core.hardening", "attempt"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "this process has no network" in done.stdout


def test_processes_of_this_machine_still_talk(tmp_path: Path) -> None:
    """Pipes between processes are sockets too, and a library asked for its hub stays at home."""
    (tmp_path / "attempt.py").write_text(
        "import multiprocessing, os\n"
        "here, there = multiprocessing.Pipe()\n"
        "here.send('hello')\n"
        "print(there.recv(), os.environ['HF_HUB_OFFLINE'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mien_core.hardening", "attempt"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "hello 1\n"


def test_a_socket_that_was_handed_over_is_used_where_it_stays_on_this_machine(tmp_path: Path) -> None:
    """Opened by its descriptor, its family is known only when it is used."""
    (tmp_path / "attempt.py").write_text(
        "import os, socket\n"
        "here, there = socket.socketpair()\n"
        "handed = socket.socket(fileno=os.dup(here.fileno()))\n"
        "handed.sendmsg([b'hello'])\n"
        "print(there.recv(5).decode())\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mien_core.hardening", "attempt"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "hello\n"


def test_a_module_is_run_with_its_own_arguments(tmp_path: Path) -> None:
    (tmp_path / "attempt.py").write_text("import sys; print(__name__, sys.argv[1:])")
    done = subprocess.run(
        [sys.executable, "-m", "mien_core.hardening", "attempt", "one", "two"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "__main__ ['one', 'two']\n"


@pytest.mark.parametrize(
    "use", ["connect(('127.0.0.1', 9))", "bind(('127.0.0.1', 0))", "sendto(b'x', ('127.0.0.1', 9))"]
)
def test_a_socket_that_was_open_before_is_of_no_use(use: str) -> None:
    code = (
        "import socket; from mien_core.hardening import forbid_network\n"
        "with socket.socket(type=socket.SOCK_DGRAM) as made:\n"
        "    forbid_network()\n"
        f"    made.{use}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "PermissionError: socket." in done.stderr
