"""What is said of an engine that was picked: why that one, and which others were tried."""

from dataclasses import asdict, dataclass
from typing import Literal

ChoiceReason = Literal[
    "asked",  # the person named it
    "only-ready",  # no other engine is ready
    "best-measured",  # of those ready it has the best figures for such a face in the committed evaluation
    "none-measured",  # several are ready, and none of them was measured: it is the first in order
]

TryOutcome = Literal["passed", "not-alike", "unnatural", "refused"]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one engine: what the gate says of its result, or the code of its refusal."""

    engine: str
    outcome: TryOutcome
    code: str | None = None
    faults: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """What the evaluation measured of an engine for such a face: means of `n` cases, `refused` of them without one."""

    n: int
    likeness: float
    naturalness: float
    refused: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Which engine made a result where that was left open, and why.

    Attributes:
        asked: the engine of the options, or "auto".
        engine: whose result was kept; `why` is about the first that was tried.
        width_px, yaw_deg: of the face that the choice went by; None where there was nothing to choose by it.
        measured: of the engine that was kept; None where it was not measured, or that did not matter.
        not_measured: engines that were ready and came last, since the evaluation has no figures for them.
        tried: every engine, in order.
    """

    asked: str
    engine: str
    why: ChoiceReason
    width_px: float | None = None
    yaw_deg: float | None = None
    measured: MeasuredRow | None = None
    not_measured: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = ()


def describe_choice(choice: Choice) -> dict[str, object]:
    """A choice as JSON, with its reason as an English sentence in `said`."""
    told = asdict(choice)
    for name in ("width_px", "yaw_deg"):
        told[name] = None if told[name] is None else round(told[name], 1)
    for each in told["tried"]:
        each["seconds"] = None if each["seconds"] is None else round(each["seconds"], 3)
    return {**told, "said": explain_choice(choice)}


def explain_choice(choice: Choice) -> str:
    """Why an engine was picked, and what was tried, in a sentence."""
    first, *others = choice.tried
    row = choice.measured
    reasons: dict[ChoiceReason, str] = {
        "asked": f"{first.engine} was asked for",
        "only-ready": f"{first.engine} is the only engine that is ready",
        "none-measured": f"{first.engine} is the first of those that are ready; none of them was measured",
        "best-measured": f"{first.engine} has the best figures for such a face",
    }
    said = reasons[choice.why]
    if row and first.engine == choice.engine:
        said += f" (likeness {row.likeness:.2f}, naturalness {row.naturalness:.2f}, n {row.n})"
    if choice.not_measured and choice.why == "best-measured":
        said += f"; not measured: {', '.join(choice.not_measured)}"
    if others or first.outcome == "refused":
        said += f"; tried: {', '.join(f'{each.engine} {each.code or each.outcome}' for each in choice.tried)}"
    return said if first.engine == choice.engine else f"{said}; {choice.engine} was kept"
