"""Verifying a picture for the API: by `mien verify` in a process of its own, never in the front one."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien_api.problems import error_for
from mien_core.errors import InvalidImage
from mien_core.program import command_for

TIMEOUT_S = 30.0  # 120 megapixels of PNG take about four


def command(state: Path, models: Path) -> list[str]:
    """How the process is started."""
    folders = ["--state-dir", str(state), "--models-dir", str(models)]
    return [*command_for("mien"), "verify", "-", "--json", "--offline", *folders]


class Verifier:
    """One picture after the other, so that many requests take no more memory than one."""

    def __init__(self, state: Path, models: Path) -> None:
        self._command = command(state, models)
        self._turn = asyncio.Lock()

    async def inspect(self, picture: bytes) -> Mapping[str, Any]:
        """What the picture says about itself, as `mien verify --json` prints it.

        Raises:
            InvalidImage, ImageTooLarge: it is no picture that Mien reads, or could not be read in time.
        """
        async with self._turn:
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe)
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    answer, _ = await process.communicate(picture)
            except TimeoutError as error:
                raise InvalidImage("the picture could not be read in time") from error
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        found: dict[str, Any] = json.loads(answer)
        if "credentials" not in found:
            raise error_for(found)
        return found
