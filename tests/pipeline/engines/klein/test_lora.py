"""A merged LoRA computes what one added to every layer's answer does; a file of another network changes nothing."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from mien_core.errors import BrokenWeights
from mien_pipeline.engines.klein.lora import BesideLora, merge
from mien_pipeline.engines.klein.names import folder_modules
from mien_pipeline.engines.klein.single_file import load_single_file
from mien_testing.makers import inputs, is_matrix_of_a_block, small_transformer, to_makers, write_fp8, write_gguf

RANK = 4
Tensors = dict[str, Tensor]


def fused(alpha: float | None = None, prefix: str = "diffusion_model.") -> Tensors:
    """The makers' names: query, key and value have one A and one B. Alphas, where there are any, differ."""
    return _draw(to_makers(small_transformer().state_dict()), alpha, prefix)


def split(alpha: float | None = None, prefix: str = "transformer.") -> Tensors:
    """The folder's names."""
    return _draw(small_transformer().state_dict(), alpha, prefix)


def _draw(network: Mapping[str, Tensor], alpha: float | None, prefix: str) -> Tensors:
    sizes = {name: value.shape for name, value in network.items() if is_matrix_of_a_block(name, value)}
    return dict(_tensors({f"{prefix}{name.removesuffix('.weight')}": size for name, size in sizes.items()}, alpha))


def _tensors(sizes: Mapping[str, Any], alpha: float | None) -> Iterator[tuple[str, Tensor]]:
    drawn = torch.Generator().manual_seed(7)
    for index, (module, (rows, columns)) in enumerate(sizes.items()):
        yield f"{module}.lora_A.weight", torch.randn(RANK, columns, generator=drawn) / columns**0.5
        yield f"{module}.lora_B.weight", torch.randn(rows, RANK, generator=drawn) / RANK**0.5
        if alpha is not None:
            yield f"{module}.alpha", torch.tensor(alpha + index)


def made(network: Any) -> Tensor:
    answer: Tensor = network(**inputs())[0]
    return answer


def off(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


def add_by_hooks(network: nn.Module, lora: Tensors, scale: float) -> nn.Module:
    """The LoRA's definition, layer by layer: what is added to the answer, alpha / rank · B(A(x))."""
    for name in [name for name in lora if ".lora_A." in name]:
        stem = name.removesuffix(".lora_A.weight")
        module = stem.removeprefix("diffusion_model.").removeprefix("transformer.")
        parts = folder_modules(module) or (module,)
        times = scale * (float(lora[f"{stem}.alpha"]) / RANK if f"{stem}.alpha" in lora else 1)
        for part, rows in zip(parts, lora[f"{stem}.lora_B.weight"].chunk(len(parts)), strict=True):
            network.get_submodule(part).register_forward_hook(_adding(lora[name], times * rows))
    return network


def _adding(down: Tensor, up: Tensor) -> Callable[..., Tensor]:
    def add(_layer: nn.Module, given: tuple[Tensor, ...], answer: Tensor) -> Tensor:
        return answer + F.linear(F.linear(given[0], down), up)

    return add


CASES = [fused(), fused(2.0), fused(prefix=""), split(), split(2.0)]
NAMES = ["fused", "fused with alphas", "fused without a prefix", "split", "split with alphas"]


@pytest.mark.parametrize("lora", CASES, ids=NAMES)
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_it_is_merged_into_what_hooks_compute(tmp_path: Path, lora: Tensors, scale: float) -> None:
    save_file(lora, tmp_path / "lora.safetensors")
    merged = small_transformer()
    merge(merged, tmp_path / "lora.safetensors", scale, torch.float32)
    wanted = made(add_by_hooks(small_transformer(), lora, scale))
    assert off(made(merged), wanted) < 1e-5
    assert off(made(small_transformer()), wanted) > 0.1


def test_another_trainers_words_for_a_and_b_are_read(tmp_path: Path) -> None:
    renamed = {
        name.replace("lora_A", "lora_down").replace("lora_B", "lora_up"): value for name, value in fused().items()
    }
    save_file(renamed, tmp_path / "lora.safetensors")
    merged = small_transformer()
    merge(merged, tmp_path / "lora.safetensors", 1.0, torch.float32)
    assert off(made(merged), made(add_by_hooks(small_transformer(), fused(), 1.0))) < 1e-5


def test_every_matrix_of_the_blocks_is_touched_and_no_other(tmp_path: Path) -> None:
    """Of the published network's 109 those are 100: here 2 blocks of 12 and 3 of 2, and the 9 outside."""
    save_file(fused(), tmp_path / "lora.safetensors")
    before, after = small_transformer(), small_transformer()
    merge(after, tmp_path / "lora.safetensors", 1.0, torch.float32)
    then = before.state_dict()
    touched = {name for name, value in after.state_dict().items() if not torch.equal(value, then[name])}
    assert len(touched) == 2 * 12 + 3 * 2
    assert len([layer for layer in after.modules() if isinstance(layer, nn.Linear)]) == len(touched) + 9


def test_the_sum_is_rounded_once(tmp_path: Path) -> None:
    """A bfloat16 matrix takes the sum of both in float32, not the sum of their roundings."""
    lora = fused()
    save_file(lora, tmp_path / "lora.safetensors")
    merged = small_transformer().bfloat16()
    before = merged.single_transformer_blocks[0].attn.to_out.weight.clone()
    merge(merged, tmp_path / "lora.safetensors", 1.0, torch.bfloat16)
    stem = "diffusion_model.single_blocks.0.linear2"
    exact = before.float() + lora[f"{stem}.lora_B.weight"] @ lora[f"{stem}.lora_A.weight"]
    assert torch.equal(merged.single_transformer_blocks[0].attn.to_out.weight, exact.bfloat16())


@pytest.mark.parametrize("kind", ["fp8", "Q8_0", "Q4_0"])
def test_it_is_kept_beside_matrices_that_are_packed(tmp_path: Path, kind: Any) -> None:
    theirs, lora = to_makers(small_transformer().state_dict()), fused(2.0)
    save_file(lora, tmp_path / "lora.safetensors")
    path = (
        write_fp8(tmp_path / "k.safetensors", theirs)
        if kind == "fp8"
        else write_gguf(tmp_path / "k.gguf", theirs, kind)
    )
    form: Any = {"fp8": "float8", "Q8_0": "gguf-q8", "Q4_0": "gguf-q4"}[kind]
    network, plain = (load_single_file(path, form, torch.float32) for _ in range(2))
    merge(network, tmp_path / "lora.safetensors", 0.5, torch.float32)
    assert sum(isinstance(layer, BesideLora) for layer in network.modules()) == 30
    assert off(made(network), made(add_by_hooks(plain, lora, 0.5))) < 1e-5
    assert not any(value.requires_grad for value in network.parameters())


WHOLE = fused(2.0)


def changed(**by: Tensor | None) -> Tensors:
    return {name: value for name, value in {**WHOLE, **by}.items() if value is not None}


A, B = "diffusion_model.single_blocks.1.linear2.lora_A.weight", "diffusion_model.single_blocks.1.linear2.lora_B.weight"


@pytest.mark.parametrize(
    ("lora", "field", "named"),
    [
        (changed(**{"lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": torch.zeros(4, 64)}), "extra", None),
        (changed(**{"diffusion_model.single_blocks.1.linear2.dora_scale": torch.zeros(1)}), "extra", None),
        (changed(**{"diffusion_model.double_blocks.0.img_mod.lin.lora_A.weight": torch.zeros(4, 64)}), "extra", None),
        (changed(**{"diffusion_model.double_blocks.9.img_attn.proj.alpha": torch.tensor(1.0)}), "extra", None),
        (changed(**{B: None}), "missing", B),
        (changed(**{A: None}), "missing", A),
        (changed(**{A: torch.zeros(RANK, 33)}), "misshapen", A),
        (changed(**{B: torch.zeros(64, RANK + 1)}), "misshapen", B),
    ],
    ids=["kohya", "dora", "modulation", "no-such-block", "no-b", "no-a", "width", "rank"],
)
def test_a_file_that_does_not_fit_is_refused_by_its_tensors_and_changes_nothing(
    tmp_path: Path, lora: Tensors, field: str, named: str | None
) -> None:
    save_file(lora, tmp_path / "lora.safetensors")
    network = small_transformer()
    with pytest.raises(BrokenWeights) as refused:
        merge(network, tmp_path / "lora.safetensors", 1.0, torch.float32)
    assert refused.value.fields[field] == [named or next(name for name in lora if name not in WHOLE)]
    assert refused.value.fields["file"] == "lora.safetensors"
    before = small_transformer().state_dict()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_file_with_nothing_in_it_is_no_lora(tmp_path: Path) -> None:
    save_file({}, tmp_path / "empty.safetensors")
    with pytest.raises(BrokenWeights, match="no LoRA"):
        merge(small_transformer(), tmp_path / "empty.safetensors", 1.0, torch.float32)
