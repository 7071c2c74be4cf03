"""The face adapters make tokens of their own and add them inside the face alone."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.transformers.transformer_flux import FluxIPAdapterAttnProcessor
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from mien_core.errors import BrokenWeights
from mien_pipeline.engines.diffusion.foreign import foreign_to
from mien_pipeline.engines.diffusion.manifest import manifest
from mien_pipeline.engines.diffusion.weights import load
from mien_pipeline.engines.flux.faceid import ArcAdapter, XlabsAdapter, face_tokens
from mien_pipeline.engines.flux.inject import WeightSchedule
from mien_pipeline.engines.flux.velocity import ModelPass
from mien_testing.flux import DIM, LATENTS, PROMPT, REGION, TEXT_DIM, TOKENS, draw, faceid, image_ids, predict
from mien_testing.formulas import TOLERANCE, draw_parameters, norm, values


def test_the_face_adapter_makes_eight_tokens_and_has_an_unconditional_of_its_own() -> None:
    adapter = draw_parameters(ArcAdapter(12, 3, 1, 16, 10))
    embedding = values(1, 10)
    first, _, middle, last = adapter.arcface_in_arc
    hidden = norm(F.gelu(embedding @ first.weight.T + first.bias), middle)
    written = (hidden @ last.weight.T + last.bias).view(1, 8, 12)
    tokens = face_tokens(adapter.project, embedding)
    torch.testing.assert_close(tokens.cond, written, **TOLERANCE)
    torch.testing.assert_close(tokens.uncond, adapter.project(torch.zeros(1, 10)))
    assert not torch.allclose(tokens.cond, tokens.uncond)


def test_a_regional_method_adds_to_its_own_tokens_alone(arc: ArcAdapter, xlabs: XlabsAdapter) -> None:
    hidden = draw(2, TOKENS, DIM)
    one = ModelPass("cond", LATENTS, torch.tensor([0.7]), PROMPT.pooled, image_ids())
    outside = [index for index in range(TOKENS) if index not in REGION.tolist()]
    for adapter, query in ((arc, None), (xlabs, draw(2, TOKENS, 2, 16))):
        regional = faceid(adapter, WeightSchedule(1.0), REGION).residuals(one).after(3, hidden, query)
        everywhere = faceid(adapter, WeightSchedule(1.0)).residuals(one).after(3, hidden, query)
        assert regional is not None
        assert everywhere is not None
        assert torch.count_nonzero(regional[:, outside]) == 0
        torch.testing.assert_close(regional[:, REGION], everywhere[:, REGION])


def test_xlabs_adapter_is_what_diffusers_makes_of_the_same_weights(transformer: Any, xlabs: XlabsAdapter) -> None:
    """The reference is diffusers' own attention processor, given the same keys, values and tokens."""
    method = faceid(xlabs, WeightSchedule(0.6))
    ours = predict(transformer, (method,), queries=True)
    plain = dict(transformer.attn_processors)
    theirs: dict[str, Any] = dict(plain)
    for index, attention in enumerate(xlabs.double_blocks):
        processor: Any = FluxIPAdapterAttnProcessor(DIM, TEXT_DIM, (4,), scale=0.6)
        ours_here = attention.get_submodule("processor")
        processor.to_k_ip[0] = ours_here.ip_adapter_double_stream_k_proj
        processor.to_v_ip[0] = ours_here.ip_adapter_double_stream_v_proj
        theirs[f"transformer_blocks.{index}.attn.processor"] = processor
    transformer.set_attn_processor(theirs)
    try:
        reference = transformer(
            LATENTS,
            encoder_hidden_states=PROMPT.tokens,
            pooled_projections=PROMPT.pooled,
            timestep=torch.tensor([0.7]),
            guidance=torch.tensor([3.5]),
            img_ids=image_ids(),
            txt_ids=torch.zeros(6, 3),
            joint_attention_kwargs={"ip_hidden_states": [method.tokens.cond]},
            return_dict=False,
        )[0]
    finally:
        transformer.set_attn_processor(plain)
    torch.testing.assert_close(ours, reference, atol=2e-5, rtol=1e-5)
    assert not torch.allclose(ours, predict(transformer, ()), atol=1e-3)


def shapes(module: nn.Module, prefix: str = "") -> dict[str, tuple[int, ...]]:
    return {f"{prefix}{name}": tuple(value.shape) for name, value in module.state_dict().items()}


def write(path: Path, tensors: dict[str, tuple[int, ...]]) -> Path:
    save_file({name: torch.zeros(shape) for name, shape in tensors.items()}, path)
    return path


def test_a_whole_withanyone_file_is_taken_for_its_arcface_branch(tmp_path: Path) -> None:
    """Its SigLIP branch and the merge script's six names are ignored; anything else in the file is refused."""
    arc = shapes(ArcAdapter(8, 2, 1, 16, 12))
    others = foreign_to("faceid")
    sig = {name: (1,) * len(shape) for name, shape in manifest("withanyone").items() if name.startswith(others)}
    assert len([name for name in sig if name.startswith("siglip_in_arc.")]) == 6
    whole = write(tmp_path / "withanyone.safetensors", {**arc, **sig})
    assert shapes(load(ArcAdapter.from_shapes, whole, ignored=others)) == arc
    strange = write(tmp_path / "strange.safetensors", {**arc, **sig, "ipa_clip.0.to_q.weight": (2, 2)})
    with pytest.raises(BrokenWeights, match="ipa_clip"):
        load(ArcAdapter.from_shapes, strange, ignored=others)
