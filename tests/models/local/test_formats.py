"""A file is what its format says, read from its structure alone: nothing in it is executed, nothing outside is read."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_core.errors import BrokenWeights
from mien_models.catalogue.entries import Format
from mien_models.local.formats import check_format
from mien_models.store import ModelStore


def safetensors(tensors: dict[str, tuple[int, int]], payload: bytes, length: int | None = None) -> bytes:
    header = json.dumps(
        {name: {"dtype": "U8", "shape": [b - a], "data_offsets": [a, b]} for name, (a, b) in tensors.items()}
    ).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + payload


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def number(field_number: int, value: int) -> bytes:
    return varint(field_number << 3) + varint(value)


METADATA = b'{"__metadata__": {"format": "pt"}}'
INSIDE = field(9, b"\0\0\0\0")
OUTSIDE = field(13, field(1, b"location") + field(2, b"../../etc/passwd"))
LOCATED_OUTSIDE = number(14, 1)


def onnx_model(tensor: bytes) -> bytes:
    return number(1, 9) + field(7, field(5, tensor))


# Everywhere that an ONNX file may keep a tensor.
PLACES: dict[str, Callable[[bytes], bytes]] = {
    "initializer": onnx_model,
    "sparse initializer": lambda tensor: field(7, field(15, field(1, tensor))),
    "attribute": lambda tensor: field(7, field(1, field(5, field(5, tensor)))),
    "list in an attribute": lambda tensor: field(7, field(1, field(5, field(10, tensor)))),
    "subgraph": lambda tensor: field(7, field(1, field(5, field(6, field(5, tensor))))),
    "subgraph of a subgraph": lambda tensor: field(
        7, field(1, field(5, field(11, field(1, field(5, field(6, field(5, tensor)))))))
    ),
    "function": lambda tensor: field(7, b"") + field(25, field(7, field(5, field(5, tensor)))),
    "training graph": lambda tensor: field(7, b"") + field(20, field(1, field(5, tensor))),
}


def check(tmp_path: Path, content: bytes, format: Format) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    check_format(path, format, "weights")


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("safetensors", safetensors({"a": (0, 4), "b": (4, 6)}, b"123456")),
        ("safetensors", safetensors({}, b"")),
        ("safetensors", struct.pack("<Q", len(METADATA)) + METADATA),
        ("gguf", struct.pack("<4sIQQ", b"GGUF", 3, 12, 4)),
        ("tflite", b"\x1c\0\0\0TFL3rest"),
        ("picture", b"\x89PNG\r\n\x1a\nrest"),
        ("picture", b"\xff\xd8\xff\xe0rest"),
        ("text", b"Lizenz: ja\n"),
        ("pickle", b"PK\x03\x04rest"),
        ("pickle", b"\x80\x02rest"),
        ("dlib", b"anything"),
        ("onnx", onnx_model(INSIDE)),
    ],
)
def test_a_file_of_its_format_passes(tmp_path: Path, format: Format, content: bytes) -> None:
    check(tmp_path, content, format)


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("safetensors", b""),
        ("safetensors", b"PK\x03\x04 a pickle in disguise"),
        ("safetensors", safetensors({"a": (0, 4)}, b"123")),
        ("safetensors", safetensors({"a": (0, 4)}, b"12345")),
        ("safetensors", safetensors({"a": (0, 4), "b": (2, 6)}, b"123456")),
        ("safetensors", safetensors({"a": (0, 2), "b": (4, 6)}, b"123456")),
        ("safetensors", safetensors({"a": (0, 4)}, b"1234", length=2**63)),
        ("safetensors", struct.pack("<Q", 2) + b"[]"),
        ("safetensors", struct.pack("<Q", 8) + b'{"a": 1}'),
        ("gguf", b"GGUF"),
        ("gguf", struct.pack("<4sIQQ", b"GGUF", 99, 12, 4)),
        ("gguf", struct.pack("<4sIQQ", b"GGJT", 3, 12, 4)),
        ("tflite", b"TFL3"),
        ("picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("text", b"\xff\xfe\x00"),
        ("text", b"before\0after"),
        ("pickle", b"<html>please log in</html>"),
        ("dlib", b""),
        ("onnx", b""),
        ("onnx", b"<html>please log in</html>"),
        ("onnx", number(1, 9)),
        ("onnx", field(7, b"x" * 10)[:-1]),
    ],
)
def test_a_file_of_another_format_is_refused_by_name(tmp_path: Path, format: Format, content: bytes) -> None:
    with pytest.raises(BrokenWeights) as refused:
        check(tmp_path, content, format)
    assert refused.value.fields["file"] == "weights"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("tensor", [OUTSIDE, LOCATED_OUTSIDE], ids=["names a file", "says it is elsewhere"])
def test_an_onnx_file_keeps_no_tensor_in_other_files(tmp_path: Path, place: str, tensor: bytes) -> None:
    check(tmp_path, PLACES[place](INSIDE), "onnx")
    with pytest.raises(BrokenWeights, match="other files"):
        check(tmp_path, PLACES[place](tensor), "onnx")


def test_an_onnx_file_nested_without_end_is_refused(tmp_path: Path) -> None:
    graph = field(5, INSIDE)
    for _ in range(200):
        graph = field(1, field(5, field(6, graph)))

    with pytest.raises(BrokenWeights, match="deep"):
        check(tmp_path, field(7, graph), "onnx")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["safetensors", "gguf", "onnx", "tflite", "picture", "text"]))
def test_no_bytes_whatever_break_the_check(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, format: Format
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-bytes"
    path.write_bytes(content)
    try:
        check_format(path, format, "weights")
    except BrokenWeights:
        return


def test_the_starter_models_pass(models: ModelStore) -> None:
    for name in models.catalogue.resolve(["starter"]):
        for file in models.catalogue.model(name).files:
            check_format(models.path(name, file.path), file.format, file.path)
