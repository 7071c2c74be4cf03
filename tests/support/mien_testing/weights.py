"""A catalogue of made-up weight files in a folder of this machine."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from mien_models.catalogue.entries import Catalogue


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def link_models(root: Path, to: Path, *ignored: str) -> None:
    """Make a models folder of links to the files of another, to which others may write meanwhile.

    What has a hidden name there is a lock, or a file on its way to its place: it may be gone by then.
    """
    ignore = shutil.ignore_patterns(".*", *ignored)
    shutil.copytree(root, to, copy_function=os.link, dirs_exist_ok=True, ignore=ignore)


def local_catalogue(
    folder: Path, models: Mapping[str, Mapping[str, bytes]], *, with_digests: bool = True, **licence: object
) -> Catalogue:
    """Models by name, each with its files by path; the files are written to `folder`, which is their source."""

    def file(path: str, content: bytes) -> dict[str, object]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        known = {"size": len(content), "sha256": sha256_hex(content)} if with_digests else {}
        return {"path": path, "format": "dlib", **known}

    return Catalogue.model_validate(
        {
            "licences": {"free": {"name": "Free", "url": "https://example.org/", "commercial": True, **licence}},
            "models": {
                name: {
                    "title": name.title(),
                    "version": "1",
                    "licence": "free",
                    "source": {"kind": "local", "folder": str(folder)},
                    "files": [file(path, content) for path, content in files.items()],
                }
                for name, files in models.items()
            },
        }
    )
