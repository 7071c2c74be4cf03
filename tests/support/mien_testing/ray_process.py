"""In place of the process that talks to Ray: it answers each picture as its name in the options says."""

import os
from pathlib import Path

from mien_cli.batch.cluster.begin import read_begin
from mien_core.errors import ClusterRefused
from mien_daemon.worker.messages import Failed, Finished, Ready, RunJob, read
from mien_daemon.worker.runner import take_standard_streams

ORDER = "seed"
DIE, REFUSE, STAY = 1, 2, 3


def main() -> None:
    incoming, pipe = take_standard_streams()
    begin = read_begin(incoming)
    Path(begin.folder, "socket").touch()
    pipe.send(Ready())
    while isinstance(work := read(incoming), RunJob):
        order = work.options.get(ORDER)
        if order == DIE:
            os._exit(9)
        if order == REFUSE:
            refused = ClusterRefused("another node has other files", reason="digests")
            pipe.send(Failed("", refused.code, str(refused), refused.fields))
            return
        if order != STAY:
            made = Path(work.target).read_bytes() + b"made"
            Path(work.output).write_bytes(made)
            pipe.send(Finished(work.id, {"provenance": {"watermark": "weak"}}, "image/png", "0"))


if __name__ == "__main__":
    main()
