"""`mien serve`: run the daemon in this terminal, or in the background."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Coroutine

    from mien_api.runtime_file import RuntimeFile
    from mien_daemon.config import Config

    Serve = Callable[[Config, Callable[[RuntimeFile], object]], Coroutine[object, object, None]]

DESCRIPTION = "Run the daemon on 127.0.0.1."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=parse_port, metavar="N", help="0 picks a free one (default: 6436)")
    parser.add_argument("--foreground", action="store_true", help="stay in this terminal and log to stderr")
    parser.set_defaults(run=run)


def parse_port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def run(args: Namespace) -> int:
    from mien_daemon.config import Config

    flags = {"port": args.port, "offline": args.offline or None}
    config = Config.load(flags, state_dir=args.state_dir, models_dir=args.models_dir)
    return serve_here(args, config) if args.foreground else serve_behind(args, config)


def serve_here(args: Namespace, config: Config) -> int:
    import asyncio

    from mien_api.folders import DAEMON_LOG
    from mien_core.redaction import log_to
    from mien_daemon.log import BoundedLog

    serve = load_server()
    log_to(BoundedLog(config.folders.logs / DAEMON_LOG))
    # Without --json the log says it on stderr, and stdout stays empty.
    asyncio.run(serve(config, lambda started: announce(args, started, config) if args.json else None))
    return 0


def announce(args: Namespace, started: RuntimeFile, config: Config) -> int:
    """Print where the daemon listens, without its token."""
    import sys

    from mien_cli.output import print_answer

    document = {
        "port": started.port,
        "pid": started.pid,
        "version": started.version,
        "state_dir": str(config.folders.state),
    }
    status = print_answer(args, document, f"Mien listens on http://127.0.0.1:{started.port} (process {started.pid})")
    sys.stdout.flush()
    return status


def load_server() -> Serve:
    """Everything the front process is made of, in half the time.

    Importing makes no garbage, so none is looked for meanwhile, and what was imported is never looked through again.
    aiohttp's client, which the front never is, reads every root certificate of the system when it is imported.
    """
    import gc
    import os

    unset = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
    before = {name: os.environ.get(name) for name in unset}
    gc.disable()
    os.environ.update(unset)
    try:
        from mien_daemon.server import serve
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        gc.freeze()
        gc.enable()
    return serve


def serve_behind(args: Namespace, config: Config) -> int:
    """Start a daemon that outlives this terminal, and return when it is ready."""
    from mien_api.start_daemon import start_daemon

    flags = [f"--port={config.settings.port}"] if config.sources.get("port") == "flag" else []
    flags += ["--offline"] if config.sources.get("offline") == "flag" else []
    return announce(args, start_daemon(config.folders, flags), config)
