"""What options need is checked before anything is loaded, and XLabs' adapter can take WithAnyone's place."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien_core.errors import InvalidOptions, ModelNotInstalled
from mien_models.store import ModelStore
from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.plan import plan_memory
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.face import Patch, Portrait
from mien_pipeline.progress import ignore_step
from mien_testing.tiny import QUICK, Picture


def test_xlabs_adapter_paints_in_withanyones_place(
    engine: FluxEngine, with_options: ModelStore, reference: Picture, target: Picture, made: Patch
) -> None:
    """Its CLIP tower looks at the reference; the other two methods are the same."""
    files = replace(
        engine.stack.files,
        faceid=with_options.path("xlabs-ip-adapter"),
        faceid_layout="xlabs",
        clip=with_options.path("clip-vit-l14"),
    )
    stack = Stack(with_options, files, engine.stack.device, plan_memory(files, engine.stack.device, 1024))
    stack.text("dev").max_tokens = 32
    likeness = FluxEngine(stack).prepare([Portrait(*reference)])
    painted = likeness.render(*target, QUICK, ignore_step)
    assert not np.array_equal(painted.crop, made.crop)
    off = QUICK.model_copy(update={"ip_adapter_scale": 0.0})
    without = likeness.render(*target, off, ignore_step)
    assert not np.array_equal(painted.crop, without.crop)
    assert np.array_equal(without.crop, engine.prepare([Portrait(*reference)]).render(*target, off, ignore_step).crop)


def test_a_base_that_is_not_installed_is_refused_by_name_before_anything_is_loaded(
    store: ModelStore, tmp_path: Path, engine: FluxEngine, reference: Picture, target: Picture
) -> None:
    stack = Stack(ModelStore(tmp_path, store.catalogue), engine.stack.files, engine.stack.device, engine.stack.plan)
    likeness = FluxEngine(stack).prepare([Portrait(*reference)])
    for change, model in (({"base": "fill"}, "flux-1-fill-dev"), ({"decoder": "tiny"}, "taef1")):
        with pytest.raises(ModelNotInstalled) as refused:
            likeness.render(*target, QUICK.model_copy(update=change), ignore_step)
        assert refused.value.fields["command"] == f"mien models pull {model}"
    assert "parsing" not in vars(stack)


def test_a_plan_for_a_gguf_file_has_no_room_for_another_bases_full_weights(
    engine: FluxEngine, with_options: ModelStore
) -> None:
    plan = engine.stack.plan
    packed = tuple(replace(each, form="gguf-q4") for each in plan.placements)
    stack = Stack(with_options, engine.stack.files, engine.stack.device, replace(plan, placements=packed))
    with pytest.raises(InvalidOptions) as refused:
        stack.check("schnell", "full")
    assert refused.value.fields["field"] == "base"
    stack.check("dev", "tiny")
