"""Sending pictures and clips."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from mien_api.client.connection import AS_BYTES, Connection

Person = bytes | str | Sequence[bytes | str]
"""One picture, or several: each in bytes, or "ref:ID" for all that the library has of a person."""


class Pictures(Connection):
    """Every picture is sent under the hash of its bytes; a job names it so."""

    __slots__ = ()

    def put_blob(self, data: bytes) -> str:
        """Send a picture and return its name, "sha256:…"; raises as `request` does."""
        name = name_of(data)
        self._send("PUT", f"/v1/blobs/{name}", data, AS_BYTES)
        return name

    def put_file(self, path: Path) -> str:
        """Send a clip, or any file that is too large for memory, and return its name; raises as `request` does."""
        with path.open("rb") as file:
            name = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
            file.seek(0)
            headers = AS_BYTES | {"Content-Length": str(path.stat().st_size)}
            self._send("PUT", f"/v1/blobs/{name}", file, headers)
        return name

    def put_person(self, person: Person) -> list[str]:
        """Send the pictures of one person, and return their names; raises as `request` does."""
        return [each if isinstance(each, str) else self.put_blob(each) for each in pictures_of(person)]


def name_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def pictures_of(person: Person) -> Sequence[bytes | str]:
    return [person] if isinstance(person, bytes | str) else person


def people_of(references: Person | Sequence[Person]) -> Sequence[Person]:
    """One person, or one for every chosen face, as a sequence of people."""
    return [references] if isinstance(references, bytes | str) else references
