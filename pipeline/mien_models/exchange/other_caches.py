"""Files that other programs have fetched already: found by name or size, trusted by digest, linked and not copied."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mien_models.catalogue.entries import HuggingFaceSource, ModelFile
from mien_models.local.digests import FileDigest


def hub_cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Where huggingface_hub keeps what it fetches: its own rules, in its own order."""
    if own := environ.get("HF_HUB_CACHE"):
        return Path(own)
    home = environ.get("HF_HOME")
    return (Path(home) if home else Path.home() / ".cache/huggingface") / "hub"


def find_in_hub_cache(
    cache: Path, source: HuggingFaceSource, revision: str | None, file: ModelFile, digest: FileDigest
) -> Path | None:
    """The file in huggingface_hub's cache, if one of the right size is there. Its digest is not checked here."""
    repository = cache / f"models--{source.repository.replace('/', '--')}"
    candidates = [repository / "blobs" / digest.sha256]  # large files are kept under their own sha256
    if revision:
        candidates.append(repository / "snapshots" / revision / file.source_path)
    return next((path for path in candidates if _has_size(path, digest.size)), None)


def files_of_size(folder: Path, sizes: Sequence[int]) -> Iterator[Path]:
    """Every file below `folder` with one of these sizes, links followed; each inode once."""
    wanted, seen = set(sizes), set[tuple[int, int]]()
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(parent) / name
            try:
                found = path.stat()
            except OSError:
                continue
            if found.st_size in wanted and path.is_file() and (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                yield path


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size
    except OSError:
        return False
