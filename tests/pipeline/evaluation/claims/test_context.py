"""The claim of FLUX.2 [klein]'s unmeasured choices: what is varied, and what is measured beside the rest."""

import numpy as np
import pytest

from mien_pipeline.engines.klein.options import PRESETS, KleinOptions
from mien_pipeline.evaluation.claim import Suite
from mien_pipeline.evaluation.claims.context import axes, measure
from mien_pipeline.evaluation.look import Look
from mien_pipeline.face import Portrait


@pytest.mark.parametrize("suite", ["quick", "full"])
def test_every_choice_is_tried_around_the_default_that_an_engine_takes(suite: Suite) -> None:
    by_name = {axis.name: axis.levels for axis in axes(suite)}
    assert [level.label for level in by_name.pop("preset")] == list(PRESETS)
    for name, levels in by_name.items():
        assert KleinOptions.model_fields[name].default in {level.value for level in levels}
        assert all(KleinOptions.model_validate(level.options).retries == 0 for level in levels)


def test_a_grown_head_and_a_change_outside_the_contour_are_measured(astronaut: Portrait) -> None:
    image, face = astronaut
    assert face.mesh is not None
    plain = Look(image.pixels, image.pixels, image.pixels, face, face.mesh, (), ())  # type: ignore[arg-type]
    assert measure(plain) == {"grown": 1.0, "contour": 0.0}
    other = image.pixels.copy()
    other[:10] = 255 - other[:10]
    grown = (face.mesh * np.float32(1.25)).astype(np.float32)
    found = measure(Look(image.pixels, image.pixels, other, face, grown, (), ()))  # type: ignore[arg-type]
    assert found["grown"] == pytest.approx(1.25, abs=1e-3)
    assert found["contour"] > 0
