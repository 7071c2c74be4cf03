"""A repeated key gives the same job once; a key belongs to its client and to one body."""

import asyncio
from typing import Any

import pytest

from mien_testing.daemon import png

Daemon = Any
OpenDaemon = Any


async def jobs_of(daemon: Daemon, query: str = "") -> list[Any]:
    page: list[Any] = (await daemon.ask("GET", f"/v1/jobs{query}")).json["jobs"]
    return page


async def test_a_repeated_key_gives_the_same_job_once(daemon: Daemon) -> None:
    name = await daemon.put(png(shade=1))
    body = {"kind": "swap", "target": name, "reference": name, "options": {"seed": 1}}
    headers = {"Idempotency-Key": "a-key"}
    answers = await asyncio.gather(*(daemon.ask("POST", "/v1/jobs", body, headers=headers) for _ in range(5)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len(await jobs_of(daemon)) == 1
    other = await daemon.ask("POST", "/v1/jobs", {**body, "options": {"seed": 2}}, headers=headers)
    assert (other.status, other.code) == (422, "idempotency-key-reused")
    assert other.json["job"] == answers[0].json["id"]


async def test_a_key_belongs_to_the_client_that_used_it(daemon: Daemon) -> None:
    headers, token = {"Idempotency-Key": "a-key"}, await daemon.token("swap")
    ids: set[str] = set()
    for who in ("mien_token-of-the-test", token):
        name = await daemon.put(png(shade=1), token=who)
        body = {"kind": "swap", "target": name, "reference": name}
        ids.add((await daemon.ask("POST", "/v1/jobs", body, headers=headers, token=who)).json["id"])
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "é"])
async def test_a_key_that_is_none_is_refused(daemon: Daemon, key: str) -> None:
    name = await daemon.put(png(shade=1))
    body = {"kind": "swap", "target": name, "reference": name}
    answer = await daemon.ask("POST", "/v1/jobs", body, headers={"Idempotency-Key": key})
    assert (answer.status, answer.json["field"]) == (400, "Idempotency-Key")
