"""Weight files at their published size without a value in them: real headers, and holes of the file system behind.

They take no room where the file system has holes, are read by the readers of real files, and read as zeros.
"""

import json
import shutil
from math import prod
from pathlib import Path
from typing import Any

from mien_core.errors import DiskFull
from mien_pipeline.engines.diffusion.manifest import Shapes

# Where a file system has no holes: bytes that stay free beside the files, as the model store leaves them.
LEFT_FREE = 5 << 30
_PROBE_BYTES = 64 << 20
# GGUF's Q4_0: two bytes of scale and 16 of values for 32 numbers of a row.
Q4_VALUES, Q4_BYTES = 32, 18


def require_room(folder: Path, needed_bytes: int) -> None:
    """Return where files of so many bytes may be written: they are holes, or there is room for them.

    Raises:
        DiskFull: `needed_bytes` and `free_bytes` say how much, `folder` where.
    """
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if not has_holes(folder) and free < needed_bytes + LEFT_FREE:
        raise DiskFull(
            f"{folder} keeps no holes, so that weight files take {needed_bytes / (1 << 30):.1f} GiB there; "
            f"{free / (1 << 30):.1f} GiB are free",
            folder=str(folder),
            needed_bytes=needed_bytes + LEFT_FREE,
            free_bytes=free,
        )


def has_holes(folder: Path) -> bool:
    """Whether the file system of a folder keeps a hole without room for it."""
    path = folder / "hole"
    try:
        with path.open("wb") as file:
            file.truncate(_PROBE_BYTES)
        # In units of 512 bytes; Windows does not say.
        return int(getattr(path.stat(), "st_blocks", _PROBE_BYTES)) * 512 < _PROBE_BYTES // 2
    except OSError:
        return False
    finally:
        path.unlink(missing_ok=True)


def write_sparse(path: Path, shapes: Shapes) -> Path:
    """A safetensors file in bfloat16 whose values are a hole."""
    header: dict[str, object] = {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [begin, end]}
    written = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(written).to_bytes(8, "little") + written)
        file.truncate(8 + len(written) + end)
    return path


def write_sparse_gguf(path: Path, shapes: Shapes) -> Path:
    """A GGUF file whose values are a hole: Q4_0 where a row is whole blocks of 32, as published; else float32."""
    import gguf
    import numpy as np

    writer: Any = gguf.GGUFWriter(path, "flux")
    kinds: Any = gguf.GGMLQuantizationType
    size = 0
    for name, shape in shapes.items():
        packed = len(shape) == 2 and shape[1] % Q4_VALUES == 0
        count = prod(shape)
        taken = count // Q4_VALUES * Q4_BYTES if packed else 4 * count
        stored = (shape[0], shape[1] // Q4_VALUES * Q4_BYTES) if packed else shape
        writer.add_tensor_info(
            name,
            stored,
            np.dtype(np.uint8 if packed else np.float32),
            taken,
            raw_dtype=kinds.Q4_0 if packed else kinds.F32,
        )
        size += -(-taken // writer.data_alignment) * writer.data_alignment
    for end in ("write_header_to_file", "write_kv_data_to_file", "write_ti_data_to_file", "close"):
        getattr(writer, end)()
    with path.open("ab") as file:
        begin = -(-file.tell() // writer.data_alignment) * writer.data_alignment
        file.truncate(begin + size)
    return path
