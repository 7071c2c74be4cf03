"""A worker reaches no network, leaves no core, and keeps its files to the user."""

import subprocess
import sys


def test_a_worker_reaches_no_network_leaves_no_core_and_keeps_its_files_private() -> None:
    code = (
        "from mien_daemon.worker.isolation import isolate\n"
        "import os, resource, socket\n"
        "isolate()\n"
        "for reach in (lambda: socket.create_connection(('127.0.0.1', 9)),\n"
        "              lambda: socket.getaddrinfo('a.example', 80),\n"
        "              lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))):\n"
        "    try:\n        reach()\n    except PermissionError:\n        print('refused')\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0], oct(os.umask(0)), os.nice(0) > 0)\n"
        "one, other = socket.socketpair(); one.send(b'x'); print(other.recv(1))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["refused"] * 3 + ["0 0o77 True", "b'x'"]
