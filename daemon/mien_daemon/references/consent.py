"""The consent to use one face: what was confirmed, on which basis, since when and until when."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

from mien_core.errors import ConsentRequired

Basis = Literal["self", "written-permission"]
STATEMENT_VERSION = "2026-11"
STATEMENTS: Mapping[str, str] = {
    "self": "This picture shows me. I am an adult, and I want my face to be used for swaps on this machine.",
    "written-permission": (
        "This picture shows an adult who has given me written permission to use their face for swaps on this machine."
    ),
}
"""What a person confirms, by basis. A change of a word is a new version."""

ELSEWHERE_VERSION = "2026-11"
ELSEWHERE: Mapping[str, str] = {
    "self": "I also want my face to be used for swaps on the other machines to which I send this picture.",
    "written-permission": (
        "The written permission also allows swaps on the other machines to which I send this picture of the person."
    ),
}
"""What a person confirms besides, by basis, before a face leaves this machine. A change of a word is a new version."""

DEFAULT_PERIOD = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Consent:
    """What was confirmed for one face.

    Attributes:
        label: what the person called it.
        basis: "self" or "written-permission".
        adult: the attestation; a record without it does not exist.
        statement: the version of the words that were confirmed.
        given_at: ISO 8601, UTC.
        expires_at: ISO 8601, UTC, or None for no end.
    """

    label: str
    basis: Basis
    adult: bool
    statement: str
    given_at: str
    expires_at: str | None

    @classmethod
    def given(cls, label: str, basis: str, *, adult: bool, expires_at: datetime | None) -> Self:
        """A consent as of now.

        Raises:
            ConsentRequired: `field` says what was not confirmed.
        """
        if basis not in STATEMENTS:
            raise ConsentRequired("a reference needs a basis", field="basis", known=list(STATEMENTS))
        if not adult:
            raise ConsentRequired("only adults can be a reference", field="adult")
        kind: Basis = "self" if basis == "self" else "written-permission"
        return cls(make_whole(label), kind, True, STATEMENT_VERSION, to_iso(datetime.now(UTC)), None).until(expires_at)

    def named(self, label: str) -> Self:
        """The same consent under another label."""
        return replace(self, label=make_whole(label))

    def until(self, expires_at: datetime | None) -> Self:
        """The same consent with another end.

        Raises:
            ConsentRequired: it would have ended already.
        """
        changed = replace(self, expires_at=to_iso(expires_at) if expires_at else None)
        if changed.is_over:
            raise ConsentRequired("the consent would have ended already", field="expires_at")
        return changed

    def require_same_basis(self, other: "Consent") -> None:
        """Return if `other` was given on the basis of this one.

        Raises:
            ConsentRequired: it was not; `known` is the basis of this one.
        """
        if other.basis != self.basis:
            raise ConsentRequired(f"the other pictures are kept as {self.basis}", field="basis", known=[self.basis])

    @property
    def is_over(self) -> bool:
        """Whether the consent has ended; at the very second of its end it has."""
        return self.has_ended_at(datetime.now(UTC))

    def has_ended_at(self, moment: datetime) -> bool:
        return self.expires_at is not None and datetime.fromisoformat(self.expires_at) <= moment

    def encode(self) -> bytes:
        """One encoding for one consent: the picture is sealed with the digest of these bytes."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        return cls(**json.loads(data))


def make_whole(label: str) -> str:
    """The label with `?` for halves of characters: a terminal hands them over, and no answer can be written of one."""
    return label.encode(errors="replace").decode()


def to_iso(moment: datetime) -> str:
    """Whole seconds, UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
