"""Lines of an evaluation, as if its cases had been run."""

from typing import Any

from mien_pipeline.evaluation.claim import Line


def line(**changed: Any) -> Line:
    """A finished case; `likeness`, `margin` and `naturalness` are measures, the rest what describes it."""
    likeness = changed.pop("likeness", 0.6)
    said: dict[str, Any] = {
        "key": "", "claim": "guidance", "engine": "flux", "axis": "id_weight", "series": "", "level": 0.8,
        "label": "0.8", "seed": 0, "target": "a", "reference": "b", "state": "done", "margin": 0.3, "faults": [],
        "naturalness": 0.9, "landmarks": 3.0, "seconds": 1.0, "setup": "one",
        "identity": {"recogniser": "dlib", "to_reference": likeness, "to_target": 0.1, "before": 0.0},
    }  # fmt: skip
    said |= changed
    said["key"] = said["key"] or repr(
        [said[name] for name in ("claim", "engine", "axis", "series", "level", "seed", "target")]
    )
    return said
