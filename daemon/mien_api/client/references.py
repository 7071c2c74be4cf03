"""The consented reference library."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from mien_api.client.connection import Document
from mien_api.client.pictures import Pictures, pictures_of

Basis = Literal["self", "written-permission"]
"""Why a face may be used: it is the person's own, or an adult has permitted it in writing."""


class References(Pictures):
    """Faces that are kept, sealed, with the statement that allows their use. All methods raise as `request` does."""

    __slots__ = ()

    def list_references(self) -> list[Document]:
        """The faces that may be used, each with `id` and `name`; "ref:" and the id stand for one in a job."""
        return list(self.request("GET", "/v1/references")["references"])

    def add_reference(
        self,
        pictures: bytes | Sequence[bytes],
        name: str,
        *,
        basis: Basis,
        adult: bool,
        expires_at: datetime | None = None,
    ) -> Document:
        """Keep a face with the consent to use it; needs scope `admin`.

        Args:
            pictures: one of the person alone, or up to 20.
            name: what the library calls the person.
            basis: why the face may be used.
            adult: that the person is an adult; the caller states it, nothing is guessed.
            expires_at: aware; the consent ends a year from now when it is left out.

        Raises:
            ConsentRequired: `field` says which part of the statement is missing.
            NoFaceFound, SeveralFaces: `blob` says in which picture.
        """
        names = [self.put_blob(each) for each in pictures_of(pictures) if isinstance(each, bytes)]
        return self.request("POST", "/v1/references", describe_reference(names, name, basis, adult, expires_at))

    def remove_reference(self, reference_id: str, *, with_results: bool = False) -> None:
        """Withdraw a consent and shred the face, on request also every result made with it; needs scope `admin`."""
        self.request("DELETE", reference_path(reference_id, with_results=with_results))


def describe_reference(
    names: Sequence[str],
    name: str,
    basis: str,
    adult: bool,
    expires_at: datetime | None,
) -> Document:
    """The body that adds a reference. Without an end the daemon gives it one."""
    about: Document = {"picture": list(names), "name": name, "basis": basis, "adult": adult}
    return about | ({"expires_at": expires_at.isoformat()} if expires_at else {})


def reference_path(reference_id: str, *, with_results: bool) -> str:
    return f"/v1/references/{quote(reference_id, safe='')}" + ("?results=true" if with_results else "")
