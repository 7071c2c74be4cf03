"""Look at the state folder: files without rows, rows without files, rows that cannot be read."""

from aiohttp import web
from pydantic import ConfigDict, Field

from mien_daemon import keys
from mien_daemon.http.body import read_json, reply
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer, Body
from mien_daemon.state.reconcile import Code, Done


class CheckState(Body):
    """What to do about what is found."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"repair": False}]})

    repair: bool = Field(default=False, description="Mend what can be mended; what is set aside goes to quarantine.")


class FindingAnswer(Answer):
    code: Code
    subject: str
    done: Done
    sentence: str


class StateChecked(Answer):
    """Everything that does not agree; `ok` when nothing is left of it."""

    ok: bool
    findings: list[FindingAnswer]


async def check_state(request: web.Request) -> web.Response:
    body = await read_json(request, CheckState)
    found = await request.app[keys.STATE_CHECK].run(repair=body.repair)
    findings = [
        FindingAnswer(code=each.code, subject=each.subject, done=each.done, sentence=str(each)) for each in found
    ]
    return reply(StateChecked(ok=all(each.done != "nothing" for each in found), findings=findings))


ROUTES = (
    Route(
        "POST",
        "/v1/state/check",
        "check_state",
        check_state,
        "Compare files and rows, byte by byte",
        "admin",
        {200: StateChecked},
        body=CheckState,
        problems=("bad-request",),
    ),
)
