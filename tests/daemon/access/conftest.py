"""Clients in a database of their own, and a clock that a test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mien_daemon.access.clients import ClientRegistry
from mien_daemon.access.pairing import Pairing
from mien_daemon.access.sessions import Sessions
from mien_daemon.state.database import Database
from mien_testing.pairing import PORT, Clock

LOCAL_TOKEN = "the local token"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def clients(database: Database, clock: Clock) -> ClientRegistry:
    return ClientRegistry(database, LOCAL_TOKEN, clock, clock)


@pytest.fixture
def pairing(clients: ClientRegistry, clock: Clock) -> Pairing:
    return Pairing(clients, PORT, clock)


@pytest.fixture
def dates() -> Clock:
    """What the state's clock goes by."""
    return Clock()


@pytest.fixture
def sessions(clients: ClientRegistry, clock: Clock) -> Sessions:
    return Sessions(clients, PORT, clock)
