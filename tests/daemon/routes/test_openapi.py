"""The contract is handed out to programs with a token, and names this daemon's own port."""

from typing import Any


async def test_the_contract_names_this_daemon(daemon: Any) -> None:
    document = (await daemon.ask("GET", "/v1/openapi.json")).json
    assert document["servers"] == [{"url": f"http://127.0.0.1:{daemon.port}"}]


async def test_the_contract_needs_a_token(daemon: Any) -> None:
    assert (await daemon.ask("GET", "/v1/openapi.json", token=None)).code == "unpaired"
