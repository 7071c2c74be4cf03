"""The index says how to open each record; one that was edited into something else is refused or leads nowhere."""

import json

import pytest

from mien_core.errors import UnknownReference
from mien_daemon.references.index import LibraryIndex, SealedRecord
from mien_daemon.references.sealing import MASTERS, make_check, new_key, seal

RECORD = SealedRecord(b"\x00wrapped\xff", "0123456789abcdef", {"a1": "0123456789abcdef", "b2": "fe"})


def test_an_index_is_read_back_as_it_was_written() -> None:
    index = LibraryIndex(MASTERS[1]).with_records({"ann": RECORD})
    assert LibraryIndex.decode(index.encode()) == index
    assert LibraryIndex.decode(LibraryIndex().encode()) == LibraryIndex()


def test_a_record_is_added_or_replaced_and_the_others_stay() -> None:
    other = SealedRecord(b"other", "ff", {"c3": "ff"})
    index = LibraryIndex(MASTERS[0]).with_records({"ann": RECORD}).with_records({"bea": other})
    assert index.with_records({"ann": other}).records == {"ann": other, "bea": other}
    assert index.records == {"ann": RECORD, "bea": other}, "the index itself does not change"


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b'{"master": "", "records": []}', b'{"master": "", "records": {"a": {}}}']
)
def test_what_is_no_index_is_refused_as_edited(data: bytes) -> None:
    with pytest.raises(UnknownReference) as refused:
        LibraryIndex.decode(data)
    assert refused.value.fields["reason"] == "edited"


def test_an_index_cannot_name_a_key_that_is_no_master_key() -> None:
    """`keys/` has other keys of this install."""
    edited = json.dumps({"master": "authority", "records": {}}).encode()
    assert LibraryIndex.decode(edited).master == ""


@pytest.mark.parametrize("stem", ["../../evil", "", "ABC", "a.b", "a" * 65, "aa\n"])
def test_a_stem_that_is_no_plain_name_leads_nowhere(stem: str) -> None:
    edited = json.dumps({"master": MASTERS[0], "records": {"ann": {"key": "", "stem": stem}}}).encode()
    assert LibraryIndex.decode(edited).records == {}


@pytest.mark.parametrize("stem", ["../../evil", "", "ABC", "aa\n"])
def test_a_pictures_stem_that_is_no_plain_name_leads_nowhere(stem: str) -> None:
    entry = {"key": "", "stem": "aa", "pictures": {"one": "bb", "two": stem}}
    edited = json.dumps({"master": MASTERS[0], "records": {"ann": entry}}).encode()
    assert LibraryIndex.decode(edited).records["ann"].pictures == {"one": "bb"}


def test_a_record_of_a_version_with_one_picture_has_it_under_its_own_id_and_stem() -> None:
    kept = json.dumps({"master": MASTERS[0], "records": {"ann": {"key": "", "stem": "aa"}}}).encode()
    record = LibraryIndex.decode(kept).records["ann"]
    assert (record.pictures, record.stems) == ({"ann": "aa"}, ["aa"])


def test_the_longest_stem_is_read() -> None:
    index = LibraryIndex(MASTERS[0]).with_records({"ann": SealedRecord(b"", "a" * 64, {"d4": "a" * 64})})
    assert LibraryIndex.decode(index.encode()) == index


def test_the_check_value_tells_the_key_of_a_library_from_every_other() -> None:
    master = new_key()
    index = LibraryIndex.decode(LibraryIndex(MASTERS[0], check=make_check(master)).encode())
    assert index.is_sealed_by(master)
    assert not index.is_sealed_by(new_key())
    assert not index.is_sealed_by(b"no key")


def test_an_index_of_an_older_version_is_tried_on_its_records() -> None:
    master = new_key()
    index = LibraryIndex(MASTERS[0]).with_records(
        {"edited": RECORD, "ann": SealedRecord(seal(master, new_key(), b"ann"), "ff", {})}
    )
    assert index.is_sealed_by(master)
    assert not index.is_sealed_by(new_key())
