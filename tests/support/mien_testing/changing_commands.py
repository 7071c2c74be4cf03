"""The commands that change something, each with what must be true of its files before, after and in between."""

import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PIL.Image

from mien_daemon.references.consent import Consent
from mien_daemon.references.library import ReferenceLibrary
from mien_daemon.references.records import KeptPicture
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.trust.verify import Inspector
from mien_testing.faults import CHANGES, Action, Call, Faults
from mien_testing.secret_store import no_store, stored_in

TIMEOUT_S = 300.0
WEIGHTS = hashlib.sha256(b"weights").digest() * 40_000
STATEMENT = ("--basis", "self", "--adult")
# What a file is called until it is whole: see `mien_core.files.write_whole`, and the links of a model.
HALF = re.compile(r"\..+\.([0-9a-f]{8}|\d+\.new)")


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit status, the document on stdout, and stderr."""

    status: int
    document: Any
    err: str

    @property
    def code(self) -> str:
        return str(self.document.get("code", "")) if isinstance(self.document, dict) else "no document"


class Shell:
    """Runs `mien` as a process, in a folder whose calls `Faults` counts."""

    def __init__(self, folder: Path, faults: Faults, models: Path) -> None:
        self.folder = folder
        self.faults = faults
        self.environment = {
            **os.environ,
            **faults.environment,
            "MIEN_STATE_DIR": str(folder / "state"),
            "MIEN_MODELS_DIR": str(models),
            "MIEN_OFFLINE": "1",
            "HF_HUB_CACHE": str(folder / "hub"),
            "XDG_STATE_HOME": str(folder / "logs"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def run(self, *words: str, **environment: str) -> Ran:
        """One command with `--json`, to its end."""
        ended = subprocess.run(
            [sys.executable, "-m", "mien_cli", *words, "--json"],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        try:
            document = json.loads(ended.stdout)
        except ValueError:
            document = None
        return Ran(ended.returncode, document, ended.stderr)

    def done(self, *words: str) -> Any:
        """The answer of a command that has to succeed."""
        ran = self.run(*words)
        assert ran.status == 0, ran
        return ran.document


Prepare = Callable[[Shell], None]
Claim = Callable[[Shell, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Operation:
    """A command, and what holds around it.

    `prepare` makes the folder ready, once. `whole` is claimed after a failed run and after a good one; `settled` after
    a good one. `again` are the codes with which a repetition may say that the first, failed run had done it all.
    """

    name: str
    words: Callable[[Shell], tuple[str, ...]]
    prepare: Prepare
    whole: Claim
    settled: Claim
    again: tuple[str, ...] = ()


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────


def lay_out_pictures(shell: Shell) -> None:
    """A target and a reference, small: what is tried here is files, not faces."""
    store = Path(shell.environment["MIEN_MODELS_DIR"]) / "models/demo-portraits"
    for name, side in (("astronaut.png", 320), ("grace_hopper.jpg", 320)):
        picture = PIL.Image.open(store / name).convert("RGB")
        picture.thumbnail((side, side))
        picture.save(shell.folder / name)


def require_whole_picture(shell: Shell, name: str = "out.png") -> None:
    """A result is not there, or is there to its last byte with credentials that hold."""
    path = shell.folder / name
    if not path.exists():
        return
    with PIL.Image.open(path) as picture:
        picture.load()
    said = Inspector(None).inspect(path.read_bytes()).credentials
    assert said.state == "valid", said


def require_inputs(shell: Shell) -> None:
    for name in ("astronaut.png", "grace_hopper.jpg"):
        with PIL.Image.open(shell.folder / name) as picture:
            picture.load()


def _swap_whole(shell: Shell, before: Mapping[str, Any]) -> None:
    require_inputs(shell)
    if (old := before.get("old")) and (shell.folder / "out.png").read_bytes() == old:
        return
    assert not before.get("old") or (shell.folder / "out.png").exists(), "the picture that was there is lost"
    require_whole_picture(shell)


def _swap_settled(shell: Shell, before: Mapping[str, Any]) -> None:
    assert (shell.folder / "out.png").exists()
    require_whole_picture(shell)


def _over_another(shell: Shell) -> None:
    lay_out_pictures(shell)
    shutil.copy(shell.folder / "astronaut.png", shell.folder / "out.png")


SWAP_WORDS = ("swap", "astronaut.png", "--face", "grace_hopper.jpg", "-o", "out.png", "--local", *STATEMENT)
SWAP = Operation("swap", lambda _: SWAP_WORDS, lay_out_pictures, _swap_whole, _swap_settled)
SWAP_OVER = Operation("swap over a picture", lambda _: SWAP_WORDS, _over_another, _swap_whole, _swap_settled)
RESTORE = Operation(
    "restore",
    lambda _: ("restore", "astronaut.png", "-o", "out.png"),
    lay_out_pictures,
    _swap_whole,
    _swap_settled,
)


# ── references ───────────────────────────────────────────────────────────────────────────────────────────────────


def open_library(shell: Shell) -> ReferenceLibrary:
    return ReferenceLibrary(shell.state, stored_in(shell.state, no_store()))


def keep_face(shell: Shell, name: str, picture: str) -> None:
    """A face as `mien references add` keeps it, without looking for one in the picture."""
    consent = Consent.given(name, "self", adult=True, expires_at=None)
    open_library(shell).add([KeptPicture((shell.folder / picture).read_bytes(), b"a thumbnail")], consent)


def names_in_library(shell: Shell) -> list[str]:
    """The names of the library, every one of which opens."""
    library = open_library(shell)
    records = library.records()
    assert all(library.pictures(record.id) and library.thumbnail(record.id) for record in records)
    return sorted(record.consent.label for record in records)


def _one_face(shell: Shell) -> None:
    lay_out_pictures(shell)
    shell.state.mkdir(mode=0o700)
    keep_face(shell, "Grace", "grace_hopper.jpg")


def _library_whole(shell: Shell, before: Mapping[str, Any]) -> None:
    require_inputs(shell)
    assert names_in_library(shell) in (before["names"], sorted([*before["names"], "Eileen"]))


def _library_settled(shell: Shell, before: Mapping[str, Any]) -> None:
    assert "Eileen" in names_in_library(shell)
    assert set(before["names"]) <= set(names_in_library(shell))


ADD_WORDS = ("references", "add", "astronaut.png", "--name", "Eileen", *STATEMENT)
ADD_FIRST = Operation("add", lambda _: ADD_WORDS, lay_out_pictures, _library_whole, _library_settled)
ADD_SECOND = Operation("add a second", lambda _: ADD_WORDS, _one_face, _library_whole, _library_settled)


def _two_faces(shell: Shell) -> None:
    _one_face(shell)
    keep_face(shell, "Eileen", "astronaut.png")


def _remove_words(shell: Shell) -> tuple[str, ...]:
    records = open_library(shell).records()
    return ("references", "remove", next((one.id for one in records if one.consent.label == "Eileen"), "gone"))


def _withdrawn_whole(shell: Shell, before: Mapping[str, Any]) -> None:
    assert names_in_library(shell) in (["Eileen", "Grace"], ["Grace"])


def _withdrawn(shell: Shell, before: Mapping[str, Any]) -> None:
    assert names_in_library(shell) == ["Grace"]


WITHDRAW = Operation("remove a face", _remove_words, _two_faces, _withdrawn_whole, _withdrawn, ("unknown-reference",))


def _forget_whole(shell: Shell, before: Mapping[str, Any]) -> None:
    """What is being shredded may be half gone; what still opens opens."""
    shell.run("references", "list")


def _forgotten(shell: Shell, before: Mapping[str, Any]) -> None:
    assert names_in_library(shell) == []
    left = [path.name for path in (shell.folder / "state/references").iterdir() if path.name != "lock"]
    assert left == [], left


FORGET = Operation("forget all", lambda _: ("references", "forget-all"), _two_faces, _forget_whole, _forgotten)


# ── models ───────────────────────────────────────────────────────────────────────────────────────────────────────

CATALOGUE = """
[licences.free]
name = "Free"
url = "https://example.org/"
commercial = true
[models.made-up]
title = "Made up"
version = "1"
licence = "free"
source = {{ kind = "{kind}", {where} }}
files = [
  {{ path = "a.dat", format = "dlib", size = {size}, sha256 = "{digest}" }},
  {{ path = "b.dat", format = "dlib", size = {size}, sha256 = "{digest}" }},
]
"""


def _write_catalogue(shell: Shell, kind: str, where: str) -> None:
    text = CATALOGUE.format(kind=kind, where=where, size=len(WEIGHTS), digest=hashlib.sha256(WEIGHTS).hexdigest())
    (shell.folder / "own.toml").write_text(text)
    shell.environment["MIEN_CATALOGUE"] = str(shell.folder / "own.toml")
    shell.environment["MIEN_MODELS_DIR"] = str(shell.folder / "models")
    shell.environment.pop("MIEN_OFFLINE", None)


def offer_from_folder(shell: Shell) -> None:
    """A catalogue with one model of two files, whose source is a folder of this machine."""
    source = shell.folder.parent / "source"
    source.mkdir(exist_ok=True)
    for name in ("a.dat", "b.dat"):
        (source / name).write_bytes(WEIGHTS)
    _write_catalogue(shell, "local", f'folder = "{source}"')


def offer_from_server(shell: Shell, url: str) -> None:
    """The same from a server of this machine."""
    _write_catalogue(shell, "url", f'bases = ["{url}"]')


def open_store(shell: Shell) -> ModelStore:
    """The models of the shell's own folder, through a catalogue that is read anew."""
    return ModelStore(shell.folder / "models", load_catalogue(shell.environment))


def state_of(shell: Shell, name: str = "made-up") -> str:
    return open_store(shell).states([name])[0].state


def _models_whole(shell: Shell, before: Mapping[str, Any]) -> None:
    """Nothing that is there under the model's name has other bytes, and nothing that is not whole is ready."""
    views = list((shell.folder / "models/models/made-up").glob("*.dat"))
    assert all(path.read_bytes() == WEIGHTS for path in views)
    state = state_of(shell)
    assert state in {"ready", "missing", "partial"}, state
    assert state != "ready" or len(views) == 2
    if state == "ready":
        assert all(file.ok for file in open_store(shell).verify(["made-up"]))


def _pulled(shell: Shell, before: Mapping[str, Any]) -> None:
    assert state_of(shell) == "ready"
    _models_whole(shell, before)


PULL_FOLDER = Operation(
    "pull from a folder", lambda _: ("models", "pull", "made-up"), offer_from_folder, _models_whole, _pulled
)


def _pulled_already(shell: Shell) -> None:
    offer_from_folder(shell)
    shell.done("models", "pull", "made-up")


def _removed(shell: Shell, before: Mapping[str, Any]) -> None:
    assert state_of(shell) == "missing"
    assert not list((shell.folder / "models/blobs").rglob("?" * 64))


REMOVE_MODEL = Operation(
    "remove a model", lambda _: ("models", "remove", "made-up"), _pulled_already, _models_whole, _removed
)


def _exported_whole(shell: Shell, before: Mapping[str, Any]) -> None:
    _models_whole(shell, before)
    assert state_of(shell) == "ready"


def _exported(shell: Shell, before: Mapping[str, Any]) -> None:
    imported = shell.run("models", "import", "stick", MIEN_MODELS_DIR=str(shell.folder / "second"))
    assert imported.status == 0, imported
    shutil.rmtree(shell.folder / "second")


EXPORT = Operation(
    "export", lambda _: ("models", "export", "made-up", "stick"), _pulled_already, _exported_whole, _exported
)


def _stick(shell: Shell) -> None:
    _pulled_already(shell)
    shell.done("models", "export", "made-up", "stick")
    shutil.rmtree(shell.folder / "models")


IMPORT = Operation("import", lambda _: ("models", "import", "stick"), _stick, _models_whole, _pulled)
VERIFY = Operation("verify", lambda _: ("models", "verify", "made-up"), _pulled_already, _exported_whole, _pulled)

EVERY = (
    SWAP,
    SWAP_OVER,
    RESTORE,
    ADD_FIRST,
    ADD_SECOND,
    WITHDRAW,
    FORGET,
    PULL_FOLDER,
    REMOVE_MODEL,
    EXPORT,
    IMPORT,
    VERIFY,
)


# ── trying ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Trial:
    """One command on one prepared folder, run again and again with another fault each time."""

    def __init__(self, operation: Operation, shell: Shell) -> None:
        self._operation = operation
        self._shell = shell
        self._kept = shell.folder.with_name("kept")
        shell.faults.rest()
        operation.prepare(shell)
        picture = shell.folder / "out.png"
        self._before = {
            "old": picture.read_bytes() if picture.exists() else None,
            "names": names_in_library(shell) if shell.state.exists() else [],
        }
        self.words = operation.words(shell)
        shutil.copytree(shell.folder, self._kept)

    def count(self, kinds: Call = CHANGES) -> int:
        """How many calls the command makes when nothing fails."""
        self._shell.faults.count(kinds)
        ran = self._shell.run(*self.words)
        self._shell.faults.rest()
        assert ran.status == 0, ran
        self._operation.settled(self._shell, self._before)
        return self._shell.faults.calls

    def survive(self, number: int, error: int = errno.ENOSPC, **how: Any) -> None:
        """Fail the call of this number: a named error, everything whole, and the same command works afterwards."""
        faults = self._shell.faults
        self._reset()
        faults.fail(number, error, **how)
        ran = self._shell.run(*self.words)
        blamed, failed = faults.blamed, faults.failed
        faults.rest()
        what = f"{self._operation.name}: {blamed}: {ran}"
        if how.get("action") == Action.KILL:
            assert ran.status == -signal.SIGKILL or not failed, what
        else:
            assert ran.status in {0, 1}, what
            assert ran.status == 0 or ran.code not in {"internal-error", "no document"}, what
            assert "Traceback" not in ran.err, what
        self._require_whole(what, killed=how.get("action") == Action.KILL)
        again = self._shell.run(*self._operation.words(self._shell))
        assert again.status == 0 or again.code in self._operation.again, f"{what}: again: {again}"
        with _explaining(what):
            self._operation.settled(self._shell, self._before)

    def _require_whole(self, what: str, *, killed: bool) -> None:
        with _explaining(what):
            self._operation.whole(self._shell, self._before)
            if not killed and "unlink" not in what.split(":")[1]:
                left = [path for path in self._shell.folder.rglob(".*.*") if HALF.fullmatch(path.name)]
                assert not left, f"left over: {left}"

    def _reset(self) -> None:
        shutil.rmtree(self._shell.folder)
        shutil.copytree(self._kept, self._shell.folder)


@contextmanager
def _explaining(what: str) -> Generator[None]:
    """Say after which fault an assertion failed."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from error
