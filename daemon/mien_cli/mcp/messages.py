"""The messages of the Model Context Protocol: JSON-RPC 2.0, one message a line, and the versions of the protocol.

Source: modelcontextprotocol.io/specification, revisions 2024-11-05 to 2026-07-28. Up to 2025-11-25 a client begins with
`initialize`; since 2026-07-28 every request names its version, and `server/discover` says what there is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
ENVELOPE_VERSIONS = ("2026-07-28",)
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
SERVER_KEY = "io.modelcontextprotocol/serverInfo"

PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
UNSUPPORTED_VERSION = -32022

Document = dict[str, Any]
Id = str | int


class Refusal(Exception):
    """A request that the protocol refuses; what a tool refuses is a result of that tool instead."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


@dataclass(frozen=True, slots=True)
class Message:
    """A request, or a notification, which has no id and gets no answer."""

    id: Id | None
    method: str
    params: Mapping[str, Any]

    @property
    def meta(self) -> Mapping[str, Any]:
        """What the client says about the request."""
        found = self.params.get("_meta")
        return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}

    @property
    def is_enveloped(self) -> bool:
        """Whether the request names its version, as it does since 2026-07-28.

        Raises:
            Refusal: there is no such version.
        """
        named = self.meta.get(VERSION_KEY)
        if named is None:
            return False
        if named not in ENVELOPE_VERSIONS:
            known = [*HANDSHAKE_VERSIONS, *ENVELOPE_VERSIONS]
            raise Refusal(UNSUPPORTED_VERSION, "no such version", {"supported": known, "requested": str(named)})
        return True


def read_message(line: bytes) -> Message | None:
    """The message in a line; None for an answer, which a server that asks nothing does not wait for.

    Raises:
        Refusal: it is no message.
    """
    try:
        found: object = json.loads(line)
    except ValueError:
        raise Refusal(PARSE_ERROR, "a message is one line of JSON") from None
    if not isinstance(found, dict):
        raise Refusal(INVALID_REQUEST, "a message is a JSON object")
    document = cast("Document", found)
    if "method" not in document and ("result" in document or "error" in document):
        return None
    method, params, given = document.get("method"), document.get("params", {}), document.get("id")
    if not isinstance(method, str) or not isinstance(params, dict) or not isinstance(given, str | int | None):
        raise Refusal(INVALID_REQUEST, "a request has a method, params and an id")
    return Message(given, method, cast("Document", params))


def answer(message_id: Id | None, result: Mapping[str, object]) -> Document:
    return {"jsonrpc": "2.0", "id": message_id, "result": dict(result)}


def refuse(message_id: Id | None, refusal: Refusal) -> Document:
    error: Document = {"code": refusal.code, "message": str(refusal)}
    return {"jsonrpc": "2.0", "id": message_id, "error": error | ({"data": refusal.data} if refusal.data else {})}


def notify(method: str, params: Mapping[str, object]) -> Document:
    return {"jsonrpc": "2.0", "method": method, "params": dict(params)}


def write_message(document: Mapping[str, object]) -> bytes:
    """One line: JSON has no raw line breaks."""
    return json.dumps(document).encode() + b"\n"


def choose_version(asked: object) -> str:
    """The version of a handshake: the one that the client asks for, or else the newest that has one."""
    return asked if isinstance(asked, str) and asked in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1]


def show_problem(problem: Mapping[str, object]) -> Document:
    """A tool's refusal as its result, so that the model can read it and mend its call."""
    return {**show(problem), "isError": True}


def show(document: Mapping[str, object]) -> Document:
    """A tool's answer: for programs as it is, and as text for clients that know nothing else."""
    text: Sequence[Document] = [{"type": "text", "text": json.dumps(document, ensure_ascii=False, indent=2)}]
    return {"content": text, "structuredContent": dict(document)}
