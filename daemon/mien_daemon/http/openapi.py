"""OpenAPI 3.1 from the routes and their models."""

import re
from collections.abc import Iterable
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from mien_api.problems import statuses
from mien_core.version import product_version
from mien_daemon.http.route import Content, Route
from mien_daemon.http.schemas import DIGEST, HEADERS, JOB_ID, PICTURE, Problem

REF = "#/components/schemas/{model}"
# What the guard may answer on any route.
SHARED = ("bad-request", "wrong-host", "foreign-origin", "unsupported-media-type", "internal-error")
SHARED_WITH_TOKEN = ("unpaired", "wrong-scope", "state-busy", "state-unavailable")
SHARED_WITH_JSON = ("request-too-large", "request-timeout")

Schema = dict[str, Any]
Key = tuple[type[BaseModel], JsonSchemaMode]
Schemas = dict[Key, Schema]


def describe(routes: Iterable[Route], port: int) -> Schema:
    """The whole document."""
    routes = list(routes)
    schemas, components = _schemas(routes)
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mien",
            "version": product_version(),
            "summary": "Put a reference face into a target image, on this machine only.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": f"http://127.0.0.1:{port}"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(routes: Iterable[Route]) -> tuple[Schemas, Schema]:
    """For each model and direction a reference, and the components that they refer to."""
    wanted: list[Key] = [(Problem, "serialization")]
    for route in routes:
        if isinstance(route.body, type):
            wanted.append((route.body, "validation"))
        contents = [content for answer in route.answers.values() for content in _contents(answer)]
        wanted.extend((model, "serialization") for model in contents if isinstance(model, type))
    found, definitions = models_json_schema(list(dict.fromkeys(wanted)), ref_template=REF)
    return {cast("Key", key): schema for key, schema in found.items()}, definitions.get("$defs", {})


def _operation(route: Route, schemas: Schemas) -> Schema:
    operation: Schema = {
        "operationId": route.operation_id,
        "summary": route.summary,
        "tags": [route.noun],
        "responses": {str(status): _answer(content, schemas) for status, content in route.answers.items()},
    }
    if parameters := [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)]:
        operation["parameters"] = parameters
    if route.scope is None:
        operation["security"] = []
    else:
        operation["description"] = f"Needs the scope `{route.scope}`.{describe_setting(route)}"
    if route.body is not None:
        operation["requestBody"] = _body(route.body, schemas)
    for status, codes in sorted(problems_of(route).items()):
        operation["responses"][str(status)] = {
            "description": ", ".join(f"`{code}`" for code in codes),
            "content": {"application/problem+json": {"schema": schemas[Problem, "serialization"]}},
        }
    return operation


def describe_setting(route: Route) -> str:
    """The sentence about the setting that opens a route; nothing where none does."""
    return f" Closed until the setting `{route.setting}` is on." if route.setting else ""


def problems_of(route: Route) -> dict[int, list[str]]:
    """HTTP status → the problem codes that a route may answer with it."""
    found: dict[int, list[str]] = {}
    for code in sorted({*shared_codes(route), *route.problems}):
        for status in statuses(code):
            found.setdefault(status, []).append(code)
    return found


def shared_codes(route: Route) -> set[str]:
    """The codes that a route shares with every other of its kind."""
    with_token = SHARED_WITH_TOKEN if route.scope is not None else ()
    with_json = SHARED_WITH_JSON if isinstance(route.body, type) else ()
    return {*SHARED, *with_token, *with_json}


def _answer(content: Content | tuple[Content, ...] | None, schemas: Schemas) -> Schema:
    if content is None:
        return {"description": "No body."}
    found = _contents(content)
    names = [each if isinstance(each, str) else each.__name__ for each in found]
    return {"description": " or ".join(names), "content": dict(_answer_content(each, schemas) for each in found)}


def _answer_content(content: Content, schemas: Schemas) -> tuple[str, Schema]:
    if isinstance(content, str):
        return content, {}
    return "application/json", {"schema": schemas[content, "serialization"]}


def _contents(content: Content | tuple[Content, ...] | None) -> tuple[Content, ...]:
    if content is None:
        return ()
    return content if isinstance(content, tuple) else (content,)


def _body(body: type[BaseModel] | tuple[str, ...], schemas: Schemas) -> Schema:
    if isinstance(body, tuple):
        return {"required": True, "content": {media_type: {} for media_type in body}}
    return {"required": True, "content": {"application/json": {"schema": schemas[body, "validation"]}}}


def _path_parameters(route: Route) -> list[Schema]:
    return [_path_parameter(name, route.path) for name in re.findall(r"\{(\w+)\}", route.path)]


def _path_parameter(name: str, path: str) -> Schema:
    """A blob is named by its digest, a model by its name, everything else by an id."""
    schema: Schema = {"type": "string"}
    example = JOB_ID
    if path.startswith("/v1/blobs/"):
        schema, example = {**schema, "pattern": PICTURE}, DIGEST
    elif name == "name":
        example = "face-mesh"
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": example}


def _query_parameters(route: Route) -> list[Schema]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema()
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": member}
        for name, member in schema["properties"].items()
    ]


def _header_parameters(route: Route) -> list[Schema]:
    return [
        {"name": name, "in": "header", "required": False, "description": meaning, "schema": _header_schema(name)}
        for name, meaning in route.headers.items()
    ]


def _header_schema(name: str) -> Schema:
    return {"type": "string", "pattern": HEADERS[name]} if name in HEADERS else {"type": "string"}
