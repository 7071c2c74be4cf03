"""What was measured, for people: a line while it is measured, and a table afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any

from mien_pipeline.device import Device
from mien_pipeline.engines.diffusion.measure.measured import LeftOut, Measured
from mien_pipeline.plan.placement import GIB

# Where a document has what was measured.
MEASURED = ("parts", "rungs", "text")


def make_document(
    device: Device,
    side: int,
    steps: int,
    left_out: Sequence[LeftOut],
    *,
    rungs: Sequence[Measured] = (),
    parts: Sequence[Measured] = (),
    text: Sequence[Measured] = (),
) -> dict[str, Any]:
    """What `mien engines check --random --json` prints, but for the engine's name.

    Args:
        side: of the square working picture, in pixels.
        steps: of each picture.
        rungs, parts, text: what was measured of whole plans, of networks alone and of text encoders.
    """
    return {
        "device": {"name": device.name, "backend": device.backend, "memory_bytes": device.total_bytes},
        "side": side,
        "steps": steps,
        "parts": [each.as_json() for each in parts],
        "rungs": [each.as_json() for each in rungs],
        "text": [each.as_json() for each in text],
        "left_out": [{"what": each.what, "why": each.why} for each in left_out],
    }


def row_of(one: Measured | LeftOut) -> str:
    """One line of progress."""
    if isinstance(one, LeftOut):
        return f"not run: {one.what}: {one.why}"
    if one.problem:
        return f"failed: {one.name}: {one.problem}"
    if one.held_bytes:
        return (
            f"{one.name}: {one.seconds:.1f} s, holds {gib(one.held_bytes)} of {gib(one.planned_bytes)} GiB planned, "
            f"peak {gib(one.main_bytes)}"
        )
    return (
        f"{one.name}: {one.seconds:.1f} s, peak {gib(peak_of(one.as_json()))} of {gib(one.planned_bytes)} GiB planned"
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
        steps = f"{mean(each['step_seconds']):7.2f} s a step" if each["step_seconds"] else ""
        peak, planned = gib(peak_of(each)), gib(each["planned_bytes"])
        held = f", holds {gib(each['held_bytes'])} GiB" if each["held_bytes"] else ""
        lines.append(
            f"  {each['name']:<28} {each['seconds']:7.1f} s, peak {peak} of {planned} GiB{held} {steps}".rstrip()
        )
    lines += [f"  not run: {each['what']}: {each['why']}" for each in document["left_out"]]
    return "\n".join(lines)


def peak_of(each: Mapping[str, Any]) -> int:
    """On a processor main memory is the device's."""
    found: int = each["main_bytes"] if each["peak_bytes"] is None else each["peak_bytes"]
    return found


def gib(size: int | None) -> str:
    return "not counted" if size is None else f"{size / GIB:.1f}"


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
