"""What an exported folder says that it holds."""

from pydantic import BaseModel

from mien_models.catalogue.entries import Name, RelativePath
from mien_models.local.digests import FileDigest

MANIFEST = "mien-models.json"


class ExportedModel(BaseModel, frozen=True):
    """One model of an exported folder. What it says of a file is a claim: any program can write it."""

    version: str
    files: dict[RelativePath, FileDigest]


class Manifest(BaseModel, frozen=True):
    format: int = 1
    models: dict[Name, ExportedModel] = {}
