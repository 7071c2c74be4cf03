"""`mien doctor`: what is installed, missing or misconfigured; what is stored where; recent connections."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping
    from pathlib import Path

    from mien_api.folders import Folders
    from mien_core.cage.attempts import Found
    from mien_core.cage.walls import Wall
    from mien_models.store import ModelStore

# What Mien imports itself; these bring the rest.
LIBRARIES = ("aiohttp", "c2pa-python", "cryptography", "keyring", "numpy", "opencv-python-headless", "pillow")
OPTIONAL = ("torch", "diffusers", "transformers", "insightface", "onnxruntime", "pillow-heif", "pystray", "ray")
CLIENT = "mien-client"  # holds files that Mien's own wheel has too
CAGE_STATES = {"on": "closed, tried", "off": "open", "not-here": "not on this system"}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="compare the files and rows of the state folder instead")
    parser.add_argument(
        "--repair", action="store_true", help="with --check, mend what is found; nothing that a person made is deleted"
    )
    parser.add_argument(
        "--check-updates", action="store_true", help="ask the package index, this once, for a newer Mien instead"
    )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    if args.check or args.repair:
        from mien_cli.state_check import check_state

        return check_state(args)
    if args.check_updates:
        return check_updates(args)
    from mien_cli.in_process import load_config, open_store
    from mien_cli.output import print_answer
    from mien_core.version import product_version
    from mien_daemon.state.personal_data import find_personal_data
    from mien_pipeline.device import device_name
    from mien_pipeline.engines.readiness import describe
    from mien_pipeline.engines.registry import ENGINES

    folders, store, device = load_config(args).folders, open_store(args), device_name()
    found: dict[str, Any] = {
        "version": product_version(),
        "platform": describe_platform(),
        "libraries": read_versions(LIBRARIES),
        "optional_libraries": read_versions(OPTIONAL),
        "client_beside": read_versions((CLIENT,))[CLIENT],
        "device": device,
        "engines": {entry.name: describe(entry, store, device)["state"] for entry in ENGINES.values()},
        "models": {"missing": list(store.missing(["starter"])), "unverified": list(store.unverified())},
        "folders": measure_folders(folders),
        "stored": [
            {"what": each.what, "path": str(each.path), "files": each.files, "bytes": each.bytes}
            for each in find_personal_data(folders)
        ],
        "daemon": ask_daemon(folders.state),
        "keyring": describe_keyring(folders.state),
        "cage": try_cage(store),
        "connections": list_connections(store),
    }
    found["problems"] = find_problems(found)
    return print_answer(args, found, to_text(found))


def check_updates(args: Namespace) -> int:
    """Say whether the package indexes of pip and uv have a newer release; nothing is installed.

    Raises:
        Offline: the network is switched off.
        DownloadFailed: an index could not be asked.
    """
    from packaging.version import Version

    from mien_cli.in_process import load_config
    from mien_cli.output import print_answer
    from mien_core.errors import Offline
    from mien_core.version import product_version
    from mien_models.local.egress_log import EgressLog
    from mien_models.remote.network import Network
    from mien_models.remote.releases import find_newest

    config = load_config(args)
    if config.settings.offline:
        raise Offline("whether there is a newer Mien cannot be asked: the network is switched off")
    own = product_version()
    newest = find_newest(Network(), EgressLog(config.folders.models / "egress.log"))
    newer = newest is not None and Version(newest) > Version(own)
    said = f"Mien {newest} is there; this is {own}." if newer else f"This is Mien {own}, the newest that the index has."
    if newest is None:
        said = f"This is Mien {own}. No package index that is set up here has Mien."
    return print_answer(args, {"version": own, "newest": newest, "newer": newer}, said)


def describe_platform() -> str:
    import platform

    return f"Python {platform.python_version()} on {platform.system()} {platform.release()} ({platform.machine()})"


def read_versions(names: tuple[str, ...]) -> dict[str, str | None]:
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def measure_folders(folders: Folders) -> dict[str, dict[str, Any]]:
    """Each folder's path and size."""
    return {
        name: {"path": str(path), "bytes": measure_folder(path)}
        for name, path in (
            ("state", folders.state),
            ("cache", folders.cache),
            ("logs", folders.logs),
            ("models", folders.models),
        )
    }


def measure_folder(folder: Path) -> int:
    """Bytes below a folder; a file that has several names counts once."""
    seen: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            seen[status.st_dev, status.st_ino] = status.st_size
    return sum(seen.values())


def ask_daemon(state: Path) -> dict[str, Any]:
    from mien_api.client import DaemonClient
    from mien_core.errors import MienError

    daemon = DaemonClient.discover(state)
    if daemon is None:
        return {"running": False}
    try:
        return {"running": True, "port": daemon.port, **daemon.request("GET", "/v1/health")}
    except MienError as error:
        return {"running": True, "port": daemon.port, "problem": str(error)}


def describe_keyring(state: Path) -> dict[str, Any]:
    """The secret store and the names of our keys, which are in it or in files that only this user can read."""
    import keyring

    from mien_core.key_store import KeyStore

    keys, backend = KeyStore(state), keyring.get_keyring()
    return {"backend": type(backend).__module__, "usable": keys.place == "secret-store", "keys": keys.names}


def try_cage(store: ModelStore) -> Mapping[Wall, Found]:
    """Each wall of the cage around what decodes pictures, as a process inside found it."""
    from mien_core.cage.attempts import check
    from mien_core.errors import MarkingFailed
    from mien_pipeline.trust.time_stamp import time_stamp_url

    try:
        web = not store.offline and time_stamp_url() is not None
    except MarkingFailed:
        web = False
    return check(web=web)


def list_connections(store: ModelStore) -> list[dict[str, str]]:
    """The last connections to other machines: downloads of models, and nodes of a Ray cluster."""
    from dataclasses import asdict

    return [asdict(connection) for connection in store.connections()]


def find_problems(found: dict[str, Any]) -> list[str]:
    """What a person may want to mend, as sentences."""
    sentences: list[str] = []
    if absent := [name for name, version in found["libraries"].items() if version is None]:
        sentences.append(f"Libraries are missing: {', '.join(absent)}. Install Mien again.")
    if found["client_beside"]:
        sentences.append(
            f"{CLIENT} is installed beside Mien, which has its files: uninstall it, then install Mien again."
        )
    if missing := found["models"]["missing"]:
        sentences.append(f"Models are missing: {', '.join(missing)}. They come with `mien models pull starter`.")
    if unverified := found["models"]["unverified"]:
        sentences.append(
            f"Unverified models: {', '.join(unverified)}. No source has vouched for them; `mien models pull` asks."
        )
    if not found["keyring"]["usable"]:
        sentences.append("There is no secret store, so keys lie in files that only this user can read.")
    if off := [wall for wall, tried in found["cage"].items() if tried["state"] == "off"]:
        sentences.append(f"The cage around pictures is open: {', '.join(off)}.")
    if found["daemon"].get("problem"):
        sentences.append(f"The daemon does not answer: {found['daemon']['problem']}.")
    return sentences


def to_text(found: dict[str, Any]) -> str:
    lines = [f"Mien {found['version']}, {found['platform']}, device {found['device']}"]
    lines += [f"{name}: {folder['path']} ({folder['bytes'] / 1e6:.1f} MB)" for name, folder in found["folders"].items()]
    lines += [f"stored: {each['what']} ({each['bytes'] / 1e6:.1f} MB): {each['path']}" for each in found["stored"]]
    lines += [f"engine {name}: {state}" for name, state in found["engines"].items()]
    running = found["daemon"]["running"]
    lines.append(f"daemon: {'running on port ' + str(found['daemon']['port']) if running else 'not running'}")
    lines.append(f"secret store: {found['keyring']['backend'] if found['keyring']['usable'] else 'none'}")
    lines += [f"key: {name}" for name in found["keyring"]["keys"]]
    lines += [
        f"cage, {wall}: {CAGE_STATES[tried['state']]}" + (f" ({tried['why']})" if tried["why"] else "")
        for wall, tried in found["cage"].items()
    ]
    lines += [f"connection: {each['at']} {each['host']} for {each['model']}" for each in found["connections"]]
    lines += found["problems"] or ["Nothing is wrong."]
    return "\n".join(lines)
