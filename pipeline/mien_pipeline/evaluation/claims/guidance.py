"""Guidance and identity weights: how far guidance may go before the face drifts, and which weights serve it best.

The weights of the presets were chosen. This claim is what calibrates them on a card.
"""

from collections.abc import Iterator, Sequence

from mien_pipeline.engines.flux.options import PRESETS, FluxOptions
from mien_pipeline.evaluation.claim import Axis, Claim, Level, Line, Suite
from mien_pipeline.evaluation.tables import differences, values_of

TRUE_CFG: dict[Suite, tuple[float, ...]] = {"quick": (1, 4, 8), "full": (1, 1.5, 2, 3, 4, 6, 8, 12)}
WEIGHTS: dict[Suite, dict[str, tuple[float, ...]]] = {
    "quick": {
        "id_weight": (0, 0.8, 1.2),
        "controlnet_conditioning_scale": (0, 0.7, 1.0),
        "ip_adapter_scale": (0, 0.4, 0.8),
    },
    "full": {
        "id_weight": (0, 0.4, 0.6, 0.8, 1.0, 1.2),
        "controlnet_conditioning_scale": (0, 0.4, 0.55, 0.7, 0.85, 1.0),
        "ip_adapter_scale": (0, 0.2, 0.4, 0.6, 0.8, 1.0),
    },
}
# PuLID's authors advise a distilled guidance of 1 with true guidance (app_flux.py).
# So much less natural than the default a level may be on average.
NEARLY = 0.05
ON, OFF, PLAIN = "PuLID on", "PuLID off", "PuLID on, distilled guidance 1"


def axes(suite: Suite) -> Sequence[Axis]:
    """True guidance with PuLID on and off, each weight by itself around the defaults, and every preset."""
    guided = [
        Level(scale, series, options | {"true_cfg_scale": scale})
        for series, options in _series()
        for scale in TRUE_CFG[suite]
    ]
    weights = [
        Axis(name, [Level(each, options={name: each}) for each in values]) for name, values in WEIGHTS[suite].items()
    ]
    presets = [Level(place, options=options, label=name) for place, (name, options) in enumerate(PRESETS.items())]
    return [Axis("true_cfg_scale", guided), *weights, Axis("preset", presets)]


def _series() -> Iterator[tuple[str, dict[str, object]]]:
    yield ON, {}
    yield OFF, {"id_weight": 0.0}
    yield PLAIN, {"guidance_scale": 1.0}


def conclude(lines: Sequence[Line]) -> Sequence[str]:
    """For each weight the best level against the default; where the interval holds 0 the cases say nothing.

    The best is the one with the largest margin of those that are as natural as the default, or nearly so.
    """
    return [said for axis in WEIGHTS["full"] if (said := _compare_with_the_default(axis, _by_level(lines, axis)))]


def _compare_with_the_default(axis: str, found: dict[float, list[Line]]) -> str | None:
    default = float(FluxOptions.model_fields[axis].default)
    if default not in found:
        return None
    natural = _mean(found[default], "naturalness") - NEARLY
    best = max(
        (level for level in found if level == default or _mean(found[level], "naturalness") >= natural),
        key=lambda level: _mean(found[level], "margin"),
    )
    if best == default:
        return f"- `{axis}`: of the levels tried none beats the default {default:g}."
    margin, nature = (differences(found[best], found[default], name) for name in ("margin", "naturalness"))
    verdict = "a difference" if margin.is_one else "these cases cannot tell them apart"
    return f"- `{axis}`: {best:g} against the default {default:g}: margin {margin}, naturalness {nature}: {verdict}."


def _mean(lines: Sequence[Line], name: str) -> float:
    """Of what was measured; 0 where nothing was."""
    values = list(values_of(lines, name).values())
    return sum(values) / len(values) if values else 0.0


def _by_level(lines: Sequence[Line], axis: str) -> dict[float, list[Line]]:
    found: dict[float, list[Line]] = {}
    for line in lines:
        if line["axis"] == axis:
            found.setdefault(float(str(line["level"])), []).append(line)
    return found


CLAIM = Claim(
    name="guidance",
    says="The face stays the reference's as guidance grows, longer with PuLID than without.",
    axes=axes,
    seeds={"quick": 1, "full": 3},
    engines=("flux",),
    conclude=conclude,
)
