"""What was measured, as the tables of the README."""

from collections.abc import Mapping
from typing import Any

from mien_pipeline.engines.diffusion.measure.report import gib, mean
from mien_pipeline.plan.placement import GIB

HEAD = (
    "| rung | transformer | control net, FaceID | PuLID | T5 | card, planned / measured "
    "| main memory, planned / measured | step | first / second picture |\n|---|---|---|---|---|---|---|---|---|"
)

PARTS_HEAD = "| part | planned | held | peak of main memory | read, filled, computed |\n|---|---|---|---|---|"


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
    main = f"{gib(each['planned_main_bytes'])} / {gib(each['main_bytes'])}"
    steps = f"{mean(each['step_seconds']):.2f} s" if each["step_seconds"] else ""
    return (
        f"| {each['name']} | {forms} | {gib(each['planned_bytes'])} / {gib(each['peak_bytes'])} | {main} "
        f"| {steps} | {each['seconds']:.1f} / {each['again_seconds']:.1f} s |"
    )
