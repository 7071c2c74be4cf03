"""Licence texts as they were shown, and who accepted which words when."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from mien_core.errors import LicenceNotAccepted
from mien_core.files import make_folder, write_whole
from mien_core.locks import exclusively
from mien_models.catalogue.entries import TEXTS, Catalogue


class Acceptance(BaseModel, frozen=True):
    """The digest of the text that was accepted, and when."""

    sha256: str
    accepted_at: datetime


class LicenceText(BaseModel, frozen=True):
    """A licence as a person reads it; `text` is empty where the catalogue only knows the page."""

    id: str
    name: str
    url: str
    commercial: bool
    must_accept: bool
    note: str
    text: str
    sha256: str | None
    accepted_at: datetime | None


class _Accepted(BaseModel, frozen=True):
    licences: dict[str, Acceptance] = {}


class Licences:
    """The folder of licences."""

    def __init__(self, root: Path, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._folder = root / "licences"
        self._accepted = self._folder / "accepted.json"
        self._guard = root / "locks" / ".licences"

    def text_path(self, licence: str) -> Path:
        return self._folder / f"{licence}.txt"

    def has_text(self, licence: str) -> bool:
        """True when the text that the catalogue means is here: kept, or brought with the program."""
        return self.find_text(licence) is not None

    def find_text(self, licence: str) -> bytes | None:
        """The words that the catalogue means, where they are here."""
        wanted = self._catalogue.licences[licence].text
        if wanted is None:
            return None
        for path in (self.text_path(licence), TEXTS / f"{licence}.txt"):
            raw = path.read_bytes() if path.is_file() else None
            # Without a digest the catalogue means whatever its source has, which the program cannot have brought.
            unpinned = wanted.sha256 is None and path.parent == self._folder
            if raw is not None and (unpinned or hashlib.sha256(raw).hexdigest() == wanted.sha256):
                return raw
        return None

    def keep_text(self, licence: str, text: bytes) -> None:
        make_folder(self._folder)
        write_whole(self.text_path(licence), text)

    def acceptance(self, licence: str) -> Acceptance | None:
        """The acceptance that holds today: one of other words than the catalogue's does not."""
        found = self._read().licences.get(licence)
        wanted = self._catalogue.licences[licence].text
        if found and wanted and wanted.sha256 and found.sha256 != wanted.sha256:
            return None
        return found

    def show(self, licence: str) -> LicenceText:
        entry, raw = self._catalogue.licences[licence], self.find_text(licence) or b""
        acceptance = self.acceptance(licence)
        return LicenceText(
            id=licence,
            **entry.model_dump(include={"name", "url", "commercial", "must_accept", "note"}),
            text=raw.decode("utf-8-sig", errors="replace"),
            sha256=hashlib.sha256(raw).hexdigest() if raw else None,
            accepted_at=acceptance.accepted_at if acceptance else None,
        )

    def accept(self, licence: str, sha256: str) -> Acceptance:
        """Hold that the text of this digest was read and accepted.

        Raises:
            LicenceNotAccepted: the text that is kept here is another one, and must be read.
        """
        shown = self.show(licence)
        if shown.sha256 != sha256:
            raise LicenceNotAccepted(
                f"what was accepted is not the text of {shown.name} that is kept here",
                licence=shown.name,
                expected=shown.sha256,
                found=sha256,
            )
        with exclusively(self._guard):
            acceptance = Acceptance(sha256=sha256, accepted_at=datetime.now(UTC))
            whole = _Accepted(licences={**self._read().licences, licence: acceptance})
            make_folder(self._folder)
            write_whole(self._accepted, whole.model_dump_json(indent=1).encode())
        return acceptance

    def check(self, model: str) -> None:
        """Return if the model's licence needs no consent or has it.

        Raises:
            LicenceNotAccepted: `licence`, `url` and `command` say what to read and how to accept it.
        """
        name = self._catalogue.model(model).licence
        licence = self._catalogue.licences[name]
        if licence.must_accept and self.acceptance(name) is None:
            raise LicenceNotAccepted(
                f"{model} comes under {licence.name}, which must be accepted first",
                model=model,
                licence=licence.name,
                url=licence.url,
                command=f"mien models licence {model} --accept",
            )

    def _read(self) -> _Accepted:
        try:
            return _Accepted.model_validate_json(self._accepted.read_bytes())
        except (FileNotFoundError, ValueError):
            return _Accepted()  # damaged or absent: asking once more is the safe side
