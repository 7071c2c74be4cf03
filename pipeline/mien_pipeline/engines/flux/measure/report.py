"""What was measured, for people: a line while it is measured, a table afterwards, and the one of the README."""

from collections.abc import Mapping, Sequence
from typing import Any

from mien_pipeline.engines.flux.measure.rungs import LeftOut, Measured
from mien_pipeline.plan.placement import GIB

HEAD = (
    "| rung | transformer | control net, FaceID | PuLID | T5 | card, planned / measured "
    "| main memory, planned / measured | step | first / second picture |\n|---|---|---|---|---|---|---|---|---|"
)

PARTS_HEAD = "| part | planned | held | peak of main memory | read, filled, computed |\n|---|---|---|---|---|"
# Where a document has what was measured.
MEASURED = ("parts", "rungs", "text")


def row_of(one: Measured | LeftOut) -> str:
    """One line of progress."""
    if isinstance(one, LeftOut):
        return f"not run: {one.what}: {one.why}"
    if one.problem:
        return f"failed: {one.name}: {one.problem}"
    if one.held_bytes:
        return (
            f"{one.name}: {one.seconds:.1f} s, holds {_gib(one.held_bytes)} of {_gib(one.planned_bytes)} GiB planned, "
            f"peak {_gib(one.main_bytes)}"
        )
    return (
        f"{one.name}: {one.seconds:.1f} s, peak {_gib(_peak(one.as_json()))} of {_gib(one.planned_bytes)} GiB planned"
    )


def failures(document: Mapping[str, Any]) -> list[str]:
    """The names of the rungs that were run and failed."""
    return [each["name"] for kind in MEASURED for each in document[kind] if each["problem"]]


def to_text(document: Mapping[str, Any]) -> str:
    """The whole measurement as a table of the terminal."""
    lines = [f"{document['device']['name']}, {document['side']} px, {document['steps']} steps, random values"]
    for each in (each for kind in MEASURED for each in document[kind]):
        if each["problem"]:
            lines.append(f"  {each['name']:<28} failed: {each['problem']}")
            continue
        steps = f"{_mean(each['step_seconds']):7.2f} s a step" if each["step_seconds"] else ""
        peak, planned = _gib(_peak(each)), _gib(each["planned_bytes"])
        held = f", holds {_gib(each['held_bytes'])} GiB" if each["held_bytes"] else ""
        lines.append(
            f"  {each['name']:<28} {each['seconds']:7.1f} s, peak {peak} of {planned} GiB{held} {steps}".rstrip()
        )
    lines += [f"  not run: {each['what']}: {each['why']}" for each in document["left_out"]]
    return "\n".join(lines)


def to_table(document: Mapping[str, Any]) -> str:
    """The parts, where there are any, and the rungs as rows in Markdown."""
    parts = [PARTS_HEAD, *(_part(each) for each in document["parts"]), ""] if document["parts"] else []
    return "\n".join([*parts, HEAD, *(_markdown(each) for each in document["rungs"])])


def _part(each: Mapping[str, Any]) -> str:
    if each["problem"]:
        return f"| {each['name']} | failed: {each['problem'].partition(':')[0]} | | | |"
    planned, held, peak = (f"{each[key] / GIB:.2f}" for key in ("planned_bytes", "held_bytes", "main_bytes"))
    return f"| {each['name']} | {planned} | {held} | {peak} | {each['seconds']:.1f} s |"


def _markdown(each: Mapping[str, Any]) -> str:
    held = each["held"]
    names = ("transformer", "control_net", "pulid_attentions", "text_encoder_2")
    forms = " | ".join(held[name] for name in names)
    if each["problem"]:
        return f"| {each['name']} | {forms} | failed: {each['problem'].partition(':')[0]} | | | |"
    main = f"{_gib(each['planned_main_bytes'])} / {_gib(each['main_bytes'])}"
    steps = f"{_mean(each['step_seconds']):.2f} s" if each["step_seconds"] else ""
    return (
        f"| {each['name']} | {forms} | {_gib(each['planned_bytes'])} / {_gib(each['peak_bytes'])} | {main} "
        f"| {steps} | {each['seconds']:.1f} / {each['again_seconds']:.1f} s |"
    )


def _peak(each: Mapping[str, Any]) -> int:
    """On a processor main memory is the device's."""
    found: int = each["main_bytes"] if each["peak_bytes"] is None else each["peak_bytes"]
    return found


def _gib(size: int | None) -> str:
    return "not counted" if size is None else f"{size / GIB:.1f}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
