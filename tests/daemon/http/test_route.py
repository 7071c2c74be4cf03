"""A route is named by its noun, and every field that it leaves out promises the least."""

import pytest
from aiohttp import web

from mien_daemon.http.route import Route


async def handle(_request: web.Request) -> web.Response:
    return web.Response()


@pytest.mark.parametrize(
    ("path", "noun"),
    [("/v1/jobs", "jobs"), ("/v1/jobs/{id}/result", "jobs"), ("/", "console"), ("/console/{file}", "console")],
)
def test_a_route_belongs_to_the_noun_of_its_path(path: str, noun: str) -> None:
    assert Route("GET", path, "get_it", handle, "It", "swap", {}).noun == noun


def test_a_route_takes_no_body_and_is_no_page_unless_it_says_so() -> None:
    route = Route("GET", "/v1/jobs", "list_jobs", handle, "Jobs", "swap", {})
    assert (route.body, route.query, route.problems, dict(route.headers), route.navigable) == (
        None,
        None,
        (),
        {},
        False,
    )
