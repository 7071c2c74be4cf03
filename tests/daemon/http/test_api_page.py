"""The page says of every route what it takes, answers and refuses with, and shows a request that can be sent."""

from aiohttp import web
from pydantic import ConfigDict, Field

from mien_daemon.http.api_page import render_page
from mien_daemon.http.health_schemas import Hello
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import JOB_ID, Body


class Apple(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"colour": "red"}, {"colour": "green"}]})

    colour: str


class Cut(Body):
    pieces: int = Field(2, description="How many.")
    skin: bool | None = None


async def handle(_request: web.Request) -> web.Response:
    return web.Response()


GET = Route("GET", "/v1/apples/{id}", "get_apple", handle, "One apple", "swap", {200: Hello, 304: None})
POST = Route(
    "POST",
    "/v1/apples",
    "add_apple",
    handle,
    "Add an apple",
    "admin",
    {201: (Hello, "image/*")},
    body=Apple,
    query=Cut,
    headers={"Idempotency-Key": "Once"},
    problems=("bad-request", "unknown-job", "image-too-large"),
)
PUT = Route("PUT", "/v1/pears", "put_pear", handle, "Send a pear", None, {204: None}, body=("image/*", "text/plain"))


def section(page: str, title: str) -> str:
    return page.partition(f"### `{title}`\n")[2].partition("\n##")[0]


def test_routes_are_grouped_by_noun_in_the_order_of_the_alphabet() -> None:
    page = render_page([PUT, POST, GET], 1)
    titles = [line for line in page.splitlines() if line.startswith("##")]
    assert titles == [
        "## apples",
        "### `POST /v1/apples`",
        "### `GET /v1/apples/{id}`",
        "## pears",
        "### `PUT /v1/pears`",
    ]


def test_a_route_without_a_body_shows_its_path_filled_in_and_its_token() -> None:
    assert section(render_page([GET], 1), "GET /v1/apples/{id}").strip() == (
        "One apple. Operation `get_apple`, scope `swap`.\n\n- answers: 200 `Hello`, 304 without a body\n\n"
        f"```http\nGET /v1/apples/{JOB_ID}\nAuthorization: Bearer TOKEN\n```"
    )


def test_a_json_body_is_shown_by_its_first_example() -> None:
    found = section(render_page([POST], 1), "POST /v1/apples")
    assert 'Content-Type: application/json\n\n{"colour": "red"}\n' in found
    assert "- body: `Apple`\n" in found
    assert "- answers: 201 `Hello` or `image/*`\n" in found


def test_the_query_and_the_headers_say_what_they_mean_and_what_they_are_by_default() -> None:
    found = section(render_page([POST], 1), "POST /v1/apples")
    assert "- query `pieces`, by default 2: How many\n- query `skin`\n- header `Idempotency-Key`: Once\n" in found


def test_problems_of_every_route_are_told_once_and_a_routes_own_with_every_status() -> None:
    page = render_page([POST], 1)
    assert "- problems: `image-too-large` 413/422, `unknown-job` 404\n" in section(page, "POST /v1/apples")
    assert page.count("`bad-request` 400") == 1


def test_a_raw_body_names_its_media_types_and_a_route_for_all_needs_no_token() -> None:
    found = section(render_page([PUT], 1), "PUT /v1/pears")
    assert "Operation `put_pear`, no token." in found
    assert "- body: `image/*` or `text/plain`\n" in found
    assert "```http\nPUT /v1/pears\nContent-Type: image/*\n```" in found
