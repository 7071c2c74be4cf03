"""A Ray cluster of two nodes with a token and TLS, beside which a command runs: `python -m mien_testing.ray_cluster`.

All of it has a network of its own with nothing in it but loopback, because Ray listens on every interface.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mien_cli.batch.cluster.loopback import enter_own_network

HEAD, CLIENTS = 6379, 10001
STORE_BYTES = 100 << 20
NODE = ("--node-ip-address", "127.0.0.1", "--num-cpus", "1", "--object-store-memory", str(STORE_BYTES), "--block")


@dataclass(frozen=True)
class Plan:
    """What is run.

    Attributes:
        command: what runs beside the cluster.
        folder: in memory, for what the cluster writes.
        models: the store's folder of each node.
        lost_after: a file: when it is there, the second node is killed.
    """

    command: Sequence[str]
    folder: str
    models: Sequence[str]
    lost_after: str = ""


def run(plan: Plan, environment: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run the plan in a process of its own, for a network cannot be left again; the command's output and status."""
    asked = [sys.executable, "-m", "mien_testing.ray_cluster", json.dumps(asdict(plan))]
    return subprocess.run(asked, env={**environment}, check=False, stdout=subprocess.PIPE)


def secure(folder: Path) -> dict[str, str]:
    """The variables of a cluster with a token and TLS, and the files that they name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(
        now + datetime.timedelta(days=1)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = builder.sign(key, hashes.SHA256())
    (folder / "tls.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "tls.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    (folder / "token").write_text(secrets.token_hex(24))
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
        "RAY_USE_TLS": "1",
        "RAY_TLS_SERVER_CERT": str(folder / "tls.crt"),
        "RAY_TLS_SERVER_KEY": str(folder / "tls.key"),
        "RAY_TLS_CA_CERT": str(folder / "tls.crt"),
        "RAY_USAGE_STATS_ENABLED": "0",
    }


@contextmanager
def started(words: Sequence[str], environment: Mapping[str, str]) -> Generator[psutil.Popen]:
    """A node that has joined the cluster; all of its processes have ended afterwards."""
    command = [str(Path(sys.executable).with_name("ray")), "start", *words, *NODE]
    node = psutil.Popen(command, env=dict(environment), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        if not any(b"Ray runtime started" in line for line in node.stdout):
            raise SystemExit("the node did not start")
        yield node
    finally:
        processes = list_all(node)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=60)


def list_all(node: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [node, *node.children(recursive=True)]
    return []


def until_open(port: int, node: psutil.Popen) -> None:
    while node.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit("the cluster ended")


def main(plan: Plan) -> int:
    """The command's exit status."""
    enter_own_network()
    folder = Path(plan.folder)
    own = {**os.environ, **secure(folder)}
    of_nodes = [
        {**own, "MIEN_STATE_DIR": str(folder / f"state-{at}"), "MIEN_MODELS_DIR": models}
        for at, models in enumerate(plan.models)
    ]
    head = ("--head", "--port", str(HEAD), "--ray-client-server-port", str(CLIENTS), "--include-dashboard", "false")
    with started((*head, "--temp-dir", plan.folder), of_nodes[0]) as first:
        until_open(CLIENTS, first)
        with started(("--address", f"127.0.0.1:{HEAD}"), of_nodes[1]) as second:
            return run_beside(plan, own, second)


def run_beside(plan: Plan, environment: Mapping[str, str], second: psutil.Process) -> int:
    with subprocess.Popen(plan.command, env=dict(environment)) as process:
        while plan.lost_after and process.poll() is None:
            if Path(plan.lost_after).exists():
                for each in list_all(second):
                    each.kill()
                break
            time.sleep(0.05)
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(Plan(**json.loads(sys.argv[1]))))
