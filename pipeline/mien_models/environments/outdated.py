"""What an engine's missing libraries mean where its environment is of another version. Light: every swap loads this."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mien_core.errors import EngineOutdated, EngineUnavailable


@contextmanager
def telling_outdated(engine: str, root: Path) -> Generator[None]:
    """Say of an engine whose libraries are not here that its environment, which has them, is of another version.

    Raises:
        EngineOutdated: in place of EngineUnavailable; `command` makes the environment anew.
    """
    try:
        yield
    except EngineUnavailable as error:
        from mien_models.environments.environment import EngineEnvironment  # it imports HTTP, which a swap does without

        if EngineEnvironment(root).state != "outdated":
            raise
        command = f"mien engines install {engine}"
        raise EngineOutdated(
            f"the environment of {engine} is of another version of Mien", engine=engine, command=command
        ) from error
