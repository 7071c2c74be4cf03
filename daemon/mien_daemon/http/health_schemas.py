"""The answers about the daemon itself: what it is and how it does."""

from typing import Literal

from pydantic import Field

from mien_daemon.http.schemas import Answer
from mien_daemon.worker.supervisor import State as WorkerState


class Hello(Answer):
    name: Literal["mien"] = "mien"
    api: Literal[1] = 1


class QueueCounts(Answer):
    queued: int
    running: int
    paused: bool


class WorkerHealth(Answer):
    state: WorkerState
    pid: int | None
    device: str = Field(description="Where it computes.", examples=["cpu", "cuda:1"])
    engine: str | None = Field(description="The engine in its memory.")
    deaths: int = Field(description="In the last five minutes; three make the daemon degraded until they are over.")


class Limits(Answer):
    max_blob_bytes: int
    max_clip_bytes: int = Field(description="Of a clip; its first bytes say that it is one.")
    max_pixels: int
    max_queued: int


class Health(Answer):
    version: str
    device: str = Field(description="Where engines that can use an accelerator run: cuda, rocm, mps, xpu or cpu.")
    engine: str | None = Field(description="The engine in that worker's memory.")
    queue: QueueCounts
    worker: WorkerHealth = Field(description="The one that tells most; degraded only when all are.")
    workers: list[WorkerHealth] = Field(description="One a device.")
    limits: Limits
    degraded: bool = Field(description="Jobs wait: every worker died too often.")
    notices: list[str] = Field(
        description="What a person should know, such as a damaged database that was moved aside."
    )
