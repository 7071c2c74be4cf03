"""Engines and the weight files that they need."""

from urllib.parse import quote

from mien_api.client.connection import Connection, Document


class Models(Connection):
    """What is installed. All methods raise as `request` does."""

    __slots__ = ()

    def list_engines(self) -> list[Document]:
        """Every engine: whether it fits this machine, what it lacks, the JSON schema of its options, its presets."""
        return list(self.request("GET", "/v1/engines")["engines"])

    def list_models(self) -> list[Document]:
        """Every model with its `state`, licence and files; needs scope `models`."""
        return list(self.request("GET", "/v1/models")["models"])

    def download_model(self, name: str) -> Document:
        """Begin to fetch a model; `events` tells how far it is. Needs scope `models`."""
        return self.request("POST", download_path(name))


def download_path(name: str) -> str:
    return f"/v1/models/{quote(name, safe='')}/download"
