"""Interrupt a command at chosen moments of its run, each time in a process of its own.

A moment is a number: so many functions have been called or left by then, in Python, since the command began. Unlike a
time it falls also into what a C library calls back, and it is the same on a slow machine. Run as a program to try many,
with `--warm` before the words those that the tests try, else others each time:

    python -m mien_testing.interrupted 300 swap target.jpg --face face.png -o out.jpg --local
"""

import os
import random
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import FrameType

CALLBACKS = {"read_callback", "seek_callback", "write_callback", "flush_callback", "wrapped_callback"}
"""What the library of the content credentials calls back."""


@dataclass
class Ended:
    """How a command ended: its exit status, its moments, those within a callback, and what it printed."""

    status: int
    moments: int
    in_callbacks: list[int] = field(default_factory=list[int])
    printed: str = ""


class Moments:
    """Counts calls and returns, and sends the signal at one of them."""

    def __init__(self, at: int | None, number: int) -> None:
        self.passed = 0
        self.in_callbacks: list[int] = []
        self._at, self._number, self._depth = at, number, 0

    def pass_one(self, frame: FrameType, event: str, _: object) -> None:
        self.passed += 1
        if frame.f_code.co_name in CALLBACKS:
            self._depth += {"call": 1, "return": -1}.get(event, 0)
        if self._depth:
            self.in_callbacks.append(self.passed)
        if self.passed == self._at:
            sys.setprofile(None)
            signal.raise_signal(self._number)


def run(words: Sequence[str], log: Path, at: int | None = None, number: int = signal.SIGINT) -> Ended:
    """Run `mien` with these words in a fork of this process, and send it the signal at that moment."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _be_the_command(words, log, Moments(at, number), writing)
    os.close(writing)
    with os.fdopen(reading) as told:
        counted = told.read().split()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    moments, callbacks = (int(counted[0]), [int(each) for each in counted[1:]]) if counted else (0, [])
    return Ended(status, moments, callbacks, log.read_text(errors="replace"))


def _be_the_command(words: Sequence[str], log: Path, moments: Moments, report: int) -> None:
    """Never returns."""
    from mien_cli import __main__ as program

    leave = os._exit

    def tell_and_leave(status: int) -> None:
        sys.setprofile(None)
        os.write(report, " ".join(map(str, [moments.passed, *moments.in_callbacks[:5000]])).encode())
        leave(status)

    try:
        printed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        sys.argv = ["mien", *words]
        sys.stdout, sys.stderr, sys.stdin = open(1, "w"), open(2, "w"), open(0)  # noqa: SIM115
        os._exit = tell_and_leave  # type: ignore[assignment]
        sys.setprofile(moments.pass_one)
        program.main()
    except BaseException:
        sys.setprofile(None)
        traceback.print_exc()
        sys.stderr.flush()
        raise
    finally:
        leave(77)


def find_faults(ended: Ended, at: int, whole: Callable[[], bool]) -> Iterator[str]:
    """What is wrong with a command that was interrupted; `whole` says whether its output is whole or not there."""
    if ended.moments >= at and ended.status != 128 + signal.SIGINT:  # some runs end before that moment
        yield f"status {ended.status}"
    if "Traceback" in ended.printed or "rror" in ended.printed or "ignored" in ended.printed:
        yield ended.printed
    if not whole():
        yield "half an output"


def warm_up() -> None:
    """Import what a swap needs, once for all forks: the moments are then those of the work."""
    for name in ("runtime", "report", "media.probe", "engines.mesh.engine", "trust.marking", "trust.content"):
        import_module(f"mien_pipeline.{name}")


def main() -> None:
    import PIL.Image

    count, words = int(sys.argv[1]), sys.argv[2:]
    draw = random.Random()
    if words[0] == "--warm":
        words = words[1:]
        draw.seed(count)
        warm_up()
    output, log = Path(words[words.index("-o") + 1]), Path("interrupted.log")

    def is_whole() -> bool:
        strays = [path for path in output.absolute().parent.iterdir() if path.name.startswith(".")]
        if output.exists():
            with PIL.Image.open(output) as picture:
                picture.load()
            output.unlink()
        return not strays

    plain = run(words, log)
    within = draw.sample(plain.in_callbacks, min(count // 2, len(plain.in_callbacks)))
    anywhere = draw.sample(range(1, plain.moments), count - len(within))
    bad = 0
    for at in sorted([*within, *anywhere]):
        faults = list(find_faults(run(words, log, at), at, is_whole))
        bad += bool(faults)
        for fault in faults:
            sys.stdout.write(f"{at}: {fault}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{count} moments of {plain.moments}, {len(within)} in callbacks, {bad} bad\n")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
