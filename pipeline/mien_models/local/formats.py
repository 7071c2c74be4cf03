"""Whether a file is what its name says, read from its structure alone: nothing in it is ever executed."""

import mmap
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from mien_core.errors import BrokenWeights
from mien_models.catalogue.entries import Format

_LARGEST_HEADER = 100 << 20  # as the safetensors library has it
_LARGEST_TEXT = 16 << 20


class _Wrong(Exception):
    """Says what does not fit."""


def check_format(path: Path, format: Format, name: str) -> None:
    """Return in silence when the file has the structure of its format.

    Raises:
        BrokenWeights: `file` and `reason` say which and why not.
    """
    try:
        _CHECKS[format](path)
    except ValidationError:
        raise BrokenWeights(f"{name} has no {format} header", file=name, reason="its header is no header") from None
    except (_Wrong, struct.error, ValueError, IndexError) as error:
        raise BrokenWeights(f"{name} is not a {format} file: {error}", file=name, reason=str(error)) from error


class _Tensor(BaseModel):
    """What a header says of one tensor."""

    data_offsets: tuple[int, int]


# `__metadata__` is among the tensors and maps words to words.
_HEADER: TypeAdapter[dict[str, _Tensor | dict[str, str]]] = TypeAdapter(dict[str, _Tensor | dict[str, str]])


def _safetensors(path: Path) -> None:
    """Layout: https://github.com/huggingface/safetensors#format"""
    size = path.stat().st_size
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > min(_LARGEST_HEADER, size - 8):
            raise _Wrong("its header is longer than the file")
        header = _HEADER.validate_json(file.read(length))
    end = 0
    for start, stop in sorted(tensor.data_offsets for tensor in header.values() if isinstance(tensor, _Tensor)):
        if start != end or stop < start:
            raise _Wrong("its tensors overlap or leave gaps")
        end = stop
    if 8 + length + end != size:
        raise _Wrong(f"it has {size} bytes and its header speaks of {8 + length + end}")


def _gguf(path: Path) -> None:
    """Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"""
    with path.open("rb") as file:
        magic, version, tensors, _ = struct.unpack("<4sIQQ", file.read(24))
    if magic != b"GGUF" or version not in {2, 3} or not tensors:
        raise _Wrong("it does not begin as one")


def _tflite(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(8)[4:] != b"TFL3":
            raise _Wrong("it does not begin as one")


def _picture(path: Path) -> None:
    with path.open("rb") as file:
        if not file.read(8).startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
            raise _Wrong("it does not begin as one")


def _text(path: Path) -> None:
    if path.stat().st_size > _LARGEST_TEXT:
        raise _Wrong("it is too long")
    if "\0" in path.read_bytes().decode("utf-8-sig"):
        raise _Wrong("it has bytes that no text has")


def _pickle(path: Path) -> None:
    """A zip archive, or the older bare pickle: which of the two is torch's business, in a child process."""
    with path.open("rb") as file:
        if not file.read(4).startswith((b"PK\x03\x04", b"\x80")):
            raise _Wrong("it does not begin as one")


def _dlib(path: Path) -> None:
    """dlib has no magic number: the digest, always written down for these, is the check."""
    if not path.stat().st_size:
        raise _Wrong("it is empty")


# Where tensors hide in an ONNX file: message → field number → message. Field numbers are the published ones:
# https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
_ONNX_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_DEEPEST = 64


def _onnx(path: Path) -> None:
    """A model with a graph, and all of its tensors inside: external ones would be read from any path they name."""
    if not path.stat().st_size:
        raise _Wrong("it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not any(field == 7 for field, _, _ in _fields(data, 0, len(data))):
            raise _Wrong("it has no graph")
        _refuse_external(data, "model", 0, len(data), 0)


def _refuse_external(data: mmap.mmap, message: str, start: int, end: int, depth: int) -> None:
    if depth > _DEEPEST:
        raise _Wrong("its graphs are nested too deep")
    inner = _ONNX_FIELDS[message]
    for field, at, stop in _fields(data, start, end):
        if message == "tensor" and (field == _EXTERNAL_DATA or (field == _DATA_LOCATION and at)):
            raise _Wrong("it keeps tensors in other files")
        if field in inner and stop is not None:
            _refuse_external(data, inner[field], at, stop, depth + 1)


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int | None]]:
    """The fields of a protobuf message: (number, start, end) of bytes, or (number, value, None) of a number."""
    while at < end:
        key, at = _varint(data, at)
        field, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield field, value, None
        elif kind == 2:
            length, at = _varint(data, at)
            if at + length > end:
                raise _Wrong("a field reaches beyond its end")
            yield field, at, at + length
            at += length
        elif kind in {1, 5}:
            at += 8 if kind == 1 else 4
        else:
            raise _Wrong("it is no protobuf message")
    if at != end:
        raise _Wrong("it breaks off")


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _Wrong("a number has no end")


_CHECKS: dict[Format, Callable[[Path], None]] = {
    "safetensors": _safetensors,
    "onnx": _onnx,
    "gguf": _gguf,
    "tflite": _tflite,
    "dlib": _dlib,
    "picture": _picture,
    "text": _text,
    "pickle": _pickle,
}
