"""The console as the daemon serves it: its own files under a strict policy, one code for one session, previews."""

import re
from typing import Any

import pytest

from mien_core.languages import LANGUAGES
from mien_daemon import keys
from mien_daemon.access import handshake
from mien_daemon.routes.console import BOOT, CLASSIC, FOLDER, SCRIPT, SHEET, START, STYLES, page_files
from mien_testing.pairing import PageKey

MARKUP = re.compile(rb"\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval)\b")


# ── the files ──


async def test_the_page_needs_no_token_and_may_run_nothing_but_its_own_files(daemon: Any) -> None:
    answer = await daemon.ask("GET", "/", token=None)
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert {"frame-ancestors 'none'", "require-trusted-types-for 'script'"} <= set(policy.split("; "))
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_the_page_may_be_navigated_to_and_its_files_may_not(daemon: Any) -> None:
    by_hand = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
    assert (await daemon.ask("GET", "/", token=None, headers=by_hand)).status == 200
    assert (await daemon.ask("GET", "/console/console.js", token=None, headers=by_hand)).status == 403
    from_elsewhere = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"}
    assert (await daemon.ask("GET", "/", token=None, headers=from_elsewhere)).code == "foreign-origin"


async def test_a_file_the_browser_has_already_is_not_sent_again(daemon: Any) -> None:
    first = await daemon.ask("GET", "/console/console.js", token=None)
    assert first.headers["Content-Type"] == "text/javascript; charset=utf-8"
    again = await daemon.ask("GET", "/console/console.js", token=None, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("pt-BR, zh-TW;q=0.9", "zh_CN"),
        ("../de,*", "en"),
        ("", "en"),
    ],
)
async def test_the_page_preloads_the_words_of_the_language_that_is_asked_for(
    daemon: Any, asked: str, words: str
) -> None:
    answer = await daemon.ask("GET", "/", token=None, headers={"Accept-Language": asked})
    assert re.findall(rb"/console/locales/(\w+).json", answer.body) == [words.encode()]
    assert "Accept-Language" in answer.headers["Vary"]
    kept = {"Accept-Language": asked, "If-None-Match": answer.headers["ETag"]}
    assert (await daemon.ask("GET", "/", token=None, headers=kept)).status == 304


async def test_a_file_is_packed_for_a_browser_that_unpacks_it(daemon: Any) -> None:
    plain, packed = [
        await daemon.ask("GET", "/console/console.js", token=None, headers={"Accept-Encoding": encoding})
        for encoding in ("identity", "gzip, deflate, br")
    ]
    assert plain.body == packed.body == page_files()[SCRIPT].content
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.headers["ETag"] == packed.headers["ETag"]


@pytest.mark.parametrize(
    "path",
    [
        "/console/none.js",
        "/console/main.js",
        "/console/swap/view.js",
        "/console/..%2Fapp.py",
        "/console/locales/%2e%2e",
        "/console/swap/..%2f..%2fkeys.py",
    ],
)
async def test_nothing_but_the_pages_files_is_served(daemon: Any, path: str) -> None:
    assert (await daemon.ask("GET", path, token=None)).code in {"unknown-route", "unpaired"}


def test_every_file_of_the_folder_is_served_and_none_is_markup_from_elsewhere() -> None:
    files = page_files()
    names = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    modules = {name for name in names if name.endswith(".js")} - {CLASSIC}
    assert set(files) == names - modules - {*STYLES} | {BOOT, SCRIPT, SHEET}
    scripts = [files[name].content.decode() for name in (BOOT, SCRIPT)]
    assert all(sum(f'\n"{name}": () => {{\n' in script for script in scripts) == 1 for name in modules)
    page = files[START].content.decode()
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page)
    assert "style=" not in page
    for name, file in files.items():
        if name.endswith(".js"):
            assert not MARKUP.search(file.content), name


def test_the_first_view_needs_few_files_and_names_them_itself() -> None:
    """Whatever is not named there comes a round trip later: only the words of other languages than the browser's."""
    named = set(re.findall(r"(?:src|href)=\"/console/([^\"]+)\"", page_files()[START].content.decode()))
    assert named <= set(page_files())
    assert len(named) <= 8
    assert set(page_files()) - named == {START} | {f"locales/{each}.json" for each in LANGUAGES if each != "en"}


# ── the code ──


async def invited(daemon: Any, **more: Any) -> str:
    answer = await daemon.ask("POST", "/v1/sessions", {}, **more)
    assert answer.status == 201
    assert answer.json["url"] == f"http://127.0.0.1:{daemon.port}/#code={answer.json['code']}"
    return str(answer.json["code"])


async def traded(daemon: Any, code: str) -> Any:
    return await daemon.ask("POST", "/v1/session", {"code": code}, token=None)


async def test_a_code_is_traded_once_for_a_session_bound_to_the_page(daemon: Any) -> None:
    code = await invited(daemon)
    session = await traded(daemon, code)
    assert session.status == 201
    assert session.json["scopes"] == ["admin", "faces", "local", "models", "swap"]
    assert (await traded(daemon, code)).code == "unpaired"
    token, own = session.json["token"], f"http://127.0.0.1:{daemon.port}"
    assert (await daemon.ask("GET", "/v1/jobs", token=token)).status == 200
    assert (await daemon.ask("GET", "/v1/jobs", token=token, headers={"Origin": own})).status == 200
    extension = {"Origin": f"chrome-extension://{'a' * 32}"}
    assert (await daemon.ask("GET", "/v1/jobs", token=token, headers=extension)).code == "foreign-origin"


async def test_a_page_may_do_what_its_opener_may_and_no_more(daemon: Any) -> None:
    assert (await daemon.ask("POST", "/v1/sessions", {}, token=await daemon.token("swap"))).code == "wrong-scope"
    session = await traded(daemon, await invited(daemon, token=await daemon.token("admin")))
    assert session.json["scopes"] == ["admin", "faces", "models", "swap"]
    window = await daemon.ask("GET", "/v1/pair/window", token=session.json["token"])
    assert window.code == "wrong-scope"


async def test_a_revoked_opener_takes_its_codes_and_its_pages_with_it(daemon: Any) -> None:
    token = await daemon.token("admin", "a helper")
    code, session = await invited(daemon, token=token), await traded(daemon, await invited(daemon, token=token))
    (client,) = daemon.app[keys.CLIENTS].list_all()
    await daemon.ask("DELETE", f"/v1/clients/{client.id}")
    assert (await traded(daemon, code)).code == "unpaired"
    assert (await daemon.ask("GET", "/v1/jobs", token=session.json["token"])).code == "unpaired"


# ── a browser that stays signed in ──


async def signed_in(daemon: Any, key: PageKey) -> str:
    words = {"public_key": handshake.to_text(key.point), "name": "Firefox on Linux"}
    answer = await daemon.ask("POST", "/v1/session", {"code": await invited(daemon), "key": words}, token=None)
    return str(answer.json["key"])


async def renewed(daemon: Any, key: PageKey, key_id: str) -> Any:
    nonce = handshake.from_text((await daemon.ask("POST", "/v1/session/challenge", token=None)).json["nonce"], 32)
    signature = handshake.to_text(key.sign(key_id, nonce, daemon.port))
    words = {"key": key_id, "nonce": handshake.to_text(nonce), "signature": signature}
    return await daemon.ask("POST", "/v1/session/renew", words, token=None)


async def test_a_browser_that_left_a_key_is_signed_in_again_until_it_is_signed_out(daemon: Any) -> None:
    key = PageKey()
    key_id = await signed_in(daemon, key)
    session = await renewed(daemon, key, key_id)
    assert (session.status, "local" in session.json["scopes"], session.json["key"]) == (201, True, key_id)
    (listed,) = (await daemon.ask("GET", "/v1/sessions")).json["browsers"]
    assert (listed["id"], listed["name"], listed["granted_by"]) == (key_id, "Firefox on Linux", "local")
    assert (await daemon.ask("DELETE", f"/v1/sessions/{key_id}", token=session.json["token"])).status == 204
    assert (await daemon.ask("GET", "/v1/jobs", token=session.json["token"])).code == "unpaired"
    assert (await renewed(daemon, key, key_id)).code == "unpaired"


async def test_no_other_origin_gets_a_session_and_none_without_the_key(daemon: Any) -> None:
    key = PageKey()
    key_id = await signed_in(daemon, key)
    assert (await renewed(daemon, PageKey(), key_id)).code == "unpaired"
    for headers in (
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        for path in ("/v1/session/challenge", "/v1/session/renew", "/v1/session"):
            assert (await daemon.ask("POST", path, {}, token=None, headers=headers)).code == "foreign-origin"
    swap = await daemon.token("swap")
    assert (await daemon.ask("GET", "/v1/sessions", token=swap)).code == "wrong-scope"
    assert (await daemon.ask("DELETE", f"/v1/sessions/{key_id}", token=swap)).code == "wrong-scope"


async def test_a_point_that_is_none_is_refused(daemon: Any) -> None:
    words = {"public_key": handshake.to_text(bytes(65)), "name": "x"}
    answer = await daemon.ask("POST", "/v1/session", {"code": await invited(daemon), "key": words}, token=None)
    assert (answer.code, answer.json["field"]) == ("bad-request", "key.public_key")
