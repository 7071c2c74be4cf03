"""PuLID's tokens are their formula, and they act behind twenty blocks."""

from typing import Any

import torch
from torch import Tensor

from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.pulid import IDFormer, attention_of, id_tokens
from mien_pipeline.face import Portrait
from mien_testing.formulas import TOLERANCE, draw_parameters, feed, norm, perceiver, values
from mien_testing.tiny import Picture


def apply_mapping(layers: Any, x: Tensor) -> Tensor:
    for index in (0, 3):
        x = norm(x @ layers[index].weight.T + layers[index].bias, layers[index + 1])
        x = torch.where(x > 0, x, 0.01 * x)
    result: Tensor = x @ layers[6].weight.T + layers[6].bias
    return result


def test_the_idformer_is_its_formula() -> None:
    """Two layers to each of five levels; every level is seen together with the face's own five tokens."""
    network = draw_parameters(IDFormer(16, 10, 1, 24, 5, 6, 8, 14, 12, 16))
    face, levels = values(1, 14), [values(1, 9, 12, seed=3 + level) for level in range(5)]
    own = apply_mapping(network.id_embedding_mapping, face).view(1, 5, 16)
    latents = torch.cat([network.latents, own], dim=1)
    for level, features in enumerate(levels):
        context = torch.cat([own, apply_mapping(network.get_submodule(f"mapping_{level}"), features)], dim=1)
        for layer in list(network.layers)[2 * level : 2 * level + 2]:
            latents = perceiver(layer[0], context, latents) + latents
            latents = feed(layer[1], latents) + latents
    written = latents[:, :6] @ network.proj_out
    torch.testing.assert_close(network(face, levels), written, **TOLERANCE)


def test_several_pictures_each_have_their_face_tokens_and_all_their_features() -> None:
    """As PuLID's authors do it in version 1.1: embeddings stacked, features one after the other, one unconditional."""
    network = draw_parameters(IDFormer(16, 10, 1, 24, 5, 6, 8, 10 + 4, 12, 16))
    embedding, eva = values(1, 3, 10), values(1, 3, 4, seed=8)
    levels = [values(1, 27, 12, seed=3 + level) for level in range(5)]
    tokens = id_tokens(network, embedding, eva, levels)
    faces = torch.cat([embedding, eva / eva.norm(dim=-1, keepdim=True)], -1)[0]
    own = torch.cat([apply_mapping(network.id_embedding_mapping, face[None]).view(1, 5, 16) for face in faces], 1)
    latents = torch.cat([network.latents, own], dim=1)
    for level, features in enumerate(levels):
        context = torch.cat([own, apply_mapping(network.get_submodule(f"mapping_{level}"), features)], dim=1)
        for layer in list(network.layers)[2 * level : 2 * level + 2]:
            latents = perceiver(layer[0], context, latents) + latents
            latents = feed(layer[1], latents) + latents
    torch.testing.assert_close(tokens.cond, latents[:, :6] @ network.proj_out, **TOLERANCE)
    one = id_tokens(network, embedding[:, 0], eva[:, 0], [level[:, :9] for level in levels])
    assert torch.equal(tokens.uncond, one.uncond)


def test_pulids_unconditional_is_the_idformer_of_zeros_and_not_zeros() -> None:
    network = draw_parameters(IDFormer(16, 10, 1, 24, 5, 6, 8, 10 + 4, 12, 16))
    levels = [values(1, 9, 12, seed=level) for level in range(5)]
    tokens = id_tokens(network, values(1, 10), values(1, 4, seed=8) * 30, levels)
    blank = network(torch.zeros(1, 14), [torch.zeros(1, 9, 12)] * 5)
    assert torch.equal(tokens.uncond, blank)
    assert tokens.uncond.abs().max() > 0.1
    # ArcFace goes in as it is; EVA's embedding is normalised, so its length says nothing.
    assert torch.allclose(tokens.cond, id_tokens(network, values(1, 10), values(1, 4, seed=8), levels).cond, atol=1e-5)
    assert not torch.allclose(tokens.cond, id_tokens(network, 2 * values(1, 10), values(1, 4, seed=8), levels).cond)


def test_pulid_acts_behind_twenty_blocks() -> None:
    acting = {block: attention_of(block, 19) for block in range(57) if attention_of(block, 19) is not None}
    assert list(acting) == [*range(0, 19, 2), *range(19, 57, 4)]
    assert list(acting.values()) == list(range(20))


def test_pulid_is_given_the_raw_embedding_and_what_enters_every_fourth_block_of_eva(
    engine: FluxEngine, reference: Picture
) -> None:
    """Five levels of the tower, and one vector: ArcFace as it comes, then EVA's embedding at unit length."""
    stack, entering, given = engine.stack, dict[int, Tensor](), list[tuple[Any, ...]]()

    def enters(index: int) -> Any:
        def hook(_module: object, inputs: tuple[Tensor]) -> None:
            entering[index] = inputs[0]

        return hook

    def gives(_module: object, inputs: tuple[Any, ...]) -> None:
        given.append(inputs)

    handles = [block.register_forward_pre_hook(enters(index)) for index, block in enumerate(stack.eva.blocks)]
    handles.append(stack.id_former.register_forward_pre_hook(gives))
    identity = engine.prepare([Portrait(*reference)]).identity
    try:
        assert identity.id_tokens.cond.shape == identity.id_tokens.uncond.shape
    finally:
        for handle in handles:
            handle.remove()
    (face, levels), (no_face, no_levels) = given
    for index, level in zip((4, 8, 12, 16, 20), levels, strict=True):
        assert torch.equal(level, entering[index])
    assert torch.equal(face[:, :512], identity.embedding)
    torch.testing.assert_close(face[:, 512:].norm(dim=-1), torch.ones(1))
    assert not no_face.any()
    assert not any(level.any() for level in no_levels)
