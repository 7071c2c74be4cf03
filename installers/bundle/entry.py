"""The frozen program: `mien`, and the worker that the daemon starts by the same executable."""

import sys


def main() -> int:
    if sys.argv[1:2] == ["worker-process"]:
        from mien_daemon.worker.runner import main as work

        work()
        return 0
    from mien_cli.main import main as command

    return command()


if __name__ == "__main__":
    sys.exit(main())
