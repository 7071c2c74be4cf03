"""Connections: a stranger's goes before a client's, one that waits before one that works, the oldest first."""

import sys

import pytest

from mien_api.errors import TooManyRequests
from mien_daemon.access import connections as module
from mien_daemon.access.clients import LOCAL, Client, Scope
from mien_daemon.access.connections import (
    MOST_OF_A_CLIENT,
    MOST_STRANGERS,
    RETRY_AFTER_S,
    Connections,
    file_limit,
    raise_file_limit,
)

ADA, BEN = (Client(name, name, frozenset[Scope]({"swap"})) for name in ("ada", "ben"))


class FakeConnection:
    closed = False

    def force_close(self) -> None:
        self.closed = True


def opened(connections: Connections, count: int, client: Client | None = None) -> list[FakeConnection]:
    made = [FakeConnection() for _ in range(count)]
    for each in made:
        connections.add(each)
        if client:
            connections.name(each, client)
    return made


def closed(made: list[FakeConnection]) -> list[int]:
    return [number for number, each in enumerate(made) if each.closed]


def test_the_oldest_stranger_goes_when_there_are_too_many_and_no_client_does() -> None:
    connections = Connections()
    known = opened(connections, 3, ADA)
    strangers = opened(connections, MOST_STRANGERS + 2)
    assert closed(strangers) == [0, 1]
    assert closed(known) == []
    assert len(connections) == MOST_STRANGERS + 3


def test_a_stranger_that_is_being_answered_stays_and_then_is_the_youngest() -> None:
    connections = Connections()
    strangers = opened(connections, MOST_STRANGERS)
    connections.begin(strangers[0])
    more = opened(connections, 2)
    assert closed(strangers) == [1]
    connections.finish(strangers[0])
    more += opened(connections, 1)
    assert closed(strangers) == [1, 2]
    assert closed(more) == []


def test_of_clients_the_one_with_the_most_connections_loses_one() -> None:
    connections = Connections(most=5)
    ada, ben = opened(connections, 1, ADA), opened(connections, 4, BEN)
    connections.begin(ben[0])
    opened(connections, 1, LOCAL)
    assert closed(ada) == []
    assert closed(ben) == [1]


def test_when_all_are_at_work_none_goes() -> None:
    connections = Connections(most=1)
    ada = opened(connections, 1, ADA)
    connections.begin(ada[0])
    assert not connections.end_idle()
    new = opened(connections, 1)
    assert closed(new) == [0], "but the new one, which has asked nothing"


def test_a_client_has_its_share_of_connections_and_the_persons_own_programs_have_all() -> None:
    connections = Connections()
    ada = opened(connections, MOST_OF_A_CLIENT, ADA)
    connections.name(ada[0], ADA)
    with pytest.raises(TooManyRequests) as refused:
        opened(connections, 1, ADA)
    assert refused.value.fields == {"share": "connections", "retry_after_s": RETRY_AFTER_S}
    opened(connections, 1, BEN)
    opened(connections, MOST_OF_A_CLIENT + 1, LOCAL)
    connections.remove(ada[0])
    opened(connections, 1, ADA)


def test_a_connection_that_is_closed_is_forgotten_whatever_is_said_of_it_then() -> None:
    connections = Connections()
    gone = FakeConnection()
    for say in (connections.begin, connections.finish, connections.remove):
        say(gone)
    connections.name(gone, ADA)
    assert len(connections) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="connections are no files there")
def test_the_limit_on_open_files_is_raised_as_far_as_the_system_lets(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(300, before[1]), before[1]))
        assert file_limit() == 300
        monkeypatch.setattr(module, "MOST_FILES", 400)
        raise_file_limit()
        assert file_limit() == 400
        raise_file_limit()
        assert file_limit() == 400
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
