"""The whole application: what GET answers, HEAD answers without the body, under the same conditions."""

from typing import Any

import pytest

from mien_daemon.http.route import Route
from mien_daemon.routes import ROUTES

Daemon = Any

# Its answer to GET never ends.
ENDLESS = {"/v1/events"}
GETS = [route for route in ROUTES if route.method == "GET" and "{" not in route.path]


@pytest.mark.parametrize("route", GETS, ids=lambda route: route.path)
async def test_head_is_get_without_the_body(route: Route, daemon: Daemon) -> None:
    path = route.path
    if route.setting:
        await daemon.ask("PUT", "/v1/settings", {route.setting: True})
    head = await daemon.ask("HEAD", path)
    assert head.body == b""
    if path in ENDLESS:
        assert (head.status, head.headers["Content-Type"]) == (200, "text/event-stream")
        return
    get = await daemon.ask("GET", path)
    assert head.status == get.status == 200
    assert int(head.headers["Content-Length"]) > 0
    for name in ("Content-Type", "X-Content-Type-Options", "Cache-Control"):
        assert head.headers.get(name) == get.headers.get(name)


async def test_head_asks_for_a_token_where_get_does_and_nowhere_else(daemon: Daemon) -> None:
    assert (await daemon.ask("HEAD", "/v1/hello", token=None)).status == 200
    assert (await daemon.ask("HEAD", "/v1/jobs", token=None)).status == 401
    assert (await daemon.ask("HEAD", "/v1/jobs/absent")).status == 404
    assert (await daemon.ask("HEAD", "/v1/hello", headers={"Sec-Fetch-Site": "cross-site"})).status == 403
    assert (await daemon.ask("HEAD", "/v1/tokens")).status == 405


@pytest.mark.parametrize("noun", ["jobs", "clients", "references", "models", "blobs"])
async def test_a_name_that_is_no_text_is_one_that_is_not_known(noun: str, daemon: Daemon) -> None:
    for method in ("GET", "DELETE", "HEAD"):
        answer = (
            await daemon.raw(
                b"%s /v1/%s/%%FF HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nAuthorization: Bearer TOKEN\r\n"
                b"Connection: close\r\n\r\n" % (method.encode(), noun.encode())
            )
            if method != "HEAD"
            else await daemon.ask("HEAD", f"/v1/{noun}/%FF")
        )
        assert answer.status in {400, 404, 405}


@pytest.mark.slow
async def test_head_of_a_result_says_how_long_it_is_and_sends_none_of_it(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap())
    path = f"/v1/jobs/{job['id']}/result"
    get, head = await daemon.ask("GET", path), await daemon.ask("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(get.body))
    assert head.headers["ETag"] == get.headers["ETag"]
    part = await daemon.ask("HEAD", path, headers={"Range": "bytes=0-9"})
    assert (part.status, part.headers["Content-Length"], part.body) == (206, "10", b"")
    preview = await daemon.ask("HEAD", f"/v1/jobs/{job['id']}/preview")
    assert (preview.status, preview.body) == (200, b"")
