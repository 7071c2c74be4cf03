"""A file of holes is as long as its header says."""

from pathlib import Path

from mien_pipeline.engines.diffusion.measure.holes import write_sparse_gguf


def test_a_gguf_file_of_holes_is_as_long_as_its_header_says(tmp_path: Path) -> None:
    import gguf

    path = write_sparse_gguf(tmp_path / "q4.gguf", {"a.weight": (64, 96), "a.bias": (5,), "b.weight": (3, 33)})
    tensors = {each.name: each for each in gguf.GGUFReader(path).tensors}
    assert [int(each.n_bytes) for each in tensors.values()] == [64 * 3 * 18, 20, 3 * 33 * 4]
    assert tensors["a.weight"].tensor_type == gguf.GGMLQuantizationType.Q4_0
