"""`mien batch` with real workers, a real journal and real reports, and a fake of the pipeline that takes a moment.

`python -m mien_testing.folder_run WORD…` is a process that may be killed.
"""

import os
import re
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL.Image
import PIL.PngImagePlugin

from mien_api.folders import make_private
from mien_cli.batch.prepare import Wanted
from mien_cli.batch.start import run_in_folder
from mien_cli.in_process import load_config
from mien_core import errors
from mien_pipeline.options import SwapOptions
from mien_pipeline.report import FaceReport, IdentityScores, Swapped
from mien_pipeline.trust.authority import Authority
from mien_testing.runtime import FakeRuntime, swapped

ORDER = re.compile(rb"order=(\w+)(?::([\w.-]+))?;")


class OrderedRuntime(FakeRuntime):
    """A runtime that does what a picture says in its text: `die`, `fail:CODE`, `sleep:S`, `crash`.

    The result is the picture as it came, with a byte more.
    """

    def swap(
        self, target: bytes, references: Sequence[Sequence[bytes]], options: SwapOptions, *_: Any, **__: Any
    ) -> Swapped:
        if any(b"order=bad;" in picture for person in references for picture in person):
            raise errors.NoFaceFound("a reference shows no face", role="reference")
        _obey(*next(iter(ORDER.findall(target)), (b"", b"")))
        made = swapped(target + b"\0", options.engine, 1)
        scores = IdentityScores("fake", 0.61, 0.2, 0.1)
        face = FaceReport(0, (0.0, 0.0, 8.0, 8.0), True, scores, ("low-light",), (), "clear", 0.9)
        return replace(made, faces=(face,))


def _obey(order: bytes, value: bytes) -> None:
    match order:
        case b"die":
            os._exit(9)
        case b"sleep":
            time.sleep(float(value))
        case b"crash":
            raise ZeroDivisionError("as it says")
        case b"fail":
            raise next(kind for kind in _leaves(errors.MienError) if kind.code == value.decode())("as it says")
        case _:
            pass


def make_runtime(models: Path, state: Path, *, offline: bool, authority: Authority) -> OrderedRuntime:
    return OrderedRuntime(state)


def _leaves(root: type[errors.MienError]) -> list[type[errors.MienError]]:
    return [root, *(leaf for kind in root.__subclasses__() for leaf in _leaves(kind))]


def start_ordered(args: Namespace, wanted: Wanted) -> int:
    """`mien_cli.batch.start.start` with workers of this runtime, which need no models."""
    config = replace(load_config(args), worker="mien_testing.folder_run:make_runtime")
    make_private(config.folders.state)
    return run_in_folder(args, config, wanted)


def write_picture(path: Path, shade: int, order: str = "") -> Path:
    """A small PNG of its own colour, with an order for `OrderedRuntime` in its text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = PIL.PngImagePlugin.PngInfo()
    text.add_text("Comment", f"order={order};" if order else "")
    PIL.Image.new("RGB", (24, 16), (shade % 256, shade // 256, 90)).save(path, "PNG", pnginfo=text)
    return path


if __name__ == "__main__":
    from mien_cli.__main__ import main
    from mien_cli.batch import start

    start.start = start_ordered
    sys.argv[1:1] = ["batch"]
    main()
