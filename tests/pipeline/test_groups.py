"""Groups promise: faces that do not reach each other's pixels go through a network together, and come out the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from mien_models.catalogue.entries import load_catalogue
from mien_pipeline.engines.registry import ENGINES, parse_options
from mien_pipeline.face import Face, Patch, Portrait
from mien_pipeline.groups import Rendered, list_groups, render_group
from mien_pipeline.image import Floats, Image
from mien_pipeline.masks.likeness import limit_likeness
from mien_pipeline.masks.network import MaskReader
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep, Progress, Stopwatch, ignore_step
from mien_pipeline.protocols import Engine, Likeness
from mien_pipeline.swap_image import Reference, replace_faces
from mien_testing.masks import write_masks
from mien_testing.painted import face_at
from mien_testing.swapper import RECOGNISER_FILE, SWAPPER_FILE, Folder, open_batch

OPTIONS = parse_options({"engine": "inswapper"})
APART = [[0], [1], [2], [3]]
FACES = [face_at((left, 0, left + 20, 20)) for left in (0, 30, 60, 90)]


@dataclass(frozen=True)
class Reaching:
    """A likeness that reaches `beyond` pixels over a face's box, and keeps which faces it was given together."""

    beyond: float
    together: list[list[float]] = field(default_factory=list[list[float]])

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        raise AssertionError

    def find_reach(self, face: Face, options: SwapOptions) -> Floats | None:
        return np.asarray(face.bbox + np.array([-1, -1, 1, 1]) * self.beyond, np.float32)

    def render_group(
        self, target: Image, group: Sequence[tuple[Likeness, Face]], options: SwapOptions, on_step: OnStep
    ) -> Sequence[Patch]:
        self.together.append([float(face.bbox[0]) for _, face in group])
        nothing = np.zeros((1, 1), np.float32)
        return [Patch(target.pixels[:1, :1], np.eye(2, 3, dtype=np.float32), nothing) for _ in group]


@dataclass(frozen=True)
class Alone:
    """A likeness of an engine that renders one face at a time."""

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        raise AssertionError


@pytest.mark.parametrize(
    ("beyond", "groups"),
    [(4, [[0, 1, 2, 3]]), (6, [[0], [1], [2], [3]]), (5, [[0, 1, 2, 3]]), (40, [[0], [1], [2], [3]])],
)
def test_faces_that_reach_each_other_stay_one_after_another(beyond: float, groups: list[list[int]]) -> None:
    """Boxes that only touch share no pixel."""
    assert list_groups(FACES, dict.fromkeys(range(4), Reaching(beyond)), OPTIONS) == groups


def test_the_order_of_the_faces_is_kept() -> None:
    """The second reaches the first and not the third: the third goes with the second, never before it."""
    faces = [FACES[0], face_at((10, 0, 30, 20)), FACES[3]]
    assert list_groups(faces, dict.fromkeys(range(3), Reaching(0)), OPTIONS) == [[0], [1, 2]]


def test_an_engine_that_renders_one_face_at_a_time_is_left_as_it_is() -> None:
    likenesses = dict.fromkeys(range(4), Alone())
    assert list_groups(FACES, likenesses, OPTIONS) == [[0], [1], [2], [3]]
    image = Image(np.zeros((20, 120, 3), np.uint8))
    assert render_group(image, FACES, {2: likenesses[2]}, OPTIONS, ignore_step) == {2: likenesses[2]}


def test_other_options_render_a_face_anew() -> None:
    """A second attempt has safer ones."""
    image = Image(np.zeros((20, 120, 3), np.uint8))
    ready = render_group(image, FACES, dict.fromkeys((0, 1), Reaching(4)), OPTIONS, ignore_step)
    assert all(isinstance(each, Rendered) for each in ready.values())
    assert ready[0].render(image, FACES[0], OPTIONS, ignore_step).mask.shape == (1, 1)
    with pytest.raises(AssertionError):
        ready[0].render(image, FACES[0], parse_options({"engine": "inswapper", "seed": 1}), ignore_step)


@pytest.fixture(scope="module")
def engines(swapper_weights: Folder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, Engine]:
    """One that takes a crop at a time, as published, and one of the same weights that takes any number."""
    folder = tmp_path_factory.mktemp("open")
    for name in (SWAPPER_FILE, RECOGNISER_FILE):
        (folder / name).write_bytes(swapper_weights.path(name).read_bytes())
    open_batch(folder / SWAPPER_FILE)
    one, many = (ENGINES["inswapper"].load(weights) for weights in (swapper_weights, Folder(folder)))
    return one, many


@pytest.fixture(scope="module")
def group(astronaut: Portrait) -> tuple[Image, list[Face]]:
    """Three faces beside each other."""
    image, face = astronaut
    width = image.width
    assert face.mesh is not None
    faces = [
        Face(
            face.bbox + np.array([at, 0, at, 0], np.float32),
            face.det_score,
            face.kps + np.array([at, 0], np.float32),
            face.mesh + np.array([at, 0, 0], np.float32),
            face.mesh_score,
        )
        for at in (0, width, 2 * width)
    ]
    return Image(np.hstack([image.pixels] * 3)), faces


def no_masks(likeness: Likeness) -> Likeness:
    return likeness


def bisenet(folder: Path) -> Callable[[Likeness], Likeness]:
    reader = MaskReader(write_masks(folder), load_catalogue({}).masks["bisenet"])
    return lambda likeness: limit_likeness(likeness, [reader])


@pytest.mark.parametrize("masked", [False, True])
def test_a_group_in_one_run_is_the_group_one_after_another(
    engines: tuple[Engine, Engine],
    group: tuple[Image, list[Face]],
    admiral: Portrait,
    astronaut: Portrait,
    tmp_path: Path,
    *,
    masked: bool,
) -> None:
    """Two people on three faces; a batch may round a code value otherwise."""
    image, faces = group
    wrap = bisenet(tmp_path) if masked else no_masks
    made: list[Image] = []
    heard: list[list[float]] = []
    for engine in engines:
        steps: list[float] = []

        def listen(at: Progress, steps: list[float] = steps) -> None:
            steps.append(at.fraction)

        own, other = (Reference(wrap(engine.prepare([each])), np.zeros(1, np.float32)) for each in (admiral, astronaut))
        result, attempts = replace_faces(image, faces, {0: own, 1: other, 2: own}, OPTIONS, Stopwatch(listen))
        assert [bool(attempts[index].patch.mask.any()) for index in range(3)] == [True] * 3
        made.append(result)
        heard.append(steps)
    assert [len(steps) for steps in heard] == [3, 1], "three runs, and one"
    assert np.abs(made[0].pixels.astype(int) - made[1].pixels).max() <= 1
    assert (made[0].pixels != image.pixels).any(2).mean() > 0.02
