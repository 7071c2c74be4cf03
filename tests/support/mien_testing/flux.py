"""A transformer with FLUX.1's block counts at a width of 32, the three identity methods, and the pass written out."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from torch import Tensor

from mien_pipeline.engines.diffusion.perceiver import PerceiverCrossAttention
from mien_pipeline.engines.flux.faceid import ArcAdapter, FaceId, XlabsAdapter, face_tokens
from mien_pipeline.engines.flux.inject import WeightSchedule
from mien_pipeline.engines.flux.instantid import InstantId, identity_net
from mien_pipeline.engines.flux.pulid import IdTokens, Pulid, PulidAttentions
from mien_pipeline.engines.flux.text import Prompt
from mien_pipeline.engines.flux.velocity import Canvas, IdentityMethod, bind_conditioning
from mien_pipeline.sampling import noise_like

# Networks this small are not shared out: on a busy machine threads wait for each other longer than they work.
torch.set_num_threads(1)

DIM, TEXT_DIM, POOLED = 32, 24, 16
SIDE = 4
TOKENS = SIDE * SIDE
CONFIG: dict[str, Any] = {
    "in_channels": 64,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": TEXT_DIM,
    "pooled_projection_dim": POOLED,
    "guidance_embeds": True,
    "axes_dims_rope": (4, 6, 6),
}
DOUBLES, SINGLES = 19, 38


def randomise(module: Any, seed: int, scale: float = 0.15) -> Any:
    """Every parameter drawn anew: control nets are born with zeros, which would hide what they do."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return module.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def transformer() -> Any:
    return randomise(FluxTransformer2DModel(**CONFIG, num_layers=DOUBLES, num_single_layers=SINGLES), 1)


@pytest.fixture(scope="session")
def control_net() -> Any:
    return randomise(identity_net({**CONFIG, "num_layers": 4, "num_single_layers": 10}), 2)


@pytest.fixture(scope="session")
def attentions() -> Any:
    return randomise(PulidAttentions(PerceiverCrossAttention(DIM, 20, 1, 128) for _ in range(20)), 3)


@pytest.fixture(scope="session")
def arc() -> Any:
    return randomise(ArcAdapter(DIM, DOUBLES + SINGLES, 1, 64, 512), 4, 0.05)


@pytest.fixture(scope="session")
def xlabs() -> Any:
    return randomise(XlabsAdapter(DIM, TEXT_DIM, 4, 12, DOUBLES), 5)


def draw(*shape: int, seed: int = 9) -> Tensor:
    return noise_like(torch.empty(shape), seed)


def image_ids() -> Tensor:
    return torch.tensor([[0.0, row, column] for row in range(SIDE) for column in range(SIDE)])


PROMPT = Prompt(draw(1, 6, TEXT_DIM, seed=20), draw(1, POOLED, seed=21))
NEGATIVE = Prompt(draw(1, 6, TEXT_DIM, seed=22), draw(1, POOLED, seed=23))
ID = IdTokens(cond=draw(1, 8, 20, seed=24), uncond=draw(1, 8, 20, seed=25))
LATENTS = draw(1, TOKENS, 64, seed=26)


def pulid(attentions: PulidAttentions, schedule: WeightSchedule) -> Pulid:
    return Pulid(attentions, ID, DOUBLES, schedule)


def instantid(control_net: Any, schedule: WeightSchedule) -> InstantId:
    tokens, points = draw(1, 8, TEXT_DIM, seed=27), draw(1, TOKENS, 64, seed=28)
    return InstantId(control_net, tokens, points, (DOUBLES, SINGLES), schedule)


def faceid(adapter: ArcAdapter | XlabsAdapter, schedule: WeightSchedule, region: Tensor | None = None) -> FaceId:
    width = 512 if isinstance(adapter, ArcAdapter) else 12
    return FaceId(adapter, face_tokens(adapter.project, draw(1, width, seed=29)), schedule, region)


@contextmanager
def velocity(transformer: Any, methods: Sequence[IdentityMethod], **changed: Any) -> Generator[Any]:
    settings: dict[str, Any] = {"guidance_scale": 3.5, "total": 4} | changed
    with bind_conditioning(transformer, PROMPT, NEGATIVE, Canvas(image_ids()), methods, **settings) as one:
        yield one


def predict(transformer: Any, methods: Sequence[IdentityMethod], step: int = 0, **changed: Any) -> Tensor:
    with velocity(transformer, methods, **changed) as one:
        result: Tensor = one(LATENTS, 0.7, step)
        return result


def by_hand(
    transformer: Any,
    prompt: Prompt = PROMPT,
    *,
    branch: str = "cond",
    pulid: tuple[Pulid, float] | None = None,
    instantid: tuple[InstantId, float] | None = None,
    faceid: tuple[FaceId, float] | None = None,
) -> Tensor:
    """The whole forward pass written out, block after block, from the papers' formulas."""
    timestep, guidance = torch.tensor([0.7]), torch.tensor([3.5])
    text_ids = torch.zeros(prompt.tokens.shape[1], 3)
    hidden = transformer.x_embedder(LATENTS)
    temb = transformer.time_text_embed(timestep * 1000, guidance * 1000, prompt.pooled)
    text = transformer.context_embedder(prompt.tokens)
    rotary = transformer.pos_embed(torch.cat([text_ids, image_ids()]))
    double: Sequence[Tensor] = ()
    single: Sequence[Tensor] = ()
    if instantid and branch == "cond":
        net = instantid[0].control_net
        double, single = net(
            LATENTS,
            instantid[0].points,
            encoder_hidden_states=instantid[0].tokens,
            pooled_projections=prompt.pooled,
            timestep=timestep,
            img_ids=image_ids(),
            txt_ids=torch.zeros(8, 3),
            guidance=torch.tensor([1.0]),
            return_dict=False,
        )
    for index in range(DOUBLES + SINGLES):
        if index < DOUBLES:
            text, hidden = transformer.transformer_blocks[index](hidden, text, temb, rotary)
        else:
            text, hidden = transformer.single_transformer_blocks[index - DOUBLES](hidden, text, temb, rotary)
        if instantid and double:
            control = double[index // 5] if index < DOUBLES else single[(index - DOUBLES) // 4]
            hidden = hidden + instantid[1] * control
        if pulid:
            tokens = pulid[0].tokens.cond if branch == "cond" else pulid[0].tokens.uncond
            if index < DOUBLES and index % 2 == 0:
                hidden = hidden + pulid[1] * pulid[0].attentions[index // 2](tokens, hidden)
            elif index >= DOUBLES and (index - DOUBLES) % 4 == 0:
                hidden = hidden + pulid[1] * pulid[0].attentions[10 + (index - DOUBLES) // 4](tokens, hidden)
        if faceid:
            assert isinstance(faceid[0].adapter, ArcAdapter)
            tokens = faceid[0].tokens.cond if branch == "cond" else faceid[0].tokens.uncond
            added = faceid[0].adapter.ipa_arc[index](tokens, hidden)
            if faceid[0].region is not None:
                inside = torch.zeros(TOKENS, 1)
                inside[faceid[0].region] = 1
                added = added * inside
            hidden = hidden + faceid[1] * added
    result: Tensor = transformer.proj_out(transformer.norm_out(hidden, temb))
    return result


REGION = torch.tensor([5, 6, 9, 10])


def all_methods(
    control_net: Any, attentions: PulidAttentions, arc: ArcAdapter, **schedule: Any
) -> tuple[InstantId, Pulid, FaceId]:
    return (
        instantid(control_net, WeightSchedule(0.7, **schedule)),
        pulid(attentions, WeightSchedule(0.9, **schedule)),
        faceid(arc, WeightSchedule(0.4, **schedule), REGION),
    )
