"""Where `--on` has a run done, and what must be so before anything is sent there."""

from __future__ import annotations

import os
import re
from argparse import ArgumentTypeError
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mien_core.errors import ClusterRefused, Offline

LOCAL = "ray"
COMMAND = 'pip install "mien[ray]"'
_ADDRESS = re.compile(r"ray://([^/:@\s]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})")
# What Ray itself reads: docs.ray.io, "Ray security", of 2.60.
TLS_FILES = ("RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT")
TOKEN = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Ray cluster: `address` is that of a running one, "" for one that the run starts and stops."""

    address: str = ""

    @property
    def is_own(self) -> bool:
        return not self.address


def parse_cluster(text: str) -> Cluster:
    """`ray` or `ray://HOST:PORT`; argparse says what is wrong with anything else."""
    if text == LOCAL:
        return Cluster()
    found = _ADDRESS.fullmatch(text)
    if not found or not 0 < int(found[2]) < 1 << 16:
        raise ArgumentTypeError(f"{text!r} is neither ray nor ray://HOST:PORT")
    return Cluster(text)


def require_allowed(cluster: Cluster, *, offline: bool, environ: Mapping[str, str] | None = None) -> None:
    """Return if a run may be done there, as far as this machine can tell.

    Raises:
        Offline: the person has switched the network off, and a cluster is one.
        ClusterRefused: `reason` is "ray-missing", "token" or "tls"; `variable` names what is not set.
    """
    environ = os.environ if environ is None else environ
    if offline:
        raise Offline("a cluster is a network, and the network is switched off")
    if find_spec("ray") is None:
        raise ClusterRefused("Ray is not installed", reason="ray-missing", command=COMMAND)
    if cluster.is_own:
        return
    if environ.get("RAY_AUTH_MODE", "").lower() != "token" or not any(environ.get(name) for name in TOKEN):
        raise ClusterRefused("no token is set for the cluster", reason="token", variable="RAY_AUTH_MODE, " + TOKEN[0])
    if environ.get("RAY_USE_TLS", "").lower() not in {"1", "true"}:
        raise ClusterRefused("TLS is not switched on for the cluster", reason="tls", variable="RAY_USE_TLS")
    for name in TLS_FILES:
        if not Path(environ.get(name, "")).is_file():
            raise ClusterRefused(f"{name} names no file", reason="tls", variable=name)
