"""The daemon's process for these tests: real but for the pictures, which it paints green instead of swapping faces.

`python painter.py STATE_DIR PORT`. A file `hold` in the state folder keeps a running job where it is; a file
`fail-CODE` makes the next ones refuse with that code; a file `real` gives them to the product's own pipeline.
"""

import asyncio
import io
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import PIL.Image

from mien_core.errors import ContentBlocked, MienError, NoFaceFound
from mien_pipeline.face import Face
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnProgress, Progress, ignore_progress
from mien_pipeline.report import Swapped
from mien_pipeline.runtime import Runtime, create_runtime
from mien_pipeline.trust.authority import Authority
from mien_testing.runtime import FakeRuntime, swapped

STEPS = 4
GREEN = (20, 200, 60)
REFUSALS: dict[str, type[MienError]] = {"no-face-found": NoFaceFound, "content-blocked": ContentBlocked}


class Painter(FakeRuntime):
    """A runtime whose results can be told from what went in, at the size it had."""

    def __init__(self, models: Path, state: Path, authority: Authority) -> None:
        super().__init__(state)
        self._authority = authority
        self._models = models
        self._folder = state

    @cached_property
    def _pipeline(self) -> Runtime:
        return create_runtime(self._models, self._folder, offline=True, authority=self._authority)

    def swap(
        self,
        target: bytes,
        references: Sequence[Sequence[bytes]],
        options: SwapOptions,
        on_progress: OnProgress = ignore_progress,
        likes: Sequence[bytes] = (),
    ) -> Swapped:
        if (self._folder / "real").exists():
            return self._pipeline.swap(target, references, options, on_progress, likes)
        for step in range(STEPS):
            on_progress(Progress("generate", step, STEPS))
            while step == 2 and (self._folder / "hold").exists():
                on_progress(Progress("generate", step, STEPS))
                time.sleep(0.01)
        for code, refusal in REFUSALS.items():
            if (self._folder / f"fail-{code}").exists():
                raise refusal("as the test wants it", role="target", stage="target")
        size = PIL.Image.open(io.BytesIO(target)).size
        made = io.BytesIO()
        PIL.Image.new("RGB", size, GREEN).save(made, "png")
        return replace(swapped(made.getvalue(), options.engine, len(references)), size=size)

    def find_faces(self, picture: bytes) -> Sequence[Face]:
        """One for every square that fits side by side, but always one: a reference has to show a face."""
        width, side = PIL.Image.open(io.BytesIO(picture)).size
        boxes = [
            (at * side + side // 4, side // 4, at * side + 3 * side // 4, 3 * side // 4) for at in range(width // side)
        ]
        kps = np.zeros((5, 2), np.float32)
        return [Face(np.array(box, np.float32), 1.0, kps) for box in boxes or [(0, 0, 10, 10)]]


def paint(models: Path, state: Path, *, offline: bool, authority: Authority) -> Painter:
    """What the daemon under test calls instead of loading networks."""
    del offline
    return Painter(models, state, authority)


if __name__ == "__main__":
    from mien_daemon.config import Config
    from mien_daemon.server import serve

    folder, port = sys.argv[1:]
    # One worker, wherever this runs: of several jobs that are held one is at work and the others wait.
    config = Config.load({"port": int(port), "devices": "cpu"}, state_dir=folder)
    asyncio.run(serve(replace(config, worker="painter:paint")))
