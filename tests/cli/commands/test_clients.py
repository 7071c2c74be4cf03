"""`mien clients`: every token and paired browser is listed, renamed and revoked by its id."""

from collections.abc import Callable
from typing import Any

from mien_testing.scripted_daemon import Asked, ScriptedDaemon

CLIENT = {"id": "c1", "scopes": ["swap"], "last_seen": None, "name": "Firefox"}


def test_each_client_is_a_line_and_none_is_said(scripted: ScriptedDaemon, run_text: Callable[..., Any]) -> None:
    scripted.answers["GET /v1/clients"] = [{"clients": [CLIENT]}, {"clients": []}]
    assert run_text("clients", "list").out == f"c1  swap     last seen {'never':<24}  Firefox\n"
    assert run_text("clients", "list").out == "no client but you\n"


def test_a_client_is_revoked_by_its_id(scripted: ScriptedDaemon, run_json: Callable[..., Any]) -> None:
    assert run_json("clients", "revoke", "a/b") == (0, {"id": "a/b", "revoked": True})
    assert scripted.asked == [Asked("DELETE", "/v1/clients/a%2Fb", None)]


def test_a_client_gets_another_name(scripted: ScriptedDaemon, run_text: Callable[..., Any]) -> None:
    scripted.answers["PATCH /v1/clients/c1"] = {**CLIENT, "name": "Work"}
    assert run_text("clients", "rename", "c1", "Work").out == "c1 is called Work now\n"
    assert scripted.asked == [Asked("PATCH", "/v1/clients/c1", {"name": "Work"})]
