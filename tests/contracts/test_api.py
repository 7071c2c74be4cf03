"""The contract is what the daemon does: every route is in it, every example can be sent as it stands."""

import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from mien_api.problems import kinds
from mien_daemon.config import Settings
from mien_daemon.http.api_page import render_page
from mien_daemon.http.openapi import describe
from mien_daemon.http.route import Route
from mien_daemon.routes import ROUTES
from mien_pipeline.clip_options import FIELDS
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.options import AutoOptions, RestoreOptions

DOCUMENT: dict[str, Any] = describe(ROUTES, 6436)
API = [route for route in ROUTES if route.path.startswith("/v1/")]
VERBS = re.compile(
    "accept|add|approve|begin|cancel|change|check|close|continue|create|delete|download|export|find|forget|get|import|"
    "install|list|move|open|pause|post|preview|prove|put|refuse|remove|rename|renew|restart|resume|retry|revoke|star|stop|"
    "stream|"
    "unload|verify|"
    "watch|withdraw"
)
OPERATIONS = {
    "accept_licence": "POST /v1/models/{name}/licence",
    "add_reference": "POST /v1/references",
    "add_reference_pictures": "POST /v1/references/{id}/pictures",
    "approve_pairing": "POST /v1/pair/{id}/approve",
    "begin_console_renewal": "POST /v1/session/challenge",
    "begin_pairing": "POST /v1/pair",
    "begin_session": "POST /v1/pair/sessions",
    "cancel_download": "POST /v1/models/{name}/cancel",
    "cancel_install": "POST /v1/engines/{name}/install/cancel",
    "cancel_job": "POST /v1/jobs/{id}/cancel",
    "change_reference": "PATCH /v1/references/{id}",
    "check_state": "POST /v1/state/check",
    "change_settings": "PUT /v1/settings",
    "close_pairing_window": "DELETE /v1/pair/window",
    "continue_pairing": "POST /v1/pair/{id}",
    "create_console_code": "POST /v1/sessions",
    "create_console_code_for_browser": "POST /v1/pair/sessions/{id}/console",
    "create_token": "POST /v1/tokens",
    "delete_finished_jobs": "DELETE /v1/jobs",
    "delete_job": "DELETE /v1/jobs/{id}",
    "delete_named_jobs": "POST /v1/jobs/delete",
    "download_model": "POST /v1/models/{name}/download",
    "export_models": "POST /v1/model-store/export",
    "export_reference": "GET /v1/references/{id}",
    "find_faces": "GET /v1/blobs/{name}/faces",
    "forget_references": "DELETE /v1/references",
    "get_blob": "GET /v1/blobs/{name}",
    "get_console_file": "GET /console/{file}",
    "get_console_page": "GET /",
    "get_health": "GET /v1/health",
    "get_hello": "GET /v1/hello",
    "get_group": "GET /v1/groups/{name}",
    "cancel_group": "POST /v1/groups/{name}/cancel",
    "move_group": "POST /v1/groups/{name}/move",
    "retry_group": "POST /v1/groups/{name}/retry",
    "list_groups": "GET /v1/groups",
    "get_job": "GET /v1/jobs/{id}",
    "get_job_result": "GET /v1/jobs/{id}/result",
    "get_licence": "GET /v1/models/{name}/licence",
    "get_machine": "GET /v1/machine",
    "get_model": "GET /v1/models/{name}",
    "get_nested_console_file": "GET /console/{folder}/{file}",
    "get_openapi": "GET /v1/openapi.json",
    "get_reference_picture": "GET /v1/references/{id}/pictures/{picture}",
    "get_reference_thumbnail": "GET /v1/references/{id}/thumbnail",
    "get_settings": "GET /v1/settings",
    "import_models": "POST /v1/model-store/import",
    "install_engine": "POST /v1/engines/{name}/install",
    "list_clients": "GET /v1/clients",
    "list_connections": "GET /v1/model-store/connections",
    "list_engines": "GET /v1/engines",
    "list_jobs": "GET /v1/jobs",
    "list_models": "GET /v1/models",
    "list_signed_in_browsers": "GET /v1/sessions",
    "list_references": "GET /v1/references",
    "list_verified_files": "GET /v1/verify",
    "move_job": "POST /v1/jobs/{id}/move",
    "open_console_session": "POST /v1/session",
    "open_pairing_for_browser": "POST /v1/pair/ask",
    "open_pairing_window": "POST /v1/pair/window",
    "pause_download": "POST /v1/models/{name}/pause",
    "pause_queue": "POST /v1/queue/pause",
    "get_metrics": "GET /metrics",
    "post_image_edit": "POST /v1/images/edits",
    "post_job": "POST /v1/jobs",
    "post_reactor_image": "POST /reactor/image",
    "preview_blob": "GET /v1/blobs/{name}/preview",
    "preview_job_result": "GET /v1/jobs/{id}/preview",
    "prove_session": "POST /v1/pair/sessions/{id}",
    "put_blob": "PUT /v1/blobs/{name}",
    "refuse_pairing": "POST /v1/pair/{id}/refuse",
    "remove_model": "DELETE /v1/models/{name}",
    "remove_reference_picture": "DELETE /v1/references/{id}/pictures/{picture}",
    "rename_client": "PATCH /v1/clients/{id}",
    "restart_worker": "POST /v1/worker/restart",
    "renew_console_session": "POST /v1/session/renew",
    "resume_queue": "POST /v1/queue/resume",
    "retry_job": "POST /v1/jobs/{id}/retry",
    "revoke_client": "DELETE /v1/clients/{id}",
    "revoke_signed_in_browser": "DELETE /v1/sessions/{id}",
    "stream_events": "GET /v1/events",
    "star_job": "POST /v1/jobs/{id}/star",
    "stop_daemon": "POST /v1/shutdown",
    "unload_worker": "POST /v1/worker/unload",
    "verify_image": "POST /v1/verify-image",
    "verify_models": "POST /v1/model-store/verify",
    "watch_pairing_window": "GET /v1/pair/window",
    "withdraw_reference": "DELETE /v1/references/{id}",
}
"""Generated clients name their methods after these: a new route adds one, no change renames one."""

CODES = {kind.code for kind in kinds()}


def operation(route: Route) -> Any:
    return DOCUMENT["paths"][route.path][route.method.lower()]


def test_the_contract_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_routes_are_sorted_and_each_is_there_once() -> None:
    named = [(route.path, route.method) for route in ROUTES]
    assert named == sorted(set(named))
    handlers = [route.handler for route in ROUTES]
    assert len(handlers) == len(set(handlers))


@pytest.mark.parametrize("route", API, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_says_who_may_ask_what_it_answers_and_why_it_may_refuse(route: Route) -> None:
    described = operation(route)
    assert described["summary"]
    assert described["security" if route.scope is None else "description"] is not None
    assert set(route.problems) <= CODES
    for name in re.findall(r"\{(\w+)\}", route.path):
        assert name in {parameter["name"] for parameter in described["parameters"]}
    if route.scope is not None:
        assert {"401", "403"} <= described["responses"].keys()


@pytest.mark.parametrize(
    "route", [route for route in API if isinstance(route.body, type)], ids=lambda route: f"{route.method} {route.path}"
)
def test_every_json_body_has_an_example_that_its_own_model_takes(route: Route) -> None:
    schema = operation(route)["requestBody"]["content"]["application/json"]["schema"]
    examples = list(examples_of(schema))
    assert examples, f"{route.method} {route.path}"
    assert isinstance(route.body, type)
    for example in examples:
        route.body.model_validate(example)


@pytest.mark.parametrize(
    ("body", "kinds"),
    [("NewSwap", (*(entry.options for entry in ENGINES.values()), AutoOptions)), ("NewRestore", (RestoreOptions,))],
)
def test_every_option_of_a_job_is_there_with_its_default_and_so_is_its_priority(
    body: str, kinds: tuple[type[BaseModel], ...]
) -> None:
    described = DOCUMENT["components"]["schemas"][body]["properties"]["options"]["anyOf"]
    for kind, schema in zip(kinds, described, strict=True):
        defaults = {name: member.get("default") for name, member in schema["properties"].items()}
        assert defaults.pop("priority") == "interactive"
        for_clips = {name: defaults.pop(name) for name in FIELDS.keys() - kind.model_fields if name in defaults}
        assert for_clips == ({"from": None, "to": None, "encoder": "auto", "every": 1} if body == "NewSwap" else {})
        assert set(defaults) == set(kind.model_fields)
        kind.model_validate(defaults)
        assert schema.get("required", []) == ([] if schema is described[0] else ["engine"])


def test_only_hello_pairing_and_the_console_ask_for_no_token() -> None:
    open_to_all = {route.path for route in API if route.scope is None}
    allowed = ("/v1/hello", "/v1/pair", "/v1/session")
    assert [path for path in open_to_all if not path.startswith(allowed)] == []


def test_every_operation_keeps_its_id() -> None:
    found = [
        (each["operationId"], f"{method.upper()} {path}")
        for path, methods in DOCUMENT["paths"].items()
        for method, each in methods.items()
    ]
    assert dict(found) == OPERATIONS
    assert len(found) == len(OPERATIONS), "an id names one operation"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation_id)
def test_an_operation_id_is_a_verb_and_a_noun_and_its_handler_is_called_the_same(route: Route) -> None:
    verb, *noun = route.operation_id.split("_")
    assert VERBS.fullmatch(verb)
    assert noun
    assert all(word.isalpha() and word.islower() for word in noun)
    assert getattr(route.handler, "__name__", None) == route.operation_id


def test_the_written_page_is_the_one_that_the_routes_make() -> None:
    written = (Path(__file__).parents[2] / "daemon/API.md").read_text(encoding="utf-8")
    assert written == render_page(ROUTES, Settings().port), "python -m mien_daemon.routes > daemon/API.md"


def examples_of(schema: Any) -> Any:
    """The examples of a schema, looked for through references and alternatives."""
    if "$ref" in schema:
        yield from examples_of(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        return
    yield from schema.get("examples", ())
    for alternative in schema.get("oneOf", schema.get("anyOf", ())):
        yield from examples_of(alternative)
