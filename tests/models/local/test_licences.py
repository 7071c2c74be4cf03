"""An acceptance is of words that were shown, and holds for those alone."""

from pathlib import Path

import pytest

from mien_core.errors import LicenceNotAccepted
from mien_models.catalogue.entries import TEXTS, Catalogue
from mien_models.local.licences import Licences
from mien_testing.weights import local_catalogue, sha256_hex

WORDS = "You may use this, © 2026.".encode()
OTHER = b"You may not."


def with_words(folder: Path, content: bytes | None = WORDS) -> Catalogue:
    """One model under a licence that must be accepted; with `content`, the catalogue knows its digest."""
    source = {"kind": "local", "folder": str(folder)}
    text: dict[str, object] = {"path": "LICENSE", "format": "text", "source": source}
    if content is not None:
        text |= {"size": len(content), "sha256": sha256_hex(content)}
    return local_catalogue(folder, {"thing": {"a.dat": b"w"}}, must_accept=True, text=text)


@pytest.fixture
def licences(tmp_path: Path) -> Licences:
    return Licences(tmp_path, with_words(tmp_path / "here"))


def test_a_model_whose_terms_were_not_accepted_says_what_to_read(licences: Licences) -> None:
    with pytest.raises(LicenceNotAccepted) as refused:
        licences.check("thing")
    assert refused.value.fields == {
        "model": "thing",
        "licence": "Free",
        "url": "https://example.org/",
        "command": "mien models licence thing --accept",
    }


def test_terms_that_ask_for_nothing_need_nothing(tmp_path: Path) -> None:
    Licences(tmp_path, local_catalogue(tmp_path / "here", {"thing": {"a.dat": b"w"}})).check("thing")


def test_accepting_the_words_that_were_shown_is_enough_for_every_process(licences: Licences, tmp_path: Path) -> None:
    licences.keep_text("free", WORDS)
    shown = licences.show("free")
    assert (shown.text, shown.sha256, shown.accepted_at) == (WORDS.decode(), sha256_hex(WORDS), None)
    accepted = licences.accept("free", sha256_hex(WORDS))
    again = Licences(tmp_path, with_words(tmp_path / "here"))
    again.check("thing")
    assert again.acceptance("free") == accepted
    assert again.show("free").accepted_at == accepted.accepted_at


def test_words_that_came_with_the_program_count_only_where_they_are_the_meant_ones(tmp_path: Path) -> None:
    """A person's own catalogue may have a licence of the same name."""
    text = {"path": "LICENSE", "format": "text", "source": {"kind": "url", "bases": ["https://example.org/"]}}
    whole = local_catalogue(tmp_path / "here", {"thing": {"a.dat": b"w"}}, must_accept=True, text=text)
    free = whole.licences["free"]
    assert free.text
    words = (TEXTS / "apache-2.txt").read_bytes()

    def named(**changes: object) -> Licences:
        changed = free.model_copy(update={"text": free.text.model_copy(update=changes) if free.text else None})
        return Licences(tmp_path, whole.model_copy(update={"licences": {"apache-2": changed}}))

    assert not named().has_text("apache-2")
    assert not named(sha256=sha256_hex(b"other words")).has_text("apache-2")
    ours = named(sha256=sha256_hex(words))
    assert ours.show("apache-2").text == words.decode()


def test_words_that_were_never_shown_cannot_be_accepted(licences: Licences) -> None:
    with pytest.raises(LicenceNotAccepted) as refused:
        licences.accept("free", sha256_hex(WORDS))
    assert refused.value.fields["expected"] is None
    licences.keep_text("free", WORDS)
    with pytest.raises(LicenceNotAccepted) as other:
        licences.accept("free", sha256_hex(OTHER))
    assert (other.value.fields["expected"], other.value.fields["found"]) == (sha256_hex(WORDS), sha256_hex(OTHER))


def test_an_acceptance_of_other_words_than_todays_does_not_hold(licences: Licences, tmp_path: Path) -> None:
    licences.keep_text("free", WORDS)
    licences.accept("free", sha256_hex(WORDS))
    later = Licences(tmp_path, with_words(tmp_path / "here", OTHER))
    assert later.acceptance("free") is None
    assert not later.has_text("free"), "the words that are kept are not today's"
    with pytest.raises(LicenceNotAccepted):
        later.check("thing")


def test_words_of_which_no_digest_is_known_are_there_once_kept(tmp_path: Path) -> None:
    licences = Licences(tmp_path, with_words(tmp_path / "here", None))
    assert not licences.has_text("free")
    licences.keep_text("free", OTHER)
    assert licences.has_text("free")
    licences.accept("free", sha256_hex(OTHER))
    licences.check("thing")


def test_a_licence_without_words_here_is_shown_by_its_page(licences: Licences) -> None:
    shown = licences.show("free")
    assert (shown.text, shown.sha256, shown.url) == ("", None, "https://example.org/")


@pytest.mark.parametrize("content", ["", "{", '{"licences": 3}'])
def test_a_damaged_list_of_acceptances_asks_once_more(licences: Licences, tmp_path: Path, content: str) -> None:
    licences.keep_text("free", WORDS)
    licences.accept("free", sha256_hex(WORDS))
    (tmp_path / "licences" / "accepted.json").write_text(content)
    assert licences.acceptance("free") is None
