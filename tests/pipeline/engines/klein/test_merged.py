"""The merged transformer is read from the store to the bit as it was merged, and merged anew where it cannot be."""

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

from mien_core.errors import DiskFull
from mien_models.local import derived
from mien_models.local.derived import Recipe
from mien_models.store import ModelStore
from mien_pipeline.engines.klein import lora, transformer
from mien_pipeline.engines.klein.files import LORAS, find_files
from mien_pipeline.engines.klein.merged import KEPT_SCALE, write
from mien_pipeline.engines.klein.transformer import load_transformer
from mien_pipeline.plan.component import NumberFormat

Merges = list[float]


@pytest.fixture
def merges(monkeypatch: pytest.MonkeyPatch, klein_store: ModelStore) -> Merges:
    """The scale of every merge, with nothing kept yet."""
    done: Merges = []

    def merge_and_note(network: nn.Module, path: Path, scale: float, half: torch.dtype) -> None:
        done.append(scale)
        lora.merge(network, path, scale, half)

    monkeypatch.setattr(transformer, "merge", merge_and_note)
    klein_store.folder.derived.discard_of(LORAS[0])
    return done


def is_same(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(
        value.dtype is theirs[name].dtype and torch.equal(value.float(), theirs[name].float())
        for name, value in ours.items()
    )


@pytest.mark.parametrize("form", ["float32", "bfloat16", "float8"])
def test_what_is_read_is_what_was_merged(klein_store: ModelStore, merges: Merges, form: NumberFormat) -> None:
    files = find_files(klein_store)
    plain = load_transformer(files, form, torch.bfloat16, KEPT_SCALE)
    first, second = (load_transformer(files, form, torch.bfloat16, KEPT_SCALE, klein_store) for _ in range(2))
    assert merges == [KEPT_SCALE] * 2, "the second of the kept ones was read"
    assert is_same(first, plain)
    assert is_same(second, plain)
    assert dict(second.config) == dict(plain.config)
    assert not second.training
    assert not any(value.requires_grad for value in second.parameters())


def test_float8_is_made_of_the_kept_bfloat16(klein_store: ModelStore, merges: Merges) -> None:
    files = find_files(klein_store)
    for form in ("bfloat16", "float8"):
        load_transformer(files, form, torch.bfloat16, KEPT_SCALE, klein_store)
    assert merges == [KEPT_SCALE]


def test_another_scale_is_merged_and_takes_no_room(klein_store: ModelStore, merges: Merges) -> None:
    files = find_files(klein_store)
    for scale in (0.0, 1.2):
        load_transformer(files, "bfloat16", torch.bfloat16, scale, klein_store)
    assert merges == [1.2]
    assert not list(klein_store.folder.derived.folder.glob("*.safetensors"))


def test_a_file_that_cannot_be_read_is_made_again(klein_store: ModelStore, merges: Merges) -> None:
    files = find_files(klein_store)
    load_transformer(files, "bfloat16", torch.bfloat16, KEPT_SCALE, klein_store)
    (path,) = klein_store.folder.derived.folder.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    load_transformer(files, "bfloat16", torch.bfloat16, KEPT_SCALE, klein_store)
    assert merges == [KEPT_SCALE] * 2
    load_transformer(files, "bfloat16", torch.bfloat16, KEPT_SCALE, klein_store)
    assert len(merges) == 2


@contextmanager
def no_file_grows_beyond(size: int) -> Generator[None]:
    """The system refuses more with EFBIG, in the midst of writing, as a full disk does with ENOSPC."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_half_way_is_named(klein_store: ModelStore, merges: Merges) -> None:
    network = load_transformer(find_files(klein_store), "bfloat16", torch.bfloat16, KEPT_SCALE)
    recipe = Recipe("cut", {"one": ["1" * 64]}, "")
    with no_file_grows_beyond(1 << 17), pytest.raises(DiskFull):
        klein_store.folder.derived.keep(recipe, 1, lambda beside: write(beside, network))
    assert not list(klein_store.folder.derived.folder.glob("*.safetensors"))


def test_a_disk_that_is_full_half_way_keeps_nothing_and_ends_no_swap(klein_store: ModelStore, merges: Merges) -> None:
    files = find_files(klein_store)
    with no_file_grows_beyond(1 << 17):
        found = load_transformer(files, "bfloat16", torch.bfloat16, KEPT_SCALE, klein_store)
    assert is_same(found, load_transformer(files, "bfloat16", torch.bfloat16, KEPT_SCALE))
    assert len(merges) == 2
    assert not list(klein_store.folder.derived.folder.glob("*.safetensors"))


def test_a_disk_that_fails_ends_no_swap(
    klein_store: ModelStore, merges: Merges, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(derived, "sync_file", fail)
    load_transformer(find_files(klein_store), "bfloat16", torch.bfloat16, KEPT_SCALE, klein_store)
    assert len(merges) == 1
    assert not list(klein_store.folder.derived.folder.glob("*.safetensors"))
