"""The contract is what the daemon does: every route is in it, every example can be sent as it stands."""

import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from mien_api.problems import kinds
from mien_daemon.http.openapi import describe
from mien_daemon.http.route import Route
from mien_daemon.routes import ROUTES
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.onnx.options import InswapperOptions
from mien_pipeline.options import RestoreOptions

DOCUMENT: dict[str, Any] = describe(ROUTES, 6436)
API = [route for route in ROUTES if route.path.startswith("/v1/")]
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
    ("body", "kinds"), [("NewSwap", (MeshOptions, InswapperOptions, FluxOptions)), ("NewRestore", (RestoreOptions,))]
)
def test_every_option_of_a_job_is_there_with_its_default_and_so_is_its_priority(
    body: str, kinds: tuple[type[BaseModel], ...]
) -> None:
    described = DOCUMENT["components"]["schemas"][body]["properties"]["options"]["anyOf"]
    for kind, schema in zip(kinds, described, strict=True):
        defaults = {name: member.get("default") for name, member in schema["properties"].items()}
        assert defaults.pop("priority") == "interactive"
        assert set(defaults) == set(kind.model_fields)
        kind.model_validate(defaults)
        assert schema.get("required", []) == ([] if schema is described[0] else ["engine"])


def test_only_hello_pairing_and_the_console_ask_for_no_token() -> None:
    open_to_all = {route.path for route in API if route.scope is None}
    allowed = ("/v1/hello", "/v1/pair", "/v1/session")
    assert [path for path in open_to_all if not path.startswith(allowed)] == []


def test_every_route_is_in_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "daemon/README.md").read_text(encoding="utf-8")
    missing = [f"{route.method} {route.path}" for route in API if f"{route.method} {route.path}`" not in readme]
    assert missing == []


def examples_of(schema: Any) -> Any:
    """The examples of a schema, looked for through references and alternatives."""
    if "$ref" in schema:
        yield from examples_of(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        return
    yield from schema.get("examples", ())
    for alternative in schema.get("oneOf", schema.get("anyOf", ())):
        yield from examples_of(alternative)
