"""The only way out: https or this machine, hosts of the catalogue, and a line in the log for each connection."""

from pathlib import Path

import pytest

from mien_core.errors import DownloadFailed
from mien_models.local.egress_log import EgressLog
from mien_models.remote.http import Connector, RemoteFile, origin_of
from mien_testing.network import Shop, redirect


@pytest.fixture
def log(tmp_path: Path) -> EgressLog:
    return EgressLog(tmp_path / "egress.log")


@pytest.fixture
def connector(log: EgressLog) -> Connector:
    return Connector(log, "a-model", 10)


def body(connector: Connector, remote: RemoteFile, **more: object) -> bytes:
    reply = connector.ask(remote, {}, **more)  # type: ignore[arg-type]
    try:
        return reply.response.read()
    finally:
        reply.close()


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("a.example", True),
        ("cdn.example", True),
        ("deep.hub.example", True),
        ("hub.example", False),
        ("evilhub.example", False),
        ("127.0.0.1", False),
    ],
)
def test_a_redirect_may_lead_to_named_hosts_alone(host: str, allowed: bool) -> None:
    remote = RemoteFile("https://a.example/w", hosts=("cdn.example", ".hub.example"))
    assert remote.allows(host) is allowed


def test_this_machine_is_one_host_under_all_its_names() -> None:
    assert RemoteFile("http://127.0.0.1:1/w").allows("localhost")
    assert not RemoteFile("http://127.0.0.1:1/w").allows("a.example")


def test_an_origin_has_its_usual_port() -> None:
    assert origin_of("https://a.example/w") == origin_of("https://a.example:443/v")
    assert origin_of("http://a.example/w") == ("http", "a.example", 80)
    assert origin_of("https://a.example:8443/w") != origin_of("https://a.example/w")


def test_every_connection_is_noted_redirects_included(
    shop: Shop, other_shop: Shop, connector: Connector, log: EgressLog
) -> None:
    other_shop.files["/w"] = b"weights"
    shop.next = [redirect(other_shop.url + "w")]
    assert body(connector, RemoteFile(shop.url + "v")) == b"weights"
    noted = [line.host for line in log.read()]
    assert noted == [url.removeprefix("http://").rstrip("/") for url in (shop.url, other_shop.url)]
    assert {line.model for line in log.read()} == {"a-model"}


def test_a_secret_goes_to_the_first_host_and_to_no_other(shop: Shop, other_shop: Shop, connector: Connector) -> None:
    other_shop.files["/w"] = b"weights"
    shop.next = [redirect(shop.url + "moved"), redirect(other_shop.url + "w")]
    body(connector, RemoteFile(shop.url + "v", authorization="Bearer secret"))
    assert [one.headers.get("Authorization") for one in shop.asked] == ["Bearer secret", "Bearer secret"]
    assert "Authorization" not in other_shop.asked[0].headers


def test_one_who_stays_gets_the_redirect_itself(shop: Shop, other_shop: Shop, connector: Connector) -> None:
    shop.next = [redirect(shop.url + "moved"), redirect(other_shop.url + "w")]
    reply = connector.ask(RemoteFile(shop.url + "v"), {}, "HEAD", stay=True)
    reply.close()
    assert reply.status == 302
    assert other_shop.asked == []


def test_an_earlier_answers_address_is_asked_at_once(shop: Shop, other_shop: Shop, connector: Connector) -> None:
    other_shop.files["/w"] = b"weights"
    assert body(connector, RemoteFile(shop.url + "v"), at=other_shop.url + "w") == b"weights"
    assert shop.asked == []


@pytest.mark.parametrize("target", ["http://a.example/w", "ftp://127.0.0.1/w"])
def test_a_redirect_to_plain_http_is_refused(shop: Shop, connector: Connector, target: str) -> None:
    shop.next = [redirect(target)]
    with pytest.raises(DownloadFailed, match="not https") as refused:
        connector.ask(RemoteFile(shop.url + "v", hosts=("a.example",)), {})
    assert refused.value.fields["reason"] == "redirect"


def test_a_redirect_to_a_stranger_is_refused_before_it_is_asked(
    shop: Shop, connector: Connector, log: EgressLog
) -> None:
    shop.next = [redirect("https://stranger.example/w")]
    with pytest.raises(DownloadFailed, match="does not name"):
        connector.ask(RemoteFile(shop.url + "v"), {})
    assert "stranger.example" not in log.path.read_text()


def test_circles_end(shop: Shop, connector: Connector) -> None:
    shop.always = redirect(shop.url + "v")
    with pytest.raises(DownloadFailed, match="circles"):
        connector.ask(RemoteFile(shop.url + "v"), {})
    assert len(shop.asked) == 5
