"""How the network is used, as the person or a test has it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mien_models.remote.retry import RetryPolicy
from mien_models.remote.token import read_token


@dataclass(frozen=True, slots=True)
class Network:
    """Attributes:
    policy: when to try again.
    bytes_per_s: all connections together take no more; None is no limit.
    threads: how many parts of a file are fetched at once.
    token: asked for the Hugging Face token when a file of the hub is wanted.
    """

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    bytes_per_s: float | None = None
    threads: int = 4
    token: Callable[[], str | None] = read_token
