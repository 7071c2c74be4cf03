"""A swap whose engine is picked by what was measured, and where that is asked the next one's where the first fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from mien_core.errors import Cancelled, ContentBlocked, GpuOutOfMemory, MienError, NoFaceFound, NotEnoughMemory
from mien_models.store import ModelStore
from mien_pipeline.choice.choose import Ranked, SeenFace, list_ready, rank, settle
from mien_pipeline.choice.measured import Table
from mien_pipeline.choice_report import Choice, ChoiceReason, MeasuredRow, Tried, TryOutcome
from mien_pipeline.engines.registry import DEFAULT_ENGINE
from mien_pipeline.face import Face
from mien_pipeline.options import AUTO, SwapOptions
from mien_pipeline.progress import OnProgress
from mien_pipeline.report import FaceReport, Swapped

# What an engine may refuse a picture with that another one would take.
PASSED_ON = (NoFaceFound, GpuOutOfMemory, NotEnoughMemory)


class Swaps(Protocol):
    """A runtime."""

    def swap(
        self,
        target: bytes,
        references: Sequence[bytes | Sequence[bytes]],
        options: SwapOptions,
        on_progress: OnProgress,
        likes: Sequence[bytes],
    ) -> Swapped: ...

    def find_faces(self, picture: bytes) -> Sequence[Face]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """The engines to try, in order, and why the first is the first.

    Attributes:
        face: None where nothing had to be looked at.
    """

    why: ChoiceReason
    order: Sequence[Ranked]
    face: SeenFace | None = None


def swap_by_choice(
    runtime: Swaps,
    store: ModelStore,
    target: bytes,
    references: Sequence[bytes | Sequence[bytes]],
    options: SwapOptions,
    on_progress: OnProgress,
    likes: Sequence[bytes] = (),
    table: Table | None = None,
) -> Swapped:
    """As `Runtime.swap` by the engine that is picked; with `options.fallback` by the next ones while the gate fails.

    Where the gate lets none pass, the best of them is handed over, whatever stopped the later ones.

    Args:
        table: of what was measured; None reads this version's.

    Raises:
        MienError: as `Runtime.swap`; where every engine refused, the first one's refusal, with `tried`.
    """
    plan = make_plan(options, store, lambda: see_face(runtime.find_faces(target), options), table)
    tried, made, refusals = list[Tried](), list[tuple[Swapped, Ranked]](), list[MienError]()
    for ranked in plan.order if options.fallback else plan.order[:1]:
        try:
            swapped = runtime.swap(target, references, settle(options, ranked.engine), on_progress, likes)
        except MienError as error:
            if not is_passed_on(error, has_made=bool(made)):
                raise
            refusals.append(error)
            tried.append(Tried(ranked.engine, "refused", code=error.code))
            continue
        made.append((swapped, ranked))
        tried.append(to_tried(swapped))
        if tried[-1].outcome == "passed":
            break
    if not made:
        refusals[0].fields["tried"] = [each.engine for each in tried]
        raise refusals[0]
    kept, ranked = min(made, key=lambda pair: rank_result(pair[0].faces))
    return replace(kept, choice=to_choice(options.engine, plan, ranked, tried))


def is_passed_on(error: MienError, *, has_made: bool) -> bool:
    """Whether the search survives this refusal: once an engine has made a result, no other one's failure loses it.

    A blocked target or reference is blocked for all.
    """
    if isinstance(error, PASSED_ON):
        return True
    blocks_all = isinstance(error, ContentBlocked) and error.fields.get("stage") != "result"
    return has_made and not blocks_all and not isinstance(error, Cancelled)


def make_plan(
    options: SwapOptions, store: ModelStore, look: Callable[[], SeenFace | None], table: Table | None
) -> Plan:
    """The plan of a swap; `look` finds the face, and is asked only where several engines are ready."""
    ready = list_ready(store)
    if options.engine != AUTO:
        others = [entry for entry in ready if entry.name != options.engine]
        face = look() if len(others) > 1 else None
        return Plan("asked", [Ranked(options.engine, None), *rank(others, face, table)], face)
    if len(ready) < 2:
        return Plan("only-ready", [Ranked(ready[0].name if ready else DEFAULT_ENGINE, None)])
    face = look()
    order = rank(ready, face, table)
    return Plan("best-measured" if order[0].row else "none-measured", order, face)


def see_face(faces: Sequence[Face], options: SwapOptions) -> SeenFace | None:
    """The largest of the faces that the options choose, as far as their indices say; None where there is none."""
    wanted = options.faces if isinstance(options.faces, tuple) else range(len(faces))
    chosen = [faces[index] for index in wanted if index < len(faces)]
    if not chosen:
        return None
    face = max(chosen, key=lambda each: each.area)
    return SeenFace(float(face.bbox[2] - face.bbox[0]), float(face.yaw_deg))


def to_tried(swapped: Swapped) -> Tried:
    """What the gate says of a result: the likeness of each new face is not "not", and none has a fault."""
    faces = [face for face in swapped.faces if face.swapped]
    faults = tuple(dict.fromkeys(fault for face in faces for fault in face.faults))
    is_unlike = any(face.verdict == "not" for face in faces)
    outcome: TryOutcome = "not-alike" if is_unlike else "unnatural" if faults else "passed"
    return Tried(swapped.engine, outcome, faults=faults, seconds=swapped.seconds)


def rank_result(faces: Sequence[FaceReport]) -> tuple[int, int, float]:
    """Smaller is better: faces unlike their reference, then faults, then likeness × naturalness."""
    new = [face for face in faces if face.swapped]
    worth = sum(face.identity.to_reference * (face.naturalness or 0.0) for face in new if face.identity)
    return sum(face.verdict == "not" for face in new), sum(len(face.faults) for face in new), -worth


def to_choice(asked: str, plan: Plan, kept: Ranked, tried: Sequence[Tried]) -> Choice:
    """What the report says of a choice."""
    row = kept.row
    return Choice(
        asked=asked,
        engine=kept.engine,
        why=plan.why,
        width_px=plan.face.width_px if plan.face else None,
        yaw_deg=plan.face.yaw_deg if plan.face else None,
        measured=MeasuredRow(row.n, row.likeness, row.naturalness, row.refused) if row else None,
        not_measured=tuple(each.engine for each in plan.order if each.row is None) if plan.face else (),
        tried=tuple(tried),
    )
