"""One target and one reference through several engines, or one engine with several settings, side by side."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mien_core.errors import InvalidOptions, MienError
from mien_models.store import ModelStore
from mien_pipeline.engines.readiness import describe as describe_engine
from mien_pipeline.engines.registry import ENGINES, parse_options
from mien_pipeline.evaluation.peak import measure_peak
from mien_pipeline.image import Image
from mien_pipeline.media.decode import decode
from mien_pipeline.media.sheet import draw_row
from mien_pipeline.option_parts import require_parts
from mien_pipeline.options import AUTO, SwapOptions
from mien_pipeline.progress import Progress
from mien_pipeline.protocols import Marker
from mien_pipeline.report import Edit, ModelUse, Swapped, describe
from mien_pipeline.runtime import Runtime

HEIGHT_PX = 512  # of the pictures in the sheet
# More would make a sheet wider than most programs open.
MOST = 20
# done: there is a picture. refused: the engine would not swap this face. not-ready: it lacks something here.
State = Literal["done", "refused", "not-ready"]


@dataclass(frozen=True, slots=True)
class Contestant:
    """An engine with its settings.

    Attributes:
        label: as it was asked for, for example "mesh,shape=0.2".
        options: checked.
    """

    label: str
    options: SwapOptions

    @property
    def file_stem(self) -> str:
        """A file's name on every platform."""
        return re.sub(r"[^a-z0-9.]+", "-", self.label.lower()).strip("-.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an engine made of the pictures.

    Attributes:
        swapped: the picture and its report; None where there is none.
        peak_mb: the most main memory that the process held meanwhile; None where the system does not tell.
        code, said: why there is no picture; empty where there is one.
    """

    contestant: Contestant
    state: State
    swapped: Swapped | None = None
    peak_mb: int | None = None
    code: str = ""
    said: str = ""
    fields: Mapping[str, object] = field(default_factory=dict[str, object])


def read_contestants(
    asked: Sequence[str], shared: Mapping[str, object], parse: Callable[[str], tuple[str, object]]
) -> list[Contestant]:
    """Contestants of texts such as "mesh" and "mesh,shape=0.2", each once.

    Args:
        shared: options that hold for all.
        parse: an option of its text.

    Raises:
        UnknownEngine, InvalidOptions: `field` names what is wrong.
    """
    labels = list(dict.fromkeys(asked))
    if len(labels) > MOST:
        raise InvalidOptions(f"at most {MOST} engines are compared", field="engine", limit=MOST)
    made: list[Contestant] = []
    for label in labels:
        engine, *settings = label.split(",")
        own = dict(parse(each) for each in settings)
        made.append(Contestant(label, parse_options({**shared, **own, "engine": engine})))
    return made


def why_not_ready(contestant: Contestant, store: ModelStore) -> Outcome | None:
    """The outcome of an engine that lacks something here, or whose options do; None where all is ready."""
    engine = contestant.options.engine
    told = {"state": "ready"} if engine == AUTO else describe_engine(ENGINES[engine], store, "")
    if told["state"] == "ready":
        return why_part_not_ready(contestant, store)
    lacking = told["missing_libraries"] or told["missing_models"] or []
    names = ", ".join(str(each) for each in lacking) if isinstance(lacking, list) else ""
    return Outcome(contestant, "not-ready", code=str(told["state"]), said=f"not installed: {names}")


def why_part_not_ready(contestant: Contestant, store: ModelStore) -> Outcome | None:
    """The outcome where a restorer, a mask or a recogniser of its options is not here, or not known."""
    try:
        require_parts(contestant.options, store)
    except MienError as error:
        return Outcome(contestant, "not-ready", code=error.code, said=str(error), fields=error.fields)
    return None


def compare(
    runtime: Runtime,
    target: bytes,
    references: Sequence[bytes | Sequence[bytes]],
    contestants: Sequence[Contestant],
    store: ModelStore,
    on_progress: Callable[[Contestant, Progress], None],
) -> list[Outcome]:
    """What each makes of the same pictures, one after the other.

    Raises:
        MienError: every engine that is ready refused; the first refusal.
        InvalidOptions: `field` "engine": none is ready.
    """
    outcomes: list[Outcome] = []
    refusals: list[MienError] = []
    for contestant in contestants:
        if waiting := why_not_ready(contestant, store):
            outcomes.append(waiting)
            continue

        def run(contestant: Contestant = contestant) -> Swapped:
            return runtime.swap(target, references, contestant.options, lambda at: on_progress(contestant, at))

        try:
            swapped, peak_mb = measure_peak(run)
        except MienError as error:
            refusals.append(error)
            outcomes.append(Outcome(contestant, "refused", None, None, error.code, str(error), error.fields))
            continue
        outcomes.append(Outcome(contestant, "done", swapped, peak_mb))
    if not any(each.swapped for each in outcomes):
        if refusals:
            raise refusals[0]
        said = "; ".join(f"{each.contestant.label}: {each.said}" for each in outcomes)
        raise InvalidOptions(f"no engine can run here: {said}", field="engine")
    return outcomes


def to_document(outcome: Outcome) -> dict[str, object]:
    """An outcome as JSON, without its picture."""
    contestant = outcome.contestant
    made_by = outcome.swapped.engine if outcome.swapped else contestant.options.engine
    told: dict[str, object] = {
        "label": contestant.label,
        "engine": made_by,
        "state": outcome.state,
    }
    if entry := ENGINES.get(made_by):
        told |= {"licence": entry.licence, "needs_bytes": entry.memory_bytes}
    if outcome.swapped is None:
        return {**told, "code": outcome.code, "said": outcome.said, **outcome.fields}
    return {**told, "peak_mb": outcome.peak_mb, **describe(outcome.swapped)}


def draw_sheet(marker: Marker, target: bytes, reference: bytes, outcomes: Sequence[Outcome]) -> bytes:
    """A PNG of target, reference and every result with its figures; who made none is a line below. It is marked."""
    pictures = [decode(target).pixels, decode(reference).pixels]
    captions = ["target", "reference"]
    models = dict[str, ModelUse]()
    for outcome in outcomes:
        if outcome.swapped:
            pictures.append(decode(outcome.swapped.data).pixels)
            captions.append(caption(outcome, outcome.swapped))
            models |= {each.name: each for each in outcome.swapped.models}
    lines = [f"{each.contestant.label}: {each.said}" for each in outcomes if not each.swapped]
    sheet = Image(draw_row(pictures, captions, HEIGHT_PX, lines))
    names = ", ".join(each.swapped.engine for each in outcomes if each.swapped)
    return marker.mark(sheet, target, Edit("swap", names, None, tuple(models.values())), "png").data


def caption(outcome: Outcome, swapped: Swapped) -> str:
    """Lines under a result: its label, likeness and naturalness of the first changed face, faults, time and memory."""
    face = next(each for each in swapped.faces if each.swapped)
    likeness = f"{face.verdict} {face.identity.to_reference:.2f}" if face.identity else "–"
    natural = "–" if face.naturalness is None else f"{face.naturalness:.2f}"
    memory = f", {outcome.peak_mb} MB" if outcome.peak_mb else ""
    return "\n".join(
        [
            outcome.contestant.label,
            f"likeness {likeness}, natural {natural}",
            ", ".join(face.faults) or "no fault found",
            f"{swapped.seconds:.2f} s{memory}",
        ]
    )
