"""`mien token`: a token for a script is asked for with its scope, and is all that is printed."""

from collections.abc import Callable
from typing import Any

from mien_testing.scripted_daemon import Asked, ScriptedDaemon


def test_the_token_alone_is_on_stdout_so_that_a_file_can_take_it(
    scripted: ScriptedDaemon, run_text: Callable[..., Any]
) -> None:
    scripted.answers["POST /v1/tokens"] = {"id": "t1", "token": "mien_abc", "scope": "swap"}
    printed = run_text("token", "create", "--name", "batch", "--scope", "swap")
    assert (printed.status, printed.out, printed.err) == (0, "mien_abc\n", "")
    assert scripted.asked == [Asked("POST", "/v1/tokens", {"name": "batch", "scope": "swap"})]


def test_a_scope_that_there_is_not_is_wrong_usage(scripted: ScriptedDaemon, run_text: Callable[..., Any]) -> None:
    assert run_text("token", "create", "--name", "batch", "--scope", "everything").status == 2
    assert scripted.asked == []
