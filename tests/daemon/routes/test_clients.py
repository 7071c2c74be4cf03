"""Clients are listed, renamed and revoked by an administrator; every client may revoke itself."""

from typing import Any

import pytest


async def create(daemon: Any, name: str, scope: str = "swap") -> Any:
    answer = await daemon.ask("POST", "/v1/tokens", {"name": name, "scope": scope})
    assert answer.status == 201
    return answer.json


async def test_a_token_is_shown_once_and_its_client_is_listed_without_it(daemon: Any) -> None:
    made = await create(daemon, "nightly", "models")
    assert made["scope"] == "models"
    answer = await daemon.ask("GET", "/v1/clients")
    (listed,) = answer.json["clients"]
    assert (listed["id"], listed["name"], listed["scopes"], listed["origin"]) == (
        made["id"],
        "nightly",
        ["models"],
        None,
    )
    assert listed["last_seen"] is None
    assert made["token"].encode() not in answer.body
    await daemon.ask("GET", "/v1/hello", token=made["token"])
    await daemon.ask("GET", "/v1/models", token=made["token"])
    assert (await daemon.ask("GET", "/v1/clients")).json["clients"][0]["last_seen"] is not None


async def test_a_client_gets_another_name(daemon: Any) -> None:
    made = await create(daemon, "old")
    renamed = await daemon.ask("PATCH", f"/v1/clients/{made['id']}", {"name": "new"})
    assert renamed.json["name"] == "new"
    assert [client["name"] for client in (await daemon.ask("GET", "/v1/clients")).json["clients"]] == ["new"]


@pytest.mark.parametrize("name", ["", "x" * 61, "two\nlines", 7])
async def test_a_name_that_no_list_could_show_is_refused(daemon: Any, name: object) -> None:
    made = await create(daemon, "old")
    answer = await daemon.ask("PATCH", f"/v1/clients/{made['id']}", {"name": name})
    assert (answer.status, answer.code, answer.json["field"]) == (400, "bad-request", "name")


async def test_a_client_may_revoke_itself_and_no_other(daemon: Any) -> None:
    one, other = await create(daemon, "one"), await create(daemon, "other")
    answer = await daemon.ask("DELETE", f"/v1/clients/{other['id']}", token=one["token"])
    assert (answer.status, answer.code, answer.json["needs"]) == (403, "wrong-scope", "admin")
    assert (await daemon.ask("DELETE", f"/v1/clients/{one['id']}", token=one["token"])).status == 204
    assert [client["id"] for client in (await daemon.ask("GET", "/v1/clients")).json["clients"]] == [other["id"]]


async def test_an_administrator_revokes_any_client(daemon: Any) -> None:
    made, token = await create(daemon, "one"), await daemon.token("admin")
    assert (await daemon.ask("DELETE", f"/v1/clients/{made['id']}", token=token)).status == 204
    assert (await daemon.ask("DELETE", f"/v1/clients/{made['id']}", token=token)).code == "unknown-client"


@pytest.mark.parametrize("scope", ["local", "root", None])
async def test_only_the_three_scopes_are_granted(daemon: Any, scope: object) -> None:
    answer = await daemon.ask("POST", "/v1/tokens", {"name": "x", "scope": scope})
    assert (answer.status, answer.json["field"]) == (400, "scope")
