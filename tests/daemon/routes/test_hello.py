"""Hello says that this is Mien, without a token, and nothing else."""

from typing import Any


async def test_hello_needs_no_token_and_says_two_things(daemon: Any) -> None:
    answer = await daemon.ask("GET", "/v1/hello", token=None)
    assert (answer.status, answer.json) == (200, {"name": "mien", "api": 1})
