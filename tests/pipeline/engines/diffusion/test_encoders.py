"""The identity encoders are what their papers write: each is compared with its formula, written out here in loops."""

import math
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien_core.errors import BrokenWeights
from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion import reference
from mien_pipeline.engines.diffusion.eva import EvaTower, VisionRope
from mien_pipeline.engines.diffusion.irse import IrSe50
from mien_pipeline.engines.diffusion.parsing import BiSeNet, ParsingClass
from mien_pipeline.engines.diffusion.perceiver import PerceiverAttention, PerceiverCrossAttention
from mien_pipeline.engines.diffusion.reference import FFHQ_TEMPLATE, ArcFaceRecogniser
from mien_pipeline.engines.flux.faceid import ArcAdapter, face_tokens
from mien_pipeline.engines.flux.files import find_files
from mien_pipeline.engines.flux.instantid import Resampler, keypoint_picture
from mien_pipeline.engines.flux.pulid import EVA_TAPS, IDFormer, attention_of, id_tokens
from mien_pipeline.face import Face
from mien_pipeline.faces.align import align
from mien_pipeline.image import Image

TOLERANCE: dict[str, Any] = {"atol": 2e-5, "rtol": 1e-4}


def drawn(module: nn.Module, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            centre = 1.0 if parameter.ndim == 1 and name.endswith("weight") else 0.0
            parameter.copy_(centre + 0.2 * torch.randn(parameter.shape, generator=generator))
        for name, buffer in module.named_buffers():
            if name.endswith("running_var"):
                buffer.copy_(1 + torch.rand(buffer.shape, generator=generator))
            elif name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=generator))
    return module.eval().requires_grad_(False)


def values(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def norm(x: Tensor, layer: Any) -> Tensor:
    """Layer norm, Ba et al. 2016, equations 3 and 4."""
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.pow(2).mean(-1, keepdim=True) + layer.eps).sqrt()
    result: Tensor = scaled * layer.weight + layer.bias
    return result


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Scaled dot products, one head and one query at a time (Vaswani et al. 2017, equation 1)."""
    width = q.shape[-1] // heads
    rows: list[Tensor] = []
    for query in q[0]:
        parts: list[Tensor] = []
        for head in range(heads):
            span = slice(head * width, (head + 1) * width)
            scores = torch.stack([query[span] @ key[span] / math.sqrt(width) for key in k[0]])
            weights = scores.exp() / scores.exp().sum()
            parts.append((weights[:, None] * v[0][:, span]).sum(0))
        rows.append(torch.cat(parts))
    return torch.stack(rows)[None]


def cross(layer: Any, tokens: Tensor, queries: Tensor) -> Tensor:
    q, (k, v) = queries @ layer.to_q.weight.T, (tokens @ layer.to_kv.weight.T).chunk(2, dim=-1)
    result: Tensor = attention(q, k, v, layer.heads) @ layer.to_out.weight.T
    return result


def perceiver(layer: Any, tokens: Tensor, queries: Tensor) -> Tensor:
    """Flamingo's resampler: keys and values of tokens and queries together."""
    normed = norm(queries, layer.norm2)
    return cross(layer, torch.cat([norm(tokens, layer.norm1), normed], dim=1), normed)


def feed(layer: Any, x: Tensor) -> Tensor:
    result: Tensor = F.gelu(norm(x, layer[0]) @ layer[1].weight.T) @ layer[3].weight.T
    return result


def test_cross_attention_is_its_formula() -> None:
    layer = drawn(PerceiverCrossAttention(12, 20, 2, 128))
    tokens, queries = values(1, 5, 20), values(1, 7, 12, seed=2)
    written = cross(layer, norm(tokens, layer.norm1), norm(queries, layer.norm2))
    torch.testing.assert_close(layer(tokens, queries), written, **TOLERANCE)


def test_perceiver_attention_is_its_formula() -> None:
    layer = drawn(PerceiverAttention(16, 2))
    tokens, queries = values(1, 5, 16), values(1, 3, 16, seed=2)
    torch.testing.assert_close(layer(tokens, queries), perceiver(layer, tokens, queries), **TOLERANCE)


def test_the_resampler_is_its_formula() -> None:
    network = drawn(Resampler(16, 3, 2, 24, 4, 10, 12))
    embedding = values(1, 1, 10)
    latents, tokens = network.latents, embedding @ network.proj_in.weight.T + network.proj_in.bias
    for layer in network.layers:
        latents = perceiver(layer[0], tokens, latents) + latents
        latents = feed(layer[1], latents) + latents
    written = norm(latents @ network.proj_out.weight.T + network.proj_out.bias, network.norm_out)
    torch.testing.assert_close(network(embedding), written, **TOLERANCE)


def mapped(layers: Any, x: Tensor) -> Tensor:
    for index in (0, 3):
        x = norm(x @ layers[index].weight.T + layers[index].bias, layers[index + 1])
        x = torch.where(x > 0, x, 0.01 * x)
    result: Tensor = x @ layers[6].weight.T + layers[6].bias
    return result


def test_the_idformer_is_its_formula() -> None:
    """Two layers to each of five levels; every level is seen together with the face's own five tokens."""
    network = drawn(IDFormer(16, 10, 1, 24, 5, 6, 8, 14, 12, 16))
    face, levels = values(1, 14), [values(1, 9, 12, seed=3 + level) for level in range(5)]
    own = mapped(network.id_embedding_mapping, face).view(1, 5, 16)
    latents = torch.cat([network.latents, own], dim=1)
    for level, features in enumerate(levels):
        context = torch.cat([own, mapped(network.get_submodule(f"mapping_{level}"), features)], dim=1)
        for layer in list(network.layers)[2 * level : 2 * level + 2]:
            latents = perceiver(layer[0], context, latents) + latents
            latents = feed(layer[1], latents) + latents
    written = latents[:, :6] @ network.proj_out
    torch.testing.assert_close(network(face, levels), written, **TOLERANCE)


def test_pulids_unconditional_is_the_idformer_of_zeros_and_not_zeros() -> None:
    network = drawn(IDFormer(16, 10, 1, 24, 5, 6, 8, 10 + 4, 12, 16))
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


def test_the_eva_tower_is_its_formula_and_taps_what_enters_the_blocks() -> None:
    tower = drawn(EvaTower(dim=64, hidden=20, layers=6, grid=3, patch=4, output_dim=5))
    pixels = values(1, 3, 12, 12)
    patches = torch.stack(
        [
            (pixels[0, :, row : row + 4, column : column + 4] * tower.patch_embed.proj.weight).flatten(1).sum(1)
            + tower.patch_embed.proj.bias
            for row in range(0, 12, 4)
            for column in range(0, 12, 4)
        ]
    )[None]
    x = torch.cat([tower.cls_token, patches], dim=1) + tower.pos_embed
    entering: list[Tensor] = []
    for block in tower.blocks:
        entering.append(x)
        y, attn = norm(x, block.norm1), block.attn
        q, k = y @ attn.q_proj.weight.T + attn.q_bias, y @ attn.k_proj.weight.T
        v = y @ attn.v_proj.weight.T + attn.v_bias
        out = attention(turned(q, 3), turned(k, 3), v, 1)
        x = x + norm(out, attn.inner_attn_ln) @ attn.proj.weight.T + attn.proj.bias
        y = norm(x, block.norm2)
        gate, value = (y @ layer.weight.T + layer.bias for layer in (block.mlp.w1, block.mlp.w2))
        hidden = norm(gate / (1 + (-gate).exp()) * value, block.mlp.ffn_ln)
        x = x + hidden @ block.mlp.w3.weight.T + block.mlp.w3.bias
    written = norm(x, tower.norm)[:, 0] @ tower.head.weight.T + tower.head.bias
    embedding, levels = tower(pixels, (1, 4))
    torch.testing.assert_close(embedding, written, atol=2e-4, rtol=1e-3)
    for level, expected in zip(levels, (entering[1], entering[4]), strict=True):
        torch.testing.assert_close(level, expected, atol=2e-4, rtol=1e-3)


def turned(x: Tensor, grid: int) -> Tensor:
    """RoFormer's rotation, pair by pair: the first half of a head turns with the row, the second with the column."""
    result = x.clone()
    for place in range(grid * grid):
        position = (place // grid, place % grid)
        for pair in range(32):
            axis, rate = divmod(pair, 16)
            angle = position[axis] / grid * 16 * 10000.0 ** (-2 * rate / 32)
            a, b = x[0, place + 1, 2 * pair], x[0, place + 1, 2 * pair + 1]
            result[0, place + 1, 2 * pair] = a * math.cos(angle) - b * math.sin(angle)
            result[0, place + 1, 2 * pair + 1] = a * math.sin(angle) + b * math.cos(angle)
    return result


def test_the_published_tower_has_577_places_and_five_taps() -> None:
    with torch.device("meta"):
        tower, rope = EvaTower(), VisionRope(24)
        embedding, levels = tower(torch.zeros(2, 3, 336, 336), EVA_TAPS)
    assert tower.image_size == 336
    assert embedding.shape == (2, 768)
    assert [tuple(level.shape) for level in levels] == [(2, 577, 1024)] * 5
    assert rope.get_buffer("freqs_cos").shape == (576, 64)


def test_ir_se50_halves_four_times_and_gives_unit_vectors() -> None:
    widths = (4, *[4] * 3, *[6] * 4, *[8] * 14, *[10] * 3)
    network = drawn(IrSe50(widths, (2,) * 24, 7 * 7 * 10))
    sizes: list[int] = []
    x = network.input_layer(values(2, 3, 112, 112))
    for unit in network.body:
        x = unit(x)
        sizes.append(x.shape[-1])
    assert sizes == [56] * 3 + [28] * 4 + [14] * 14 + [7] * 3
    embedding = network(values(2, 3, 112, 112))
    torch.testing.assert_close(embedding.norm(dim=-1), torch.ones(2))
    unit = network.body[3]
    squeezed = F.relu(F.conv2d(x.mean((2, 3), keepdim=True)[:, :6], unit.res_layer[5].fc1.weight))
    weight = torch.sigmoid(F.conv2d(squeezed, unit.res_layer[5].fc2.weight))
    torch.testing.assert_close(unit.res_layer[5](x[:, :6]), x[:, :6] * weight)


def test_the_parsing_network_names_every_pixel() -> None:
    network = drawn(BiSeNet((8, 8, 12, 16), 8, 8, 4))
    found = network(values(1, 3, 96, 64))
    assert found.shape == (1, 96, 64)
    assert set(found.unique().tolist()) <= {int(region) for region in ParsingClass}


def test_the_face_adapter_makes_eight_tokens_and_has_an_unconditional_of_its_own() -> None:
    adapter = drawn(ArcAdapter(12, 3, 1, 16, 10))
    embedding = values(1, 10)
    first, _, middle, last = adapter.arcface_in_arc
    hidden = norm(F.gelu(embedding @ first.weight.T + first.bias), middle)
    written = (hidden @ last.weight.T + last.bias).view(1, 8, 12)
    tokens = face_tokens(adapter.project, embedding)
    torch.testing.assert_close(tokens.cond, written, **TOLERANCE)
    torch.testing.assert_close(tokens.uncond, adapter.project(torch.zeros(1, 10)))
    assert not torch.allclose(tokens.cond, tokens.uncond)


def test_the_keypoint_picture_has_five_points_and_four_sticks() -> None:
    kps = np.array([[80, 90], [180, 92], [130, 140], [95, 190], [170, 188]], np.float32)
    picture = keypoint_picture(kps, 256, 240)
    assert picture.shape == (240, 256, 3)
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)]
    for (x, y), colour in zip(kps.astype(int), colours, strict=True):
        assert tuple(picture[y, x]) == colour
    for end in (0, 1, 3, 4):
        x, y = ((kps[end] + kps[2]) / 2).astype(int)
        assert tuple(picture[y, x]) == tuple(int(0.6 * channel) for channel in colours[end])
    assert (picture[:50] == 0).all()
    outside = keypoint_picture(kps + 500, 256, 240)
    assert (outside == 0).all()


# ── contracts of the recognisers ─────────────────────────────────────────────────────────────────────────


def one_face() -> tuple[Image, Face]:
    pixels = np.zeros((300, 280, 3), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = 200, 100, 50
    kps = np.array([[100, 120], [180, 120], [140, 160], [110, 200], [170, 200]], np.float32)
    return Image(pixels), Face(np.array([70, 70, 210, 240], np.float32), 0.9, kps)


def test_infiniteyous_recogniser_is_given_bgr_from_minus_one_to_one() -> None:
    image, face = one_face()
    seen = reference.for_irse(image, face.kps)
    assert seen.shape == (1, 3, 112, 112)
    torch.testing.assert_close(seen[0, :, 60, 56], torch.tensor([50, 100, 200]) / 127.5 - 1)


def test_eva_is_given_a_grey_face_on_white() -> None:
    regions = np.full((512, 512), int(ParsingClass.SKIN), np.int64)
    regions[:100] = int(ParsingClass.BACKGROUND)
    crop = np.full((512, 512, 3), (200, 100, 50), np.uint8)
    seen = reference.for_eva(crop, regions, 56)
    mean, std = torch.tensor([0.48145466, 0.4578275, 0.40821073]), torch.tensor([0.26862954, 0.26130258, 0.27577711])
    grey = (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255
    torch.testing.assert_close(seen[0, :, 40, 28] * std + mean, torch.full((3,), grey), atol=1e-4, rtol=0)
    torch.testing.assert_close(seen[0, :, 3, 28] * std + mean, torch.ones(3), atol=1e-4, rtol=0)


def test_a_portrait_is_in_ffhqs_pose() -> None:
    image, face = one_face()
    affine = reference.portrait_affine(face.kps)
    landed = face.kps @ affine[:, :2].T + affine[:, 2]
    assert np.abs(landed - FFHQ_TEMPLATE).mean() < 20
    assert reference.portrait(image.pixels, face.kps).shape == (512, 512, 3)


def test_antelopev2_sees_rgb_and_its_length_is_kept(tiny_store: ModelStore) -> None:
    """InsightFace takes BGR and turns it round; what the network itself is given is written out here."""
    weights = find_files(tiny_store).arcface
    image, face = one_face()
    embedding = ArcFaceRecogniser(weights, ["CPUExecutionProvider"]).embed(image, face.kps)
    crop = align(image.pixels, face.kps, 112).crop.astype(np.float32)
    network: Any = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    written = network.run(None, {"input.1": ((crop - 127.5) / 127.5).transpose(2, 0, 1)[None]})[0]
    torch.testing.assert_close(embedding, torch.from_numpy(written), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(embedding.norm(), torch.ones(()), atol=0.05)


def test_a_file_that_is_no_recogniser_is_refused(tiny_store: ModelStore, tmp_path: Any) -> None:
    broken = tmp_path / "glintr100.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(BrokenWeights, match=r"glintr100\.onnx"):
        ArcFaceRecogniser(broken, ["CPUExecutionProvider"])
