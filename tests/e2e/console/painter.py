"""The daemon's process for the console's tests: real but for the faces, which are painted in their reference's colour.

`python painter.py STATE_DIR MODELS_DIR PORT WORKER`; a worker that is not `painter:paint` swaps.
A picture shows one face for every square that fits side by side into it. A picture of a reference that has another
colour than the first of its person is of another person.
`PAINTER_LOCK` names the lock file of an engine that lacks a library.
A file `hold` in the state folder keeps a running job where it is; a file `fail-CODE` makes jobs refuse with it.
"""

import asyncio
import io
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw

from mien_core.errors import ContentBlocked, MienError, NoFaceFound
from mien_models.environments.lock import EngineLock
from mien_pipeline.choice_report import Choice, MeasuredRow, Tried
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.face import Face
from mien_pipeline.options import AUTO, SwapOptions
from mien_pipeline.progress import OnProgress, Progress, ignore_progress
from mien_pipeline.report import FaceReport, IdentityScores, LeftOut, Swapped
from mien_pipeline.trust.authority import Authority
from mien_testing.runtime import FakeRuntime, swapped

STEPS = 4
REFUSALS: dict[str, type[MienError]] = {"no-face-found": NoFaceFound, "content-blocked": ContentBlocked}
FIGURES = MeasuredRow(4, 0.6, 0.775, 0)
SCORES = IdentityScores("the painter's", 0.64, 0.13, 0.05)


def opened(data: bytes) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(data)).convert("RGB")


def boxes(picture: PIL.Image.Image) -> list[tuple[int, int, int, int]]:
    """The middle of every square, from the left."""
    side = picture.height
    return [
        (at * side + side // 4, side // 4, at * side + 3 * side // 4, 3 * side // 4)
        for at in range(picture.width // side)
    ]


class Painter(FakeRuntime):
    """A runtime whose results show which face got which reference."""

    def __init__(self, state: Path) -> None:
        super().__init__(state)
        self._folder = state

    def find_faces(self, picture: bytes) -> Sequence[Face]:
        found = [np.array(box, np.float32) for box in boxes(opened(picture))]
        return [Face(box, 0.9, np.zeros((5, 2), np.float32)) for box in found]

    def swap(
        self,
        target: bytes,
        references: Sequence[Sequence[bytes]],
        options: SwapOptions,
        on_progress: OnProgress = ignore_progress,
        likes: Sequence[bytes] = (),
    ) -> Swapped:
        engine = "mesh" if options.engine == AUTO else options.engine
        self.engine_name = engine
        for step in range(STEPS):
            on_progress(Progress("generate", step, STEPS))
            while step == 2 and (self._folder / "hold").exists():
                on_progress(Progress("generate", step, STEPS))
                time.sleep(0.01)
        for code, refusal in REFUSALS.items():
            if (self._folder / f"fail-{code}").exists():
                raise refusal("as the test wants it", role="target", stage="target")
        picture = opened(target)
        found = boxes(picture)
        chosen = options.faces if isinstance(options.faces, tuple) else tuple(range(len(found)))
        colours = [opened(person[0]).getpixel((0, 0)) for person in references]
        draw = PIL.ImageDraw.Draw(picture)
        for turn, index in enumerate(chosen):
            draw.rectangle(found[index], fill=colours[turn if len(colours) > 1 else 0])
        made = io.BytesIO()
        picture.save(made, "png")
        faces = tuple(
            FaceReport(index, tuple(map(float, box)), index in chosen, SCORES if index in chosen else None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            for index, box in enumerate(found)
        )
        left_out = tuple(find_strangers(references))
        choice = Choice(AUTO, engine, "best-measured", 64, 3, FIGURES, ("inswapper",), (Tried(engine, "passed"),))
        done = replace(swapped(made.getvalue(), engine, 0), size=picture.size, faces=faces)
        done = replace(done, choice=choice if options.engine == AUTO else None)
        return replace(done, left_out=left_out, warnings=tuple(dict.fromkeys(each.why for each in left_out)))


def find_strangers(references: Sequence[Sequence[bytes]]) -> Iterator[LeftOut]:
    """Every picture of another colour than its person's first: it is of another person."""
    for place, person in enumerate(references):
        first, *others = (opened(picture).getpixel((0, 0)) for picture in person)
        for number, colour in enumerate(others, start=1):
            if colour != first:
                yield LeftOut(number, "other-person", place)


def paint(models: Path, state: Path, *, offline: bool, authority: Authority) -> Painter:
    """What the daemon under test calls instead of loading networks."""
    del models, offline, authority
    return Painter(state)


if __name__ == "__main__":
    from mien_daemon.config import Config
    from mien_daemon.server import serve

    # A second engine that lacks nothing, so that there are two to compare.
    vars(ENGINES)["_all"] = {**ENGINES, "inswapper": replace(ENGINES["inswapper"], libraries=(), models=())}
    if lock := os.environ.get("PAINTER_LOCK"):
        # An engine that lacks a library, and the lock file of an environment that has it.
        vars(ENGINES)["_all"]["flux"] = replace(ENGINES["flux"], libraries=("extra",))
        EngineLock.__init__.__defaults__ = (Path(lock),)
    state, models, port, worker = sys.argv[1:]
    # One worker, wherever this runs: of several jobs that are held one is at work and the others wait.
    config = Config.load({"port": int(port), "devices": "cpu"}, state_dir=state, models_dir=models)
    asyncio.run(serve(replace(config, worker=worker)))
