"""The request that each click sends to the daemon."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from mien_tray.menu import Action, Verb


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: Mapping[str, object] | None = None


def build_request(action: Action) -> Request | None:
    """The request behind an action; None for what the tray does itself."""
    subject = quote(action.subject, safe="")
    match action.verb:
        case Verb.CANCEL:
            return Request("POST", f"/v1/jobs/{subject}/cancel")
        case Verb.PAUSE:
            return Request("POST", "/v1/queue/pause" if action.on else "/v1/queue/resume")
        case Verb.DOWNLOAD:
            return Request("POST", f"/v1/models/{subject}/download")
        case Verb.PAUSE_DOWNLOAD:
            return Request("POST", f"/v1/models/{subject}/pause")
        case Verb.PAIR:
            return Request("POST", "/v1/pair/window")
        case Verb.CLOSE_PAIRING:
            return Request("DELETE", "/v1/pair/window")
        case Verb.APPROVE:
            return Request("POST", f"/v1/pair/{subject}/approve")
        case Verb.REFUSE:
            return Request("POST", f"/v1/pair/{subject}/refuse")
        case Verb.UNLOAD:
            return Request("POST", "/v1/worker/unload")
        case Verb.RESTART_WORKER:
            return Request("POST", "/v1/worker/restart")
        case Verb.NOTIFY:
            return Request("PUT", "/v1/settings", {f"notify_{action.subject}": action.on})
        case _:
            return None
