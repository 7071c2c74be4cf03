"""A route: its path, its handler, who may use it, and what the contract says about it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web
from pydantic import BaseModel

from mien_daemon.access.clients import Scope

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Content = type[BaseModel] | str
Method = Literal["GET", "PUT", "POST", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes:
        operation_id: verb and noun; generated clients call their method so, hence it never changes.
        scope: what a token must allow; None where no token is asked for.
        body: the model of a JSON body, or the media types of a raw one.
        query: the model of the query parameters.
        answers: status → the model of the JSON answer, a media type for anything else, several where the query
            chooses, None for no body.
        problems: the codes this route may refuse with, beside those every route shares.
        headers: request headers with a meaning here → what they mean.
        navigable: whether a browser may open it as a page.
        setting: the setting that opens this route; while it is off there is nothing at its path. None is always open.
    """

    method: Method
    path: str
    operation_id: str
    handler: Handler
    summary: str
    scope: Scope | None
    answers: Mapping[int, "Content | tuple[Content, ...] | None"]
    body: type[BaseModel] | tuple[str, ...] | None = None
    query: type[BaseModel] | None = None
    problems: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    navigable: bool = False
    setting: str | None = None

    @property
    def noun(self) -> str:
        """What the path is about: "jobs" of "/v1/jobs/{id}"; "console" for the page and its files."""
        first, *others = self.path.split("/")[1:]
        return others[0] if first == "v1" else first or "console"
