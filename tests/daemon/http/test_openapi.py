"""The contract says of a route its parameters, its answers, and every code that it may refuse with."""

from typing import Any

import pytest
from aiohttp import web
from pydantic import ConfigDict, Field

from mien_daemon.http.health_schemas import Hello
from mien_daemon.http.openapi import SHARED, SHARED_WITH_JSON, SHARED_WITH_TOKEN, describe, problems_of, shared_codes
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import DIGEST, JOB_ID, Body


class Apple(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"colour": "red"}]})

    colour: str


class Cut(Body):
    pieces: int
    skin: bool = Field(True, description="With its skin.")


async def handle(_request: web.Request) -> web.Response:
    return web.Response()


def operation(**fields: Any) -> Any:
    apple: dict[str, Any] = {"method": "GET", "path": "/v1/apples", "operation_id": "get_apple", "handler": handle}
    apple |= {"summary": "An apple", "scope": "swap", "answers": {200: Hello}}
    route = Route(**(apple | fields))
    return describe([route], 6436)["paths"][route.path][route.method.lower()]


def route(**fields: Any) -> Route:
    return Route("GET", "/v1/apples", "get_apple", handle, "An apple", answers={200: Hello}, **fields)


def test_the_document_names_the_daemon_and_its_bearer() -> None:
    document = describe([], 1234)
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "http://127.0.0.1:1234"}]
    assert document["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}
    assert "Problem" in document["components"]["schemas"]


def test_an_operation_is_called_by_its_id_and_grouped_by_its_noun() -> None:
    described = operation()
    assert (described["operationId"], described["tags"], described["summary"]) == ("get_apple", ["apples"], "An apple")
    assert "scope `swap`" in described["description"]
    assert "security" not in described


def test_a_route_for_all_says_that_it_needs_no_token() -> None:
    described = operation(scope=None)
    assert described["security"] == []
    assert "401" not in described["responses"]


@pytest.mark.parametrize(
    ("path", "name", "example"),
    [
        ("/v1/blobs/{name}", "name", DIGEST),
        ("/v1/models/{name}", "name", "face-mesh"),
        ("/v1/jobs/{id}", "id", JOB_ID),
    ],
)
def test_a_parameter_of_a_path_is_required_and_has_an_example(path: str, name: str, example: str) -> None:
    (parameter,) = operation(path=path)["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == (name, "path", True)
    assert parameter["example"] == example
    assert ("pattern" in parameter["schema"]) is path.startswith("/v1/blobs/")


def test_a_query_says_what_is_required_and_what_is_the_default() -> None:
    pieces, skin = operation(query=Cut)["parameters"]
    assert (pieces["in"], pieces["required"], skin["required"]) == ("query", True, False)
    assert (skin["schema"]["default"], skin["schema"]["description"]) == (True, "With its skin.")


def test_a_header_says_what_it_means_and_what_it_looks_like() -> None:
    key, other = operation(headers={"Idempotency-Key": "Once", "X-Other": "Two"})["parameters"]
    assert (key["in"], key["required"], key["description"]) == ("header", False, "Once")
    assert "pattern" in key["schema"]
    assert other["schema"] == {"type": "string"}


def test_bodies_are_json_of_a_model_or_raw_media_types() -> None:
    json_body = operation(method="POST", body=Apple)["requestBody"]
    assert json_body["required"] is True
    assert json_body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Apple"}
    raw = operation(method="PUT", body=("image/*", "text/plain"))["requestBody"]
    assert raw == {"required": True, "content": {"image/*": {}, "text/plain": {}}}


def test_answers_are_a_model_a_media_type_either_or_nothing() -> None:
    responses = operation(answers={200: Hello, 201: (Hello, "text/plain"), 206: "image/*", 204: None})["responses"]
    assert responses["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Hello"}
    assert set(responses["201"]["content"]) == {"application/json", "text/plain"}
    assert responses["201"]["description"] == "Hello or text/plain"
    assert responses["206"]["content"] == {"image/*": {}}
    assert "content" not in responses["204"]


def test_problems_are_grouped_by_status_and_a_code_with_two_is_under_both() -> None:
    found = problems_of(route(scope="swap", problems=("image-too-large", "unknown-blob")))
    assert found[413] == ["image-too-large"]
    assert found[422] == ["image-too-large"]
    assert found[404] == ["unknown-blob"]
    assert found[401] == ["unpaired"]
    assert found[403] == ["foreign-origin", "wrong-scope"]


def test_what_a_route_shares_depends_on_its_scope_and_its_body() -> None:
    assert shared_codes(route(scope=None)) == set(SHARED)
    assert shared_codes(route(scope="swap")) == {*SHARED, *SHARED_WITH_TOKEN}
    assert shared_codes(route(scope=None, body=Apple)) == {*SHARED, *SHARED_WITH_JSON}
    assert shared_codes(route(scope=None, body=("image/*",))) == set(SHARED)


def test_every_refusal_is_a_problem_document() -> None:
    refusal = operation()["responses"]["403"]
    assert refusal["description"] == "`foreign-origin`, `wrong-scope`"
    assert refusal["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
