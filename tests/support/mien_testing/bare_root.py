"""A bare Debian root in a network and mount namespace of its own, and what runs and lies in it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# Brings up the loopback device, mounts what programs expect, says so, and holds the namespaces until it is closed.
HOLD = """
import fcntl, socket, struct, subprocess, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x41))  # SIOCSIFFLAGS: IFF_UP | IFF_RUNNING
root = sys.argv[1]
for words in (["-t", "proc", "proc", "/proc"], ["-t", "tmpfs", "tmpfs", "/dev/shm"], ["-t", "tmpfs", "tmpfs", "/tmp"]):
    subprocess.run(["mount", *words[:-1], root + words[-1]], check=True)
print("ready", flush=True)
sys.stdin.read()
"""
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
# What dpkg, apt and adduser note for themselves.
BOOKS = ("var/lib/dpkg/", "var/log/", "var/lib/apt/", "var/cache/", "etc/", "proc/", "tmp/", "home/", "root/")


class BareRoot:
    """A copy of a debootstrap root without a network."""

    def __init__(self, origin: Path, folder: Path) -> None:
        self.path = folder
        subprocess.run(["cp", "-a", str(origin.resolve()), str(folder)], check=True)
        (folder / "dev/shm").mkdir(exist_ok=True)
        command = ["unshare", "--net", "--mount", sys.executable, "-c", HOLD, str(folder)]
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"

    def close(self) -> None:
        """End what still runs inside, and the namespaces."""
        for pid in self.processes():
            os.kill(pid, 9)
        self._holder.communicate()
        shutil.rmtree(self.path)

    def words(self, command: Sequence[str], user: str = "root") -> list[str]:
        """The command as the machine outside starts it: inside the root, as that user, in the user's home."""
        home = "/root" if user == "root" else f"/home/{user}"
        environment = [f"{name}={value}" for name, value in {**ENVIRONMENT, "HOME": home, "USER": user}.items()]
        inside = ["chroot", f"--userspec={user}:{user}", str(self.path), "env", "-i", "-C", home, *environment]
        return [*self.enter(mounts=True), *inside, *command]

    def enter(self, *, mounts: bool = False) -> list[str]:
        """The words before a command of the machine outside that is to use the root's network."""
        return ["nsenter", f"--target={self._holder.pid}", "--net", *(["--mount"] if mounts else [])]

    def run(self, *command: str, user: str = "root", check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(self.words(command, user), capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def processes(self) -> list[int]:
        """Every process that runs in the root."""
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and (entry / "root").readlink() == self.path:
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def files(self) -> set[str]:
        """Every path outside homes, without the books that the system keeps of packages and people."""
        told = self.run("find", "/", "-xdev", "-mindepth", "1").stdout.splitlines()
        told += self.run("find", "/dev/shm", "-mindepth", "1").stdout.splitlines()
        return {path for path in told if not path[1:].startswith(BOOKS)}
