"""The transformer is read from a folder, one file or GGUF, and another file is refused."""

import shutil
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from safetensors.torch import load_file, save_file

from mien_core.errors import BrokenWeights
from mien_models.store import ModelStore
from mien_pipeline.engines.flux import transformer
from mien_pipeline.engines.flux.files import find_files
from mien_pipeline.engines.flux.tiny.networks import FLUX as TINY_FLUX
from mien_pipeline.engines.flux.transformer import load_single_file, load_transformer

# A width that 8-bit blocks of 32 divide.
SMALL_FLUX: dict[str, Any] = TINY_FLUX | {
    "num_layers": 1,
    "num_single_layers": 1,
    "num_attention_heads": 4,
    "joint_attention_dim": 64,
    "pooled_projection_dim": 64,
}


def test_one_file_holds_what_a_folder_holds(tmp_path: Path) -> None:
    """A single file from another program is read as it is; no second copy is needed."""
    full: Any = FluxTransformer2DModel(**SMALL_FLUX).eval()
    save_file(full.state_dict(), tmp_path / "flux1-dev.safetensors")
    loaded = load_single_file(tmp_path / "flux1-dev.safetensors", "float32", SMALL_FLUX)
    read = loaded.state_dict()
    assert read.keys() == full.state_dict().keys()
    assert all(torch.equal(read[name], value) for name, value in full.state_dict().items())
    (tmp_path / "other.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(BrokenWeights, match=r"other\.safetensors"):
        load_transformer(tmp_path / "other.safetensors", "float32")


def test_a_gguf_file_is_the_transformer_it_was_written_from(tmp_path: Path) -> None:
    """Kept in 8-bit blocks, computed in float: close to the full weights, and another file is refused."""
    torch.manual_seed(0)
    config = SMALL_FLUX
    full: Any = FluxTransformer2DModel(**config).eval()
    writer: Any = gguf.GGUFWriter(tmp_path / "flux.gguf", "flux")
    for name, value in full.state_dict().items():
        array = value.numpy()
        if array.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(array, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, array)
    for end in ("write_header_to_file", "write_kv_data_to_file", "write_tensors_to_file", "close"):
        getattr(writer, end)()
    packed: Any = load_single_file(tmp_path / "flux.gguf", "gguf-q8", config)
    given = {
        "hidden_states": torch.randn(1, 4, 64),
        "encoder_hidden_states": torch.randn(1, 3, 64),
        "pooled_projections": torch.randn(1, 64),
        "timestep": torch.tensor([0.5]),
        "guidance": torch.tensor([3.5]),
        "img_ids": torch.zeros(4, 3),
        "txt_ids": torch.zeros(3, 3),
    }
    with torch.no_grad():
        written = full(**given, return_dict=False)[0]
        read = packed(**{key: value.to(torch.bfloat16) for key, value in given.items()}, return_dict=False)[0]
    torch.testing.assert_close(read.float(), written, atol=0.1, rtol=0.1)
    (tmp_path / "other.gguf").write_bytes(b"GGUF and nothing behind it")
    with pytest.raises(BrokenWeights, match=r"other\.gguf"):
        load_single_file(tmp_path / "other.gguf", "gguf-q8", config)


def test_a_damaged_shard_is_refused_with_what_it_lacks(store: ModelStore, tmp_path: Path) -> None:
    whole = find_files(store).transformer
    assert whole is not None
    shutil.copytree(whole, tmp_path / "transformer")
    shard = next((tmp_path / "transformer").glob("*00002*safetensors"))
    shard.chmod(0o600)
    tensors = load_file(shard)
    dropped = min(tensors)
    save_file({name: value for name, value in tensors.items() if name != dropped}, shard)
    with pytest.raises(BrokenWeights) as refused:
        transformer.load_transformer(tmp_path / "transformer", "float32")
    assert refused.value.fields["missing"] == [dropped]
