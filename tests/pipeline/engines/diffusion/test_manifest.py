"""A manifest's line stands for as many tensors as its ranges name."""

import pytest

from mien_pipeline.engines.diffusion.manifest import manifest

# (file, tensors, one name, its shape), as the authors' repositories list them
PUBLISHED = [
    ("flux1-dev.transformer", 1160, "single_transformer_blocks.37.norm.linear.weight", (9216, 3072)),
    ("flux1-dev.single-file", 780, "double_blocks.18.img_attn.qkv.weight", (9216, 3072)),
    ("pulid-flux", 312, "pulid_ca.19.to_q.weight", (2048, 3072)),
    ("eva02-clip-l-336", 712, "logit_scale", ()),
]


@pytest.mark.parametrize(("name", "count", "tensor", "shape"), PUBLISHED)
def test_every_tensor_of_a_published_file_is_listed(name: str, count: int, tensor: str, shape: tuple[int, ...]) -> None:
    found = manifest(name)
    assert len(found) == count
    assert found[tensor] == shape


def test_a_range_stands_for_every_index_in_it() -> None:
    """Double blocks are numbered 0 to 18, and none is left out."""
    names = manifest("flux1-dev.transformer")
    blocks = {int(name.split(".")[1]) for name in names if name.startswith("transformer_blocks.")}
    assert blocks == set(range(19))
    assert not [name for name in names if "[" in name]


def test_a_file_without_a_manifest_is_no_silent_nothing() -> None:
    with pytest.raises(FileNotFoundError):
        manifest("flux-2")
