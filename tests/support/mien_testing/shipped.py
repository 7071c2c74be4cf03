"""What happens to the real packages, as `nox -s shipped` built them, where nothing of a developer's machine is."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien_models.store import ModelStore
from mien_testing.bare_root import BareRoot

BUILT = Path(os.environ.get("MIEN_SHIPPED", "build/shipped")).absolute()
USER = "anna"
# Swaps through the daemon over HTTP as a script would, and asks for a preview; prints one document.
OVER_HTTP = """
import http.client, json, sys
from pathlib import Path
from mien_api.client import DaemonClient
state, target, reference = sys.argv[1:4]
daemon = DaemonClient.discover(state)
picture, report = daemon.swap(Path(target).read_bytes(), Path(reference).read_bytes(), {})
import hashlib
name = "sha256:" + hashlib.sha256(Path(target).read_bytes()).hexdigest()
asked = http.client.HTTPConnection("127.0.0.1", daemon.port)
asked.request("GET", f"/v1/blobs/{name}/preview", headers={"Authorization": f"Bearer {daemon.token}"})
answer = asked.getresponse()
body = answer.read()
print(json.dumps({"result": len(picture), "swapped": report["faces"][0]["swapped"], "preview": answer.status,
                  "type": answer.getheader("Content-Type"), "bytes": len(body)}))
"""


def built(pattern: str) -> Path:
    """The one file that was built with such a name."""
    (found,) = (BUILT / "out").glob(pattern)
    return found


@dataclass
class Story:
    """What was seen while one package was installed, used by two people, and purged."""

    seconds: dict[str, float] = field(default_factory=dict)
    installed_bytes: int = 0
    demo: dict[str, Any] = field(default_factory=dict)
    demo_picture: bytes = b""
    version: str = ""
    doctor: dict[str, Any] = field(default_factory=dict)
    over_http: dict[str, Any] = field(default_factory=dict)
    idle_mb: float = 0.0
    tray: str = ""
    verified: str = ""
    running_before_purge: int = 0
    purged: str = ""
    processes: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    users_files: list[str] = field(default_factory=list)


def seconds_of(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def install(root: BareRoot, seen: Story) -> None:
    package = root.path / "root/mien.deb"
    package.write_bytes(built("*.deb").read_bytes())
    words = ("apt-get", "install", "-qy", "--no-install-recommends", "/root/mien.deb")
    seen.seconds["install"] = seconds_of(lambda: root.run(*words))
    package.unlink()
    seen.verified = root.run("dpkg", "--verify", "mien").stdout
    told = root.run("du", "-sb", "--exclude=starter-models", "/opt/mien").stdout
    seen.installed_bytes = int(told.split()[0])


def use(root: BareRoot, seen: Story) -> None:
    done: list[str] = []
    seen.seconds["demo"] = seconds_of(lambda: done.append(root.run("mien", "demo", "--json").stdout))
    seen.demo = json.loads(done[0])
    seen.demo_picture = (root.path / "root/mien-demo/result.jpg").read_bytes()
    seen.seconds["help"] = min(seconds_of(lambda: root.run("mien", "--help")) for _ in range(3))
    seen.version = root.run("mien", "--version").stdout
    seen.doctor = json.loads(root.run("mien", "doctor", "--json").stdout)


def serve(root: BareRoot, seen: Story, models: ModelStore) -> None:
    """The tray without a display starts a daemon and is ended; then another user's daemon works, and runs on."""
    tray = subprocess.Popen(root.words(["mien-tray"]), stderr=subprocess.PIPE, text=True)
    assert tray.stderr is not None
    seen.tray = tray.stderr.readline()
    until_ready(root.path / "root/.local/state/mien")
    root.run("mien", "tray", "--quit-all")
    tray.communicate(timeout=30)
    root.run("mien", "serve", user=USER)  # which installs the models that came with the package
    root.run("mien", "tray", "--quit-all", user=USER)
    root.run("mien", "serve", user=USER)
    state = root.path / "home" / USER / ".local/state/mien"
    until_ready(state)
    pid = json.loads((state / "daemon.json").read_text(encoding="utf-8"))["pid"]
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    seen.idle_mb = next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6
    portraits = (models.path("demo-portraits", "astronaut.png"), models.path("demo-portraits", "grace_hopper.jpg"))
    command = [*root.enter(), sys.executable, "-c", OVER_HTTP, str(state), *map(str, portraits)]
    seen.over_http = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def until_ready(state: Path) -> None:
    """Return when the daemon on this folder listens."""
    until = time.monotonic() + 60
    while not (state / "daemon.json").exists():
        assert time.monotonic() < until, "the daemon did not start"
        time.sleep(0.05)


def purge(root: BareRoot, seen: Story, before: set[str]) -> None:
    seen.running_before_purge = len(root.processes())
    seen.purged = root.run("apt-get", "purge", "-qy", "mien").stdout
    seen.processes = [Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8") for pid in root.processes()]
    seen.files = root.files() - before
    home = root.path / "home" / USER
    seen.users_files = [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]
