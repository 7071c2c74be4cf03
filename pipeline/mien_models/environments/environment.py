"""The environment of the engines: made from the lock file by uv, offline, out of wheels that were fetched before.

root/engines/
  env/             the environment; its Python runs the worker
  wheels/          on their way; gone once the environment stands
  installed.json   written last: of which version, lock file and device it is, and for which engines
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ValidationError

from mien_core.errors import EngineUnavailable, Offline
from mien_core.files import make_folder, remove_file, write_whole
from mien_core.locks import exclusively
from mien_core.program import windowless
from mien_models.environments.lock import EngineLock, LockedWheel, Target
from mien_models.environments.own_packages import add_own_packages
from mien_models.environments.uv import Uv, find_uv
from mien_models.local.disk import check_disk
from mien_models.local.egress_log import EgressLog
from mien_models.progress import OnPull, Reporter, ignore_pull
from mien_models.remote.network import Network

if TYPE_CHECKING:
    from mien_models.environments.wheels import WheelFolder

State = Literal["absent", "ready", "outdated"]
# torch with CUDA: 3.0 GB of wheels unpack to some 6.
_UNPACKED = 2.5


class Installed(BaseModel, frozen=True):
    """What stands; `torch` and `found` are what its own Python said, `device` is what was asked for."""

    version: str
    lock_sha256: str
    device: str
    torch: str
    found: str
    engines: tuple[str, ...]


class EngineEnvironment:
    """The one environment below a models folder, shared by every engine that needs more than the core has."""

    def __init__(self, root: Path, lock: EngineLock | None = None) -> None:
        self.folder = root / "engines"
        self.lock = lock or EngineLock()
        self._root = root

    @cached_property
    def wheels(self) -> "WheelFolder":
        """Where wheels lie on their way."""
        from mien_models.environments.wheels import WheelFolder  # the daemon's front process has no HTTP client

        return WheelFolder(self.folder / "wheels")

    @property
    def note(self) -> Path:
        """What is written last: another file with every environment."""
        return self.folder / "installed.json"

    @property
    def python(self) -> Path:
        return python_in(self.folder / "env")

    @property
    def installed(self) -> Installed | None:
        try:
            return Installed.model_validate_json(self.note.read_bytes())
        except (OSError, ValidationError):
            return None

    @property
    def state(self) -> State:
        """Whether it stands, and is of this version of Mien and of its lock file."""
        found = self.installed
        if found is None or not self.python.exists():
            return "absent"
        fits = found.version == metadata.version("mien") and found.lock_sha256 == self.lock.sha256
        return "ready" if fits else "outdated"

    def serves(self, engine: str) -> bool:
        found = self.installed
        return found is not None and engine in found.engines and self.state == "ready"

    def locked_wheels(self) -> list[LockedWheel]:
        """What it is made of on this machine; raises EngineUnavailable as `EngineLock.wheels` does."""
        _, version = self._uv(lambda: None).find_python()
        return self.lock.wheels(Target(version))

    def install(
        self, engine: str, device: str, *, network: Network | None, on_progress: OnPull = ignore_pull
    ) -> Installed:
        """Make the environment, or note that one more engine uses it. Without a `network` nothing is fetched.

        Raises:
            EngineUnavailable: there is no uv, no Python, or no lock for this machine; `reason` or `needs` says which.
            Offline: wheels are missing and the network is switched off; `files` names them.
            DownloadFailed, ChecksumMismatch, DiskFull: a second call goes on where this one stopped.
        """
        report = Reporter("engines", 0, on_progress)
        make_folder(self._root / "locks")
        with exclusively(self._root / "locks" / ".engines", report.tick):
            before = self.installed
            engines = tuple(sorted({engine, *(before.engines if before else ())}))
            if before and self.state == "ready" and before.device == device:
                return self._note(before.model_copy(update={"engines": engines}))
            uv = self._uv(report.tick)
            python, version = uv.find_python()
            wheels = self.lock.wheels(Target(version))
            self._fetch(wheels, network, report)
            report.stage("installing")
            found = self._build(uv, python, wheels)
            made = Installed(
                version=metadata.version("mien"),
                lock_sha256=self.lock.sha256,
                device=device,
                torch=found["torch"],
                found=found["device"],
                engines=engines,
            )
            self._note(made)
            shutil.rmtree(self.wheels.folder, ignore_errors=True)
            report.stage("done")
            return made

    def remove(self, engine: str) -> bool:
        """Let go of it for one engine; the environment goes with the last one. Whether it went."""
        make_folder(self._root / "locks")
        with exclusively(self._root / "locks" / ".engines"):
            found = self.installed
            left = tuple(one for one in found.engines if one != engine) if found else ()
            if found and left:
                self._note(found.model_copy(update={"engines": left}))
                return False
            remove_file(self.note)  # first: what is half removed does not stand
            shutil.rmtree(self.folder, ignore_errors=True)
            return True

    def fetch(self, network: Network | None, on_progress: OnPull = ignore_pull) -> list[LockedWheel]:
        """Bring every wheel and install nothing, for `export`; raises as `install` does."""
        report = Reporter("engines", 0, on_progress)
        make_folder(self._root / "locks")
        with exclusively(self._root / "locks" / ".engines", report.tick):
            wheels = self.locked_wheels()
            self._fetch(wheels, network, report)
        return wheels

    def _fetch(self, wheels: Sequence[LockedWheel], network: Network | None, report: Reporter) -> None:
        missing = self.wheels.missing(wheels)
        if missing and network is None:
            names = [wheel.filename for wheel in missing]
            raise Offline(f"{len(names)} packages are missing and the network is switched off", files=names)
        report.total = sum(wheel.size for wheel in missing)
        check_disk(self._root, report.total + int(_UNPACKED * sum(wheel.size for wheel in wheels)))
        make_folder(self.wheels.folder)
        if missing and network is not None:
            self.wheels.fetch(missing, network, EgressLog(self._root / "egress.log"), report)

    def _uv(self, tick: Callable[[], None]) -> Uv:
        return Uv(find_uv(), self.folder / "cache", tick)

    def _build(self, uv: Uv, python: Path, wheels: Sequence[LockedWheel]) -> dict[str, str]:
        """Make the environment beside the old one, try it, and put it in that one's place; what it says of itself."""
        new, old = self.folder / "new", self.folder / "env"
        shutil.rmtree(new, ignore_errors=True)
        try:
            uv.run("venv", "--relocatable", "--python", str(python), str(new))
            listed = self.folder / "requirements.txt"
            lines = (f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in wheels)
            write_whole(listed, "\n".join([*lines, ""]).encode())
            words = ["--no-index", "--no-deps", "--require-hashes", "--find-links", str(self.wheels.folder)]
            uv.run("pip", "install", "--python", str(python_in(new)), *words, "-r", str(listed))
            add_own_packages(python_in(new))
            found = ask_environment(python_in(new))
            self.note.unlink(missing_ok=True)
            shutil.rmtree(old, ignore_errors=True)
            new.replace(old)
        finally:
            shutil.rmtree(new, ignore_errors=True)
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
            remove_file(self.folder / "requirements.txt")
        return found

    def _note(self, installed: Installed) -> Installed:
        write_whole(self.note, installed.model_dump_json(indent=1).encode())
        return installed


def find_engine_python(root: Path) -> Path | None:
    """The Python that the worker runs in; None where our own is all there is, or the environment is outdated."""
    environment = EngineEnvironment(root)
    return environment.python if environment.state == "ready" else None


def python_in(environment: Path) -> Path:
    """Its interpreter."""
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def ask_environment(python: Path) -> dict[str, str]:
    """What torch of an environment says: its version, and the device that it would use.

    Raises:
        EngineUnavailable: it cannot be imported; `reason` is "broken".
    """
    command = [str(python), "-P", "-m", "mien_pipeline.environment_probe"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **windowless())
    try:
        said = json.loads(done.stdout)
        return {"torch": str(said["torch"]), "device": str(said["device"])}
    except (ValueError, KeyError, TypeError):
        raise EngineUnavailable(
            "torch does not start in the new environment", reason="broken", detail=done.stderr.strip()[-500:]
        ) from None
