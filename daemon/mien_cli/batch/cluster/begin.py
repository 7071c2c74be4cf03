"""The first frame to the process that talks to Ray: what the run is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import BinaryIO

from pydantic import ConfigDict, StrictBool, TypeAdapter
from pydantic.dataclasses import dataclass

from mien_daemon.worker.messages import LENGTH, FilePath, body_length


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Begin:
    """A run on a cluster.

    Attributes:
        address: of a running cluster; "" for one that is started.
        models_dir, state_dir: this machine's folders; those of a cluster that is not our own are its nodes' affair.
        worker: "module:function" that makes the runtime on nodes of our own cluster.
        engine: whose models are compared before anything is sent.
        devices: of our own cluster, for each actor the variables that choose its device.
        references, likes: files, of each person and by which faces are chosen.
        consents: of each person, as `sealed.Job` says.
        folder: where our own cluster keeps its sockets and logs.
    """

    address: str
    models_dir: FilePath
    state_dir: FilePath
    worker: str
    engine: str
    devices: Sequence[Mapping[str, str]]
    references: Sequence[Sequence[FilePath]]
    likes: Sequence[FilePath]
    consents: Sequence[Mapping[str, str | StrictBool | None]]
    folder: FilePath = ""

    @property
    def is_own(self) -> bool:
        return not self.address


_BEGIN = TypeAdapter(Begin)


def encode_begin(begin: Begin) -> bytes:
    """The frame: four bytes of length, then JSON."""
    body = json.dumps(asdict(begin)).encode()
    return LENGTH.pack(len(body)) + body


def read_begin(pipe: BinaryIO) -> Begin:
    """Raises `ValueError` where it is something else."""
    return _BEGIN.validate_python(json.loads(pipe.read(body_length(pipe.read(LENGTH.size)))))
