"""Admission: a job that could only fail later is refused now, and a full queue says when to come back."""

import asyncio
from pathlib import Path

import pytest

from mien_api.errors import QueueFull, UnknownBlob
from mien_core.errors import ImageTooLarge, InvalidImage, TooManyPictures, UnknownReference
from mien_daemon.access.clients import LOCAL, Client, Scope
from mien_daemon.jobs.job import JobRequest
from mien_testing.daemon import name_of, png
from mien_testing.jobs import JobRoom, open_jobs


@pytest.mark.parametrize(
    ("typical_s", "retry_after_s"), [(None, 10), (0.2, 1), (1.0, 1), (25.9, 25), (60.0, 60), (600.0, 60)]
)
async def test_a_full_queue_says_to_come_back_after_a_typical_job_within_a_minute(
    tmp_path: Path, typical_s: float | None, retry_after_s: int
) -> None:
    async with open_jobs(tmp_path, max_queued=1) as room:
        room.admission.require_room(LOCAL)
        await room.submit()
        if typical_s is not None:
            room.jobs.durations.learn("swap flux", {"generate": typical_s})
        with pytest.raises(QueueFull) as refused:
            room.admission.require_room(LOCAL)
        assert refused.value.fields == {"share": "queue", "queued": 1, "retry_after_s": retry_after_s}


async def test_each_picture_is_refused_by_the_name_of_its_field(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        good, missing = await room.put(), name_of(b"never sent")
        for target, reference, field in ((missing, good, "target"), (good, missing, "reference")):
            with pytest.raises(UnknownBlob) as refused:
                await room.admission.inspect(LOCAL, JobRequest("swap", target, ((reference,),), {}))
            assert refused.value.fields["field"] == field
        await room.admission.inspect(LOCAL, JobRequest("swap", good, ((good, "ref:ada"),), {}))


async def test_what_no_decoder_should_see_is_refused_by_the_name_of_its_field(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, max_pixels=1000) as room:
        good, broken, large = await room.put(), await room.put(b"not a picture"), await room.put(png(side=40))
        for bad, error in ((broken, InvalidImage), (large, ImageTooLarge)):
            for ask, field in (
                (JobRequest("swap", bad, ((good,),), {}), "target"),
                (JobRequest("swap", good, ((bad,),), {}), "reference"),
            ):
                with pytest.raises(error) as refused:
                    await room.admission.inspect(LOCAL, ask)
                assert refused.value.fields["field"] == field


async def test_a_face_that_is_not_in_the_library_is_refused(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        with pytest.raises(UnknownReference):
            await room.admission.inspect(LOCAL, JobRequest("swap", await room.put(), (("ref:ben",),), {}))


async def test_a_picture_that_a_face_is_found_by_is_refused_by_the_name_of_its_field(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        good, broken = await room.put(), await room.put(b"not a picture")
        for like, error in ((name_of(b"never sent"), UnknownBlob), (broken, InvalidImage)):
            ask = JobRequest("swap", good, (("ref:ada",),), {"faces": {"like": [good, like]}})
            with pytest.raises(error) as refused:
                await room.admission.inspect(LOCAL, ask)
            assert refused.value.fields["field"] == "faces"
        await room.admission.inspect(LOCAL, JobRequest("swap", good, (("ref:ada",),), {"faces": {"like": good}}))


async def test_what_the_library_has_of_a_person_counts_among_the_twenty(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        good, other = await room.put(), await room.put(png(side=9))
        await room.admission.inspect(LOCAL, JobRequest("swap", good, (("ref:cy", good), ("ref:cy",)), {}))
        with pytest.raises(TooManyPictures) as refused:
            await room.admission.inspect(LOCAL, JobRequest("swap", good, (("ref:cy", good, other),), {}))
        assert refused.value.fields == {"field": "reference", "found": 21, "limit": 20}


ADA, BEN, CARL, DAN = (Client(name, name, frozenset[Scope]({"swap"})) for name in ("ada", "ben", "carl", "dan"))
EVE = Client("eve", "eve", frozenset[Scope]({"admin"}))


async def fill(room: JobRoom, client: Client) -> QueueFull:
    """Submit until it is refused; the refusal."""
    while True:
        try:
            await room.submit(client=client)
        except QueueFull as refused:
            return refused


async def test_no_client_fills_the_queue_for_the_others(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, max_queued=20) as room:
        for client in (ADA, BEN, CARL):
            refused = await fill(room, client)
            assert (refused.fields["share"], refused.fields["queued"]) == ("client", 5)
        assert (await fill(room, EVE)).fields["share"] == "clients", "a token is no program of the person's"
        assert len(room.jobs.waiting) == 18
        assert (await fill(room, DAN)).fields["share"] == "clients"
        await room.submit(client=LOCAL)
        assert (await fill(room, LOCAL)).fields["share"] == "queue"
        assert len(room.jobs.waiting) == 20


async def test_many_jobs_that_are_sent_at_once_take_no_more_than_the_share(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, max_queued=20) as room:
        sent = await asyncio.gather(*(room.submit(client=ADA) for _ in range(12)), return_exceptions=True)
        assert sum(isinstance(each, QueueFull) for each in sent) == 7
        assert len(room.jobs.waiting) == 5


async def test_a_share_is_free_again_when_a_job_of_it_ends(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, max_queued=4) as room:
        job = await room.submit(client=ADA)
        assert (await fill(room, ADA)).fields["share"] == "client"
        await room.queue.cancel(ADA, job.id)
        await room.submit(client=ADA)
        with pytest.raises(QueueFull):
            await room.queue.retry(ADA, job.id)
