"""A deadline counts the time in which this process ran: after a stop or a sleep nothing is late that slept too."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from mien_daemon.running_time import timeout_while_running, turn_s

pytestmark = pytest.mark.slow


async def test_what_takes_too_long_is_ended() -> None:
    with pytest.raises(TimeoutError):
        async with timeout_while_running(0.05):
            await asyncio.Event().wait()


async def test_what_is_in_time_is_left_alone_and_so_is_what_follows() -> None:
    async with timeout_while_running(0.02):
        pass
    await asyncio.sleep(0.1)


async def test_an_error_of_the_block_and_a_cancel_pass_as_they_are() -> None:
    with pytest.raises(ZeroDivisionError):
        async with timeout_while_running(20):
            raise ZeroDivisionError
    task = asyncio.create_task(_wait_for_ever())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _wait_for_ever() -> None:
    async with timeout_while_running(60):
        await asyncio.Event().wait()


async def test_a_loop_that_was_held_longer_than_the_deadline_has_lost_one_turn_of_it() -> None:
    async with timeout_while_running(5.0):
        time.sleep(5.5)  # noqa: ASYNC251 that is what holds it
        await asyncio.sleep(turn_s(5.0))


def test_a_process_that_was_stopped_longer_than_the_deadline_goes_on() -> None:
    code = """
import asyncio, sys
from mien_daemon.running_time import timeout_while_running
async def main():
    async with timeout_while_running(4.0):
        print("begun", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    print("in time")
asyncio.run(main())
"""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdin
        assert child.stdout
        assert child.stdout.readline() == "begun\n"
        os.kill(child.pid, signal.SIGSTOP)
        time.sleep(4.5)
        child.stdin.write("\n")
        child.stdin.flush()
        os.kill(child.pid, signal.SIGCONT)
        assert child.stdout.read() == "in time\n"
