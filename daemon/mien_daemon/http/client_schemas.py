"""The bodies and answers about paired browsers and tokens."""

from typing import Literal

from pydantic import ConfigDict, Field

from mien_daemon.access.clients import Scope
from mien_daemon.http.schemas import Answer, Body, PersonsName


class ClientAnswer(Answer):
    id: str
    name: str
    scopes: list[Scope]
    origin: str | None = Field(description="The extension it is bound to; null for a token.")
    created_at: str | None
    last_seen: str | None


class ClientList(Answer):
    clients: list[ClientAnswer]


class ChangeClient(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Firefox on the laptop"}]})

    name: PersonsName | None = None
    console: bool | None = Field(
        None, description="Whether this paired browser may open the console; to allow it takes scope local."
    )


class NewToken(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "nightly batch", "scope": "swap"}]})

    name: PersonsName
    scope: Literal["swap", "models", "admin"]


class TokenAnswer(Answer):
    """Shown once; the daemon keeps only a hash."""

    id: str
    token: str
    scope: Literal["swap", "models", "admin"]
