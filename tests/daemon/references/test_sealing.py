"""Sealed bytes open only with their own key and context; one of two master keys is in use, the other is deleted."""

from dataclasses import dataclass, field

import pytest

from mien_daemon.references.sealing import MASTERS, MasterKeys, is_check_of, make_check, new_key, seal, unseal

KEY = bytes(range(32))


@dataclass
class MemoryKeys:
    kept: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def load(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def save(self, name: str, key: bytes) -> None:
        self.kept[name] = key

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)


@pytest.fixture
def keys() -> MemoryKeys:
    return MemoryKeys()


@pytest.fixture
def masters(keys: MemoryKeys) -> MasterKeys:
    return MasterKeys(lambda: keys)


def test_what_was_sealed_opens_again_and_has_a_nonce_and_a_tag() -> None:
    sealed = seal(KEY, b"a face", b"context")
    assert unseal(KEY, sealed, b"context") == b"a face"
    assert len(sealed) == 12 + len(b"a face") + 16
    assert b"a face" not in sealed


def test_the_same_bytes_are_sealed_into_something_else_each_time() -> None:
    assert seal(KEY, b"a face", b"") != seal(KEY, b"a face", b"")


def test_each_key_is_another_of_256_bits() -> None:
    assert len(new_key()) == 32
    assert new_key() != new_key()


@pytest.mark.parametrize("position", [0, 11, 12, -1], ids=["nonce", "end of nonce", "content", "tag"])
def test_a_changed_byte_opens_nothing(position: int) -> None:
    sealed = bytearray(seal(KEY, b"a face", b"context"))
    sealed[position] ^= 1
    with pytest.raises(ValueError, match="not sealed so"):
        unseal(KEY, bytes(sealed), b"context")


def test_another_key_or_another_context_opens_nothing() -> None:
    sealed = seal(KEY, b"a face", b"context")
    for key, bound in ((new_key(), b"context"), (KEY, b"other")):
        with pytest.raises(ValueError, match="not sealed so"):
            unseal(key, sealed, bound)


@pytest.mark.parametrize("sealed", [b"", bytes(5), bytes(12)])
def test_what_is_too_short_to_be_sealed_opens_nothing(sealed: bytes) -> None:
    with pytest.raises(ValueError, match="not sealed so"):
        unseal(KEY, sealed, b"")


def test_no_key_store_is_opened_before_a_key_is_needed_and_it_is_opened_once(keys: MemoryKeys) -> None:
    opened: list[str] = []

    def open_keys() -> MemoryKeys:
        opened.append("opened")
        return keys

    masters = MasterKeys(open_keys)
    assert opened == []
    masters.load(MASTERS[0])
    masters.make(MASTERS[0])
    assert opened == ["opened"]


def test_a_key_that_was_made_is_kept_under_its_name(masters: MasterKeys, keys: MemoryKeys) -> None:
    assert masters.load(MASTERS[0]) is None
    key = masters.make(MASTERS[0])
    assert len(key) == 32
    assert masters.load(MASTERS[0]) == key
    assert set(keys.kept) == {MASTERS[0]}


@pytest.mark.parametrize(("name", "other"), [MASTERS, MASTERS[::-1]])
def test_the_next_master_key_has_the_other_name_and_is_another_key(
    masters: MasterKeys, keys: MemoryKeys, name: str, other: str
) -> None:
    masters.make(name)
    made, key = masters.make_other(name)
    assert made == other
    assert keys.kept[other] == key != keys.kept[name]
    masters.delete_all_but(made)
    assert keys.kept == {other: key}


def test_all_master_keys_can_be_deleted(masters: MasterKeys, keys: MemoryKeys) -> None:
    masters.make(MASTERS[0])
    masters.make_other(MASTERS[0])
    masters.delete_all_but("")
    assert keys.kept == {}


def test_a_key_is_known_by_its_check_value_and_not_shown_by_it() -> None:
    check = make_check(KEY)
    assert is_check_of(KEY, check)
    assert not is_check_of(new_key(), check)
    assert KEY not in check
