"""A stand-in for Ray, with the published names of what Mien uses of it (docs.ray.io, 2.60)."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

OURS = ("mien_cli.batch.cluster.ray_process", "mien_cli.batch.cluster.actors")


class StandInActor:
    """An actor handle: each method of the node has a `remote` that gives something to wait for."""

    def __init__(self, node: object) -> None:
        for name in ("describe", "begin", "swap", "hold", "render", "is_there", "close"):
            setattr(self, name, StandInMethod(getattr(node, name)))


class StandInMethod:
    def __init__(self, method: Callable[..., Awaitable[Any]]) -> None:
        self.remote = method


class StandInRay(ModuleType):
    """`nodes` are handed out as actors, in their order."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.waiting: list[object] = []

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True}] * len(self.waiting)

    def put(self, value: object) -> object:
        return value

    def remote(self, _kind: type) -> StandInRay:
        """`ray.remote(Node).options(...).remote(...)`; the last of the three makes the actor."""
        made = StandInRay()
        made.remote = lambda *_: StandInActor(self.waiting.pop(0))  # type: ignore[method-assign, assignment]
        return made

    def options(self, **_: object) -> StandInRay:
        return self


class RayError(Exception):
    pass


class RayActorError(RayError):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


def make_exceptions() -> ModuleType:
    module = ModuleType("ray.exceptions")
    for kind in (RayError, RayActorError, RayTaskError):
        setattr(module, kind.__name__, kind)
    return module


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInRay]:
    """The stand-in, with our modules that import Ray made anew on it."""
    made = StandInRay()
    monkeypatch.setitem(sys.modules, "ray", made)
    monkeypatch.setitem(sys.modules, "ray.exceptions", make_exceptions())
    before = {name: sys.modules.pop(name, None) for name in OURS}
    yield made
    for name, module in before.items():
        sys.modules.pop(name, None)
        if module is not None:
            sys.modules[name] = module


@pytest.fixture
def ray_process(ray: StandInRay) -> ModuleType:
    return import_module(OURS[0])


@pytest.fixture
def actors(ray: StandInRay) -> ModuleType:
    return import_module(OURS[1])
