"""A swap by choice promises: the plan's order, one after the other only where that is asked, and a true report."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from mien_core.errors import (
    BrokenWeights,
    Cancelled,
    ContentBlocked,
    EngineUnavailable,
    MienError,
    NoFaceFound,
    NotEnoughMemory,
)
from mien_models.store import ModelStore
from mien_pipeline.choice import try_engines
from mien_pipeline.choice.choose import SeenFace, settle
from mien_pipeline.choice.measured import Measured, Row, Table
from mien_pipeline.choice.try_engines import see_face, swap_by_choice
from mien_pipeline.engines.registry import ENGINES, parse_options
from mien_pipeline.face import Face
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnProgress, ignore_progress
from mien_pipeline.report import FaceReport, Fault, IdentityScores, Provenance, Swapped, Verdict, describe
from mien_testing.stand_in import returning

MESH, GHOST = "mesh", "ghost-1"
NOT_HERE = NoFaceFound("no face of the target can be swapped", role="target", warnings=["hard-angle"])
Outcome = Swapped | MienError


def face(width: float, yaw: float = 0.0) -> Face:
    return Face(np.array([0, 0, width, width], np.float32), 1.0, np.zeros((5, 2), np.float32), yaw_deg=yaw)


def made(engine: str, verdict: Verdict = "clear", faults: tuple[Fault, ...] = (), likeness: float = 0.7) -> Swapped:
    scores = IdentityScores("dlib", likeness, 0.1, 0.0)
    told = FaceReport(0, (0, 0, 9, 9), True, scores, verdict=verdict, naturalness=0.4 if faults else 0.9, faults=faults)
    return Swapped(b"", "image/png", engine, (9, 9), 1.5, {}, (told,), Provenance(c2pa=True, watermark="none"))


class Swaps:
    """A runtime with one outcome an engine; it remembers what it was asked."""

    def __init__(self, *outcomes: Outcome, of: Sequence[str] = (MESH, GHOST)) -> None:
        self.outcomes: Mapping[str, Outcome] = dict(zip(of, outcomes, strict=False))
        self.asked: list[SwapOptions] = []
        self.looks = 0

    def swap(
        self,
        target: bytes,
        references: Sequence[bytes | Sequence[bytes]],
        options: SwapOptions,
        on_progress: OnProgress,
        likes: Sequence[bytes],
    ) -> Swapped:
        assert (target, references, likes) == (b"target", [b"reference"], [b"like"])
        self.asked.append(options)
        outcome = self.outcomes[options.engine]
        if isinstance(outcome, MienError):
            raise outcome
        return outcome

    def find_faces(self, picture: bytes) -> Sequence[Face]:
        self.looks += 1
        return [face(100, 4)]

    @property
    def tried(self) -> list[str]:
        return [options.engine for options in self.asked]


Run = Callable[..., Swapped]


@pytest.fixture
def run(models: ModelStore, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Both engines count as ready; the second is not measured where no table is given."""
    monkeypatch.setattr(try_engines, "list_ready", returning([ENGINES[MESH], ENGINES[GHOST]]))

    def swap(runtime: Swaps, table: Table | None = None, **options: object) -> Swapped:
        asked = parse_options(options)
        return swap_by_choice(runtime, models, b"target", [b"reference"], asked, ignore_progress, [b"like"], table)

    return swap


def measured(worth: float) -> Measured:
    return Measured((Row(96, 8, 0, 0, worth, 1.0, worth, 1.0),))


def test_auto_takes_the_best_measured_and_says_the_figures(run: Run) -> None:
    runtime = Swaps(made(MESH), made(GHOST))
    done = run(runtime, {MESH: measured(0.3), GHOST: measured(0.6)}, engine="auto")
    choice = describe(done)["choice"]
    assert isinstance(choice, dict)
    assert (runtime.tried, runtime.looks) == ([GHOST], 1)
    assert (choice["asked"], choice["engine"], choice["why"]) == ("auto", GHOST, "best-measured")
    assert (choice["width_px"], choice["yaw_deg"]) == (100, 4)
    assert choice["measured"] == {"n": 8, "likeness": 0.6, "naturalness": 1.0, "refused": 0}
    assert choice["said"] == "ghost-1 has the best figures for such a face (likeness 0.60, naturalness 1.00, n 8)"


def test_an_engine_without_figures_is_named_as_such(run: Run) -> None:
    done = run(Swaps(made(MESH), made(GHOST)), engine="auto")
    assert done.choice is not None
    assert (done.choice.engine, done.choice.not_measured) == (MESH, (GHOST,))


def test_where_none_was_measured_the_first_is_taken_and_that_is_said(run: Run) -> None:
    done = run(Swaps(made(MESH), made(GHOST)), {}, engine="auto")
    assert done.choice is not None
    assert (done.choice.engine, done.choice.why, done.choice.measured) == (MESH, "none-measured", None)


def test_nothing_else_is_tried_unless_that_is_asked(run: Run) -> None:
    runtime = Swaps(made(MESH, "not"), made(GHOST))
    assert run(runtime, engine="auto").engine == MESH
    assert runtime.tried == [MESH]


@pytest.mark.parametrize(
    ("first", "outcome", "code"),
    [
        (made(MESH, "not"), "not-alike", None),
        (made(MESH, faults=("edge",)), "unnatural", None),
        (NOT_HERE, "refused", "no-face-found"),
        (NotEnoughMemory("too large"), "refused", "not-enough-memory"),
    ],
)
def test_where_the_gate_fails_or_the_picture_is_refused_the_next_engine_is_tried(
    run: Run, first: Outcome, outcome: str, code: str | None
) -> None:
    runtime = Swaps(first, made(GHOST))
    done = run(runtime, engine="mesh", fallback=True)
    assert runtime.tried == [MESH, GHOST]
    assert done.engine == GHOST
    assert done.choice is not None
    assert (done.choice.asked, done.choice.why) == (MESH, "asked")
    assert [(each.engine, each.outcome, each.code) for each in done.choice.tried] == [
        (MESH, outcome, code), (GHOST, "passed", None),
    ]  # fmt: skip


def test_what_passes_ends_the_search(run: Run) -> None:
    runtime = Swaps(made(MESH), made(GHOST))
    assert run(runtime, engine="mesh", fallback=True).engine == MESH
    assert (runtime.tried, runtime.looks) == ([MESH], 0)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (made(MESH, "not"), made(GHOST, faults=("edge",)), GHOST),
        (made(MESH, faults=("edge",)), made(GHOST, "not"), MESH),
        (made(MESH, faults=("edge", "sharpness")), made(GHOST, faults=("edge",)), GHOST),
        (made(MESH, "not", likeness=0.2), made(GHOST, "not", likeness=0.4), GHOST),
        (made(MESH, "not"), NOT_HERE, MESH),
    ],
)
def test_where_none_passes_the_best_is_kept(run: Run, first: Outcome, second: Outcome, kept: str) -> None:
    done = run(Swaps(first, second), engine="auto", fallback=True)
    assert done.engine == kept
    assert done.choice is not None
    assert done.choice.engine == kept


def test_where_all_refuse_the_first_ones_words_are_told_with_what_was_tried(run: Run) -> None:
    with pytest.raises(NoFaceFound) as refused:
        run(Swaps(NoFaceFound("turned", role="target"), NotEnoughMemory("large")), engine="auto", fallback=True)
    assert str(refused.value) == "turned"
    assert refused.value.fields["tried"] == [MESH, GHOST]


def test_a_picture_that_is_blocked_is_blocked_for_all(run: Run) -> None:
    runtime = Swaps(ContentBlocked("no", stage="target"), made(GHOST))
    with pytest.raises(ContentBlocked):
        run(runtime, engine="auto", fallback=True)
    assert runtime.tried == [MESH]


@pytest.mark.parametrize(
    "second",
    [
        ContentBlocked("no", stage="result"),
        EngineUnavailable("no library"),
        BrokenWeights("no tensor"),
    ],
)
def test_what_is_made_is_kept_whatever_stops_the_next_engine(run: Run, second: MienError) -> None:
    done = run(Swaps(made(MESH, faults=("edge",)), second), engine="mesh", fallback=True)
    assert done.engine == MESH
    assert done.choice is not None
    assert [(each.engine, each.outcome, each.code) for each in done.choice.tried] == [
        (MESH, "unnatural", None), (GHOST, "refused", second.code),
    ]  # fmt: skip


@pytest.mark.parametrize("second", [Cancelled("stopped"), ContentBlocked("no", stage="reference")])
def test_a_cancelled_swap_and_a_blocked_reference_end_the_search(run: Run, second: MienError) -> None:
    with pytest.raises(type(second)):
        run(Swaps(made(MESH, faults=("edge",)), second), engine="mesh", fallback=True)


def test_the_first_engines_own_failure_is_told(run: Run) -> None:
    runtime = Swaps(EngineUnavailable("no library"), made(GHOST))
    with pytest.raises(EngineUnavailable):
        run(runtime, engine="mesh", fallback=True)
    assert runtime.tried == [MESH]


def test_another_engine_gets_the_options_that_all_have() -> None:
    asked = parse_options({"engine": MESH, "shape": 0.2, "seed": 7, "faces": [1], "fallback": True})
    assert settle(asked, MESH) == parse_options({"engine": MESH, "shape": 0.2, "seed": 7, "faces": [1]})
    assert settle(asked, GHOST) == parse_options({"engine": GHOST, "seed": 7, "faces": [1]})


@pytest.mark.parametrize(
    ("faces", "seen"),
    [("largest", SeenFace(90, -30)), ([0], SeenFace(50, 2)), ([0, 1], SeenFace(90, -30)), ([7], None)],
)
def test_the_choice_goes_by_the_largest_of_the_chosen_faces(faces: object, seen: SeenFace | None) -> None:
    assert see_face([face(50, 2), face(90, -30)], parse_options({"engine": "auto", "faces": faces})) == seen
