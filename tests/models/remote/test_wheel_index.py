"""A package index is read in both forms of its pages, however badly it behaves, and the catalogue's digest decides."""

import gzip
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from mien_core.errors import ChecksumMismatch, DownloadFailed, MienError
from mien_models.catalogue.entries import Catalogue, WheelSource
from mien_models.progress import PullProgress
from mien_models.remote.index_settings import IndexSettings, Place
from mien_models.remote.indexes import read_index_settings
from mien_models.remote.network import Network, RetryPolicy
from mien_models.remote.wheel import choose
from mien_models.remote.wheel_index import Archive, read_html, read_json
from mien_models.store import ModelStore
from mien_testing.network import Authority, Misbehaviour, Shop, break_off, redirect, serving, status

WEIGHTS = bytes(range(256)) * 64
NAME = "made_up-1.0-py3-none-any.whl"
PAGE = "/simple/made-up/"
JSON = "application/vnd.pypi.simple.v1+json"
QUICK = RetryPolicy(attempts=2, first_s=0.01, stall_s=5)


def wheel(content: bytes = WEIGHTS) -> bytes:
    made = io.BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as archive:
        archive.writestr(ZipInfo("made_up/first.dat"), content, ZIP_DEFLATED)
    return made.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def json_page(**changes: object) -> bytes:
    file = {"filename": NAME, "url": f"/files/{NAME}", "hashes": {"sha256": sha256(wheel())}, "yanked": False}
    return json.dumps({"meta": {"api-version": "1.1"}, "name": "made-up", "files": [file | changes]}).encode()


def html_page(href: str = f"../../files/{NAME}", **attributes: str) -> bytes:
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<!DOCTYPE html><html><body><a href="{href}"{more}>{NAME}</a></body></html>'.encode()


def catalogue() -> Catalogue:
    file = {"path": "first.dat", "at": "made_up/first.dat", "format": "dlib", "sha256": sha256(WEIGHTS)}
    source = {"kind": "wheel", "package": "Made.Up", "version": "1.0", "size": 17000}
    model = {"title": "M", "version": "1", "licence": "free", "source": source, "files": [file | {"size": 16384}]}
    free = {"name": "Free", "url": "https://example.org/free", "commercial": True}
    return Catalogue.model_validate({"licences": {"free": free}, "models": {"first": model}})


def places(*texts: str, links: tuple[Path, ...] = (), trusted: str = "") -> IndexSettings:
    environ = {
        "PIP_CONFIG_FILE": "/dev/null",
        "UV_NO_CONFIG": "1",
        "PIP_INDEX_URL": texts[0] if texts else "",
        "PIP_EXTRA_INDEX_URL": " ".join(texts[1:]),
        "PIP_NO_INDEX": "" if texts else "1",
        "PIP_FIND_LINKS": " ".join(map(str, links)),
        "PIP_TRUSTED_HOST": trusted,
    }
    return read_index_settings(environ, Path("/"))


@pytest.fixture
def open_store(tmp_path: Path) -> Callable[[IndexSettings], ModelStore]:
    def open_it(settings: IndexSettings) -> ModelStore:
        network = Network(QUICK, token=lambda: None, indexes=lambda: settings)
        return ModelStore(tmp_path / "store", catalogue(), network=network)

    return open_it


@pytest.fixture
def shelves(shop: Shop) -> Shop:
    """An index with the right wheel; its page is JSON."""
    shop.files |= {PAGE: json_page(), f"/files/{NAME}": wheel()}
    shop.headers["Content-Type"] = JSON
    return shop


Open = Callable[[IndexSettings], ModelStore]


def refusal(store: ModelStore) -> MienError:
    with pytest.raises((DownloadFailed, ChecksumMismatch)) as refused:
        store.pull(["first"])
    assert not store.is_installed("first")
    return refused.value


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_both_forms_of_a_page_say_the_same() -> None:
    url, digest = "https://index.example/simple/made-up/", "a" * 64
    expected = [Archive("a b-1.whl", "https://index.example/files/a%20b-1.whl", digest, yanked=True)]
    file = {"filename": "a b-1.whl", "url": "../../files/a%20b-1.whl", "hashes": {"sha256": digest}, "yanked": "bad"}

    assert read_json(json.dumps({"meta": {"api-version": "1.0"}, "files": [file]}).encode(), url) == expected
    page = f'<a href="../../files/a%20b-1.whl#sha256={digest}" data-yanked="bad">a b-1.whl</a>'
    assert read_html(page.encode(), url) == expected


def test_a_page_with_a_base_and_with_broken_markup_is_read_as_far_as_it_goes() -> None:
    raw = b'<base href="https://files.example/x/"><a name=top><a href="y-1.whl"><a href="http://[bad"><p <\xff\xfe<a'
    assert [one.url for one in read_html(raw, "https://index.example/")] == ["https://files.example/x/y-1.whl"]


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"files": 3}', b'{"meta": {"api-version": "2.0"}, "files": []}', b"[" * 100_000]
)
def test_json_that_is_no_index_page_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(raw, "https://index.example/")


def test_the_named_build_is_chosen_and_a_yanked_one_only_where_there_is_no_other() -> None:
    source = WheelSource(
        package="A_b", version="1.0", size=1, platform="manylinux_2_17_x86_64", python="3.11", abi="cp311"
    )
    linux = "a_b-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    names = ["a_b-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", "a_b-1.1-cp311-cp311-manylinux_2_17_x86_64.whl"]
    names += ["a_b-1.0-cp311-cp311-win_amd64.whl", "not a wheel", "c-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"]
    others = [Archive(name, "https://i.example/" + name) for name in names]
    yanked, good = Archive(linux, "https://i.example/1", yanked=True), Archive(linux, "https://i.example/2")

    assert choose(source, others) is None
    assert choose(source, [*others, yanked]) == yanked
    assert choose(source, [yanked, *others, good]) == good
    anywhere = WheelSource(package="a-b", version="1.0.0", size=1)
    assert choose(anywhere, [good, Archive("a_b-1.0-py2.py3-none-any.whl", "https://i.example/3")]) is not None
    assert choose(anywhere, [good]) is None


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["json", "html"])
def test_an_index_that_knows_one_form_only_is_enough(shelves: Shop, open_store: Open, form: str) -> None:
    if form == "html":
        shelves.files[PAGE] = html_page(f"../../files/{NAME}#sha256={sha256(wheel())}")
        shelves.headers["Content-Type"] = "text/html; charset=utf-8"
    store = open_store(places(shelves.url + "simple"))
    store.pull(["first"])

    assert store.path("first").read_bytes() == WEIGHTS
    assert JSON in shelves.asked[0].headers["Accept"]


@pytest.mark.parametrize("kind", ["index", "folder", "page"])
def test_what_lies_on_this_machine_is_taken_without_a_connection(open_store: Open, tmp_path: Path, kind: str) -> None:
    files = tmp_path / "fi les"
    files.mkdir()
    (files / NAME).write_bytes(wheel())
    page = tmp_path / "simple/made-up/index.html"
    page.parent.mkdir(parents=True)
    page.write_bytes(html_page(f"../../fi%20les/{NAME}"))
    links: dict[str, IndexSettings] = {
        "index": places((tmp_path / "simple").as_uri()),
        "folder": IndexSettings(find_links=(Place(files),)),
        "page": places(links=(page,)),
    }
    store = open_store(links[kind])
    store.pull(["first"])

    assert store.path("first").read_bytes() == WEIGHTS
    assert (files / NAME).read_bytes() == wheel()
    assert store.connections() == []


def test_the_next_place_is_asked_where_one_lacks_it_or_has_another(
    shelves: Shop, other_shop: Shop, open_store: Open, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(wheel(b"something else"))
    other_shop.always = status(404)
    store = open_store(places(other_shop.url, f"{shelves.url}simple/", links=(tmp_path, tmp_path / "absent")))
    store.pull(["first"])

    assert store.path("first").read_bytes() == WEIGHTS
    assert [one.path for one in other_shop.asked] == ["/made-up/"]


def test_no_index_at_all_is_told_with_what_was_asked(open_store: Open, shop: Shop) -> None:
    refused = refusal(open_store(places(shop.url)))
    assert refused.fields["reason"] == "not-found"
    assert refused.fields["asked"] == ["127.0.0.1"]


# ── misbehaviour ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_transfer_that_is_cut_goes_on_where_it_stood(shelves: Shop, open_store: Open, tmp_path: Path) -> None:
    made = wheel(WEIGHTS)
    shelves.next = [serve_page, break_off(1), break_off(len(made) // 2), break_off(len(made) // 4)]
    seen: list[PullProgress] = []
    store = open_store(places(shelves.url + "simple/"))
    store.pull(["first"], seen.append)

    assert store.path("first").read_bytes() == WEIGHTS
    ranges = [one.headers["Range"] for one in shelves.asked if "Range" in one.headers]
    assert any(not one.startswith("bytes=0-") for one in ranges)
    assert seen[-1].done_bytes == seen[-1].total_bytes


def serve_page(handler: Misbehaviour) -> None:
    handler.head(0, len(handler.content))
    handler.body(0, len(handler.content))


def test_a_page_that_is_cut_is_asked_for_again(shelves: Shop, open_store: Open) -> None:
    shelves.next = [break_off(20)]
    store = open_store(places(shelves.url + "simple/"))
    store.pull(["first"])
    assert [one.path for one in shelves.asked[:2]] == [PAGE, PAGE]


def test_a_wheel_other_than_its_index_announced_is_refused_and_not_kept(shelves: Shop, open_store: Open) -> None:
    shelves.files[f"/files/{NAME}"] = wheel(b"something else")
    store = open_store(places(shelves.url + "simple/"))
    assert isinstance(refusal(store), ChecksumMismatch)
    assert not list((store.root / "partial").iterdir())


def test_a_wheel_whose_index_states_no_digest_is_held_to_the_catalogue(shelves: Shop, open_store: Open) -> None:
    shelves.files |= {PAGE: json_page(hashes={}), f"/files/{NAME}": wheel(b"something else")}
    assert isinstance(refusal(open_store(places(shelves.url + "simple/"))), ChecksumMismatch)
    shelves.files[f"/files/{NAME}"] = wheel()
    open_store(places(shelves.url + "simple/")).pull(["first"])


def test_a_wheel_far_larger_than_it_can_be_is_not_fetched(shelves: Shop, open_store: Open) -> None:
    shelves.files |= {PAGE: json_page(hashes={}), f"/files/{NAME}": bytes(1 << 20)}
    assert isinstance(refusal(open_store(places(shelves.url + "simple/"))), ChecksumMismatch)
    assert shelves.sent < 100_000


@pytest.mark.parametrize(
    ("page", "headers"),
    [
        (b" " * ((32 << 20) + 1), {}),
        (gzip.compress(bytes(64 << 20)), {"Content-Encoding": "gzip"}),
        (b"\x1f\x8bnothing", {"Content-Encoding": "gzip"}),
        (gzip.compress(json_page())[:-9], {"Content-Encoding": "gzip"}),
        (json_page(), {"Content-Encoding": "br"}),
        (b"<html>", {"Content-Type": "application/octet-stream"}),
        (b"not json", {}),
    ],
    ids=["huge", "bomb", "not-gzip", "half-gzip", "brotli", "other-type", "not-json"],
)
def test_a_page_that_is_none_is_refused_in_bounded_memory(
    shelves: Shop, open_store: Open, page: bytes, headers: dict[str, str]
) -> None:
    shelves.files[PAGE] = page
    shelves.headers |= headers
    assert refusal(open_store(places(shelves.url + "simple/"))).fields["reason"] in {"server", "broken"}


def test_a_page_that_comes_packed_unasked_is_read(shelves: Shop, open_store: Open) -> None:
    def packed(handler: Misbehaviour) -> None:
        body = gzip.compress(json_page())
        handler.send_response(200)
        for name, value in {"Content-Encoding": "gzip", "Content-Type": JSON, "Content-Length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    shelves.next = [packed]
    open_store(places(shelves.url + "simple/")).pull(["first"])


# ── whom to trust ────────────────────────────────────────────────────────────────────────────────────────────


def test_credentials_go_to_the_index_alone_and_into_no_log(shelves: Shop, other_shop: Shop, open_store: Open) -> None:
    other_shop.files[f"/files/{NAME}"] = wheel()
    shelves.files[PAGE] = json_page(url=f"{other_shop.url}files/{NAME}")
    url = shelves.url.replace("127.0.0.1", "person:s3cret@127.0.0.1") + "simple/"
    settings = places(url)
    store = open_store(settings)
    store.pull(["first"])

    assert shelves.asked[0].headers["Authorization"] == "Basic cGVyc29uOnMzY3JldA=="
    assert all("Authorization" not in one.headers for one in other_shop.asked)
    kept = (store.root / "egress.log").read_text() + repr(settings)
    assert "s3cret" not in kept
    assert "cGVyc29u" not in kept
    shelves.next = [status(401)]
    store.remove("first")
    refused = refusal(store)
    assert "s3cret" not in f"{refused} {refused.fields}"


def test_an_https_index_may_not_lead_to_plain_http(authority: Authority, open_store: Open, shelves: Shop) -> None:
    with serving(Shop(), authority.context(), "localhost") as secure:
        secure.headers["Content-Type"] = JSON
        secure.files |= {PAGE: json_page(url=f"{shelves.url}files/{NAME}"), f"/files/{NAME}": wheel()}
        settings = read_index_settings(
            {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": secure.url + "simple/", "PIP_CERT": str(authority.file)},
            Path("/"),
        )
        assert refusal(open_store(settings)).fields["reason"] == "not-found"  # its link is not one to follow
        secure.next = [redirect(f"{shelves.url}simple/made-up/")]
        assert refusal(open_store(settings)).fields["reason"] == "redirect"
        secure.files[PAGE] = json_page(url=f"{secure.url}files/{NAME}")
        open_store(settings).pull(["first"])
    assert shelves.asked == []


def test_a_certificate_is_checked_unless_the_host_is_trusted(authority: Authority, open_store: Open) -> None:
    with serving(Shop(), authority.context(), "localhost") as secure:
        secure.headers["Content-Type"] = JSON
        secure.files |= {PAGE: json_page(), f"/files/{NAME}": wheel()}
        assert refusal(open_store(places(secure.url + "simple/"))).fields["reason"] == "tls"
        open_store(places(secure.url + "simple/", trusted="localhost")).pull(["first"])


def test_plain_http_is_for_this_machine_and_for_trusted_hosts() -> None:
    remote, local = Place(url="https://index.example/simple/"), Place(url="http://127.0.0.1:9/simple/")
    plain = IndexSettings()
    assert plain.allows("http://127.0.0.1:9/a.whl", local)
    assert not plain.allows("http://127.0.0.1:9/a.whl", remote)
    assert not plain.allows("http://files.example/a.whl", remote)
    assert not plain.allows("file:///etc/a.whl", remote)
    trusting = IndexSettings(trusted_hosts=frozenset({"files.example:8080"}))
    assert trusting.allows("http://files.example:8080/a.whl", remote)
    assert not trusting.allows("http://files.example/a.whl", remote)
