"""One message a line: what is none is refused by JSON-RPC's own numbers, and the versions are chosen as published."""

import pytest

from mien_cli.mcp.messages import (
    ENVELOPE_VERSIONS,
    HANDSHAKE_VERSIONS,
    INVALID_REQUEST,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
    VERSION_KEY,
    Message,
    Refusal,
    choose_version,
    read_message,
    refuse,
    show,
    write_message,
)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"no JSON", PARSE_ERROR),
        (b"\xff\xfe", PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": 1}', INVALID_REQUEST),
        (b'{"method": "ping", "id": {}}', INVALID_REQUEST),
        (b'{"method": "ping", "id": 1, "params": []}', INVALID_REQUEST),
    ],
)
def test_what_is_no_message_is_refused(line: bytes, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        read_message(line)
    assert refuse(None, refused.value)["error"]["code"] == code


def test_an_answer_of_the_client_is_none_of_ours() -> None:
    assert read_message(b'{"jsonrpc": "2.0", "id": 1, "result": {}}') is None


def test_a_handshake_takes_the_clients_version_or_offers_the_newest() -> None:
    assert [choose_version(each) for each in HANDSHAKE_VERSIONS] == list(HANDSHAKE_VERSIONS)
    assert {choose_version("1999-01-01"), choose_version(None)} == {"2025-11-25"}


def test_a_request_names_its_version_or_none() -> None:
    assert not Message(1, "ping", {}).is_enveloped
    assert Message(1, "ping", {"_meta": {VERSION_KEY: ENVELOPE_VERSIONS[-1]}}).is_enveloped
    with pytest.raises(Refusal) as refused:
        _ = Message(1, "ping", {"_meta": {VERSION_KEY: "2030-01-01"}}).is_enveloped
    assert refused.value.code == UNSUPPORTED_VERSION
    assert refused.value.data == {"supported": [*HANDSHAKE_VERSIONS, *ENVELOPE_VERSIONS], "requested": "2030-01-01"}


def test_an_answer_is_one_line_whatever_is_in_it() -> None:
    line = write_message(show({"name": "a\nb\u2028c"}))
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
