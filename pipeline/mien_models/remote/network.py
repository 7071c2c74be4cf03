"""How the network is used, as the person or a test has it. Imports no HTTP: most stores are opened to fetch nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mien_models.remote.token import read_token

if TYPE_CHECKING:
    from mien_models.remote.index_settings import IndexSettings


def read_indexes() -> IndexSettings:
    """The package indexes that pip's and uv's settings name."""
    from mien_models.remote.indexes import read_index_settings

    return read_index_settings()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a download tries again on a bad line.

    Attributes:
        attempts: failures in a row, without a byte between them, before it gives up.
        first_s, longest_s: the pauses between them, doubling from one to the other.
        stall_s: silence after which a connection is given up.
        longest_wait_s: a `Retry-After` beyond this is told to the person instead of waited for.
    """

    attempts: int = 6
    first_s: float = 0.5
    longest_s: float = 30.0
    stall_s: float = 30.0
    longest_wait_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Network:
    """Attributes:
    policy: when to try again.
    bytes_per_s: all connections together take no more; None is no limit.
    threads: how many parts of a file are fetched at once.
    token: asked for the Hugging Face token when a file of the hub is wanted.
    indexes: asked for the package indexes when a wheel is wanted.
    """

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    bytes_per_s: float | None = None
    threads: int = 4
    token: Callable[[], str | None] = read_token
    indexes: Callable[[], IndexSettings] = read_indexes
