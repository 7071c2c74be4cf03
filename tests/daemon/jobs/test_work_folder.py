"""A job's folder: opened references and the result lie in it, are the user's alone, and are gone with the job."""

import asyncio
import hashlib
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mien_core.errors import TooManyPictures, UnknownReference
from mien_core.files import write_whole
from mien_daemon.jobs.job import JobRequest
from mien_daemon.jobs.work_folder import MOST_PREVIEW_BYTES, WorkFolders
from mien_daemon.state import personal_data
from mien_daemon.worker.messages import PREVIEW, Finished
from mien_testing.jobs import SEALED, FakeReferences, make_job
from mien_testing.stand_in import returning


@dataclass(frozen=True)
class Disk:
    free: int


class Pictures:
    def path(self, digest: str) -> Path:
        return Path("/pictures") / digest

    async def is_intact(self, digest: str) -> bool:
        return digest != "f" * 64


@pytest.fixture(params=["memory", "disk"])
def private(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where opened references lie: a folder in memory, or the spool where there is none."""
    memory = tmp_path / "memory" / "mien"
    memory.parent.mkdir()
    monkeypatch.setattr(personal_data, "memory_folder", returning(memory if request.param == "memory" else None))
    monkeypatch.setattr(personal_data, "MEMORY_BYTES", 1)
    return memory if request.param == "memory" else tmp_path / "spool"


@pytest.fixture
def folders(private: Path, tmp_path: Path) -> WorkFolders:
    assert private
    return WorkFolders(tmp_path, Pictures(), FakeReferences())


def finished(data: bytes) -> Finished:
    return Finished("a", {}, "image/png", hashlib.sha256(data).hexdigest())


def listing(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def content(path: Path) -> bytes:
    return path.read_bytes()


def is_the_users_alone(path: Path) -> bool:
    return path.stat().st_mode & 0o077 == 0


async def test_an_executor_is_told_where_everything_lies(folders: WorkFolders, private: Path, tmp_path: Path) -> None:
    job = make_job("a")
    ask = JobRequest("swap", job.ask.target, ((job.ask.references[0][0], "ref:ada"),), {"seed": 1})
    async with folders.open("a") as folder:
        work = await folder.prepare(replace(job, ask=ask))
        assert (work.id, work.kind, work.options) == ("a", "swap", {"seed": 1})
        assert work.target == f"/pictures/{'0' * 64}"
        assert work.references[0][0] == f"/pictures/{'1' * 64}"
        opened = Path(work.references[0][1])
        assert content(opened) == SEALED
        assert private in opened.parents
        assert work.output == str(folder.result)
        assert folder.result.parent == tmp_path / "spool" / "a"
        for path in (tmp_path / "spool", folder.result.parent, opened.parent, opened):
            assert is_the_users_alone(path)
    assert listing(tmp_path / "spool") == listing(private) == []


async def test_several_references_of_the_library_are_several_files(folders: WorkFolders) -> None:
    job = make_job("a")
    async with folders.open("a") as folder:
        work = await folder.prepare(replace(job, ask=replace(job.ask, references=(("ref:ada",), ("ref:ada",)))))
        assert len({path for person in work.references for path in person}) == 2


async def test_an_executor_gets_every_picture_of_a_person_in_the_order_asked_for(folders: WorkFolders) -> None:
    job = make_job("a")
    sent = "sha256:" + "1" * 64
    ask = replace(job.ask, references=(("ref:cy", sent), (sent, "ref:ada", sent)), options={"faces": {"like": sent}})
    async with folders.open("a") as folder:
        work = await folder.prepare(replace(job, ask=ask))
        assert [len(person) for person in work.references] == [20, 3]
        assert len({path for person in work.references for path in person}) == 21
        assert work.references[0][-1] == work.references[1][0] == work.references[1][2] == f"/pictures/{'1' * 64}"
        assert work.likes == [f"/pictures/{'1' * 64}"]


async def test_a_picture_that_was_left_out_is_named_as_the_client_knows_it(folders: WorkFolders) -> None:
    job, sent = make_job("a"), "sha256:" + "1" * 64
    left_out = [{"picture": 2, "why": "other-person", "reference": 0}, {"picture": 0, "why": "x", "reference": 1}]
    async with folders.open("a") as folder:
        await folder.prepare(replace(job, ask=replace(job.ask, references=((sent, "ref:cy"), (sent,)))))
        told = folder.name_left_out({"engine": "mesh", "left_out": left_out})
        assert told == {
            "engine": "mesh",
            "left_out": [{**left_out[0], "name": "ref:cy/p1"}, {**left_out[1], "name": sent}],
        }
        assert folder.name_left_out({"engine": "mesh"}) == {"engine": "mesh"}


async def test_a_person_who_got_too_many_pictures_meanwhile_is_refused(folders: WorkFolders, private: Path) -> None:
    job = make_job("a")
    people = (("ref:cy", "sha256:" + "1" * 64, "sha256:" + "2" * 64),)
    with pytest.raises(TooManyPictures):
        async with folders.open("a") as folder:
            await folder.prepare(replace(job, ask=replace(job.ask, references=people)))
    assert listing(private) == []


async def test_a_picture_for_which_memory_has_no_room_is_opened_on_the_disk(
    folders: WorkFolders, private: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the user's alone there too, and gone with the job."""
    monkeypatch.setattr("mien_daemon.jobs.work_folder.shutil.disk_usage", returning(Disk(0)))
    async with folders.open("a") as folder:
        job = make_job("a")
        work = await folder.prepare(replace(job, ask=replace(job.ask, references=(("ref:ada",),))))
        opened = Path(work.references[0][0])
        assert (content(opened), opened.parent) == (SEALED, tmp_path / "spool" / "a")
        assert is_the_users_alone(opened)
    assert listing(tmp_path / "spool") == listing(private) == []


async def test_what_the_library_no_longer_opens_is_refused_and_leaves_nothing(
    folders: WorkFolders, private: Path
) -> None:
    job = make_job("a")
    with pytest.raises(UnknownReference):
        async with folders.open("a") as folder:
            await folder.prepare(replace(job, ask=replace(job.ask, references=(("ref:ada",), ("ref:ben",)))))
    assert listing(private) == []


async def test_a_result_must_be_there_and_be_what_the_executor_says(folders: WorkFolders) -> None:
    async with folders.open("a") as folder:
        await folder.prepare(make_job("a"))
        with pytest.raises(FileNotFoundError):
            await folder.check(finished(b"picture"))
        folder.result.write_bytes(b"picture")
        await folder.check(finished(b"picture"))
        with pytest.raises(ValueError, match="result"):
            await folder.check(finished(b"another"))


async def test_what_a_crash_left_is_swept_away(folders: WorkFolders, private: Path, tmp_path: Path) -> None:
    for root in {private, tmp_path / "spool"}:
        (root / "job").mkdir()
        (root / "job" / "reference0").write_bytes(SEALED)
        (root / "job.reference0").write_bytes(SEALED)
    await folders.sweep()
    assert listing(tmp_path / "spool") == listing(private) == []


async def test_the_folder_in_memory_goes_with_the_daemon_and_the_spool_stays(
    folders: WorkFolders, private: Path, tmp_path: Path
) -> None:
    folders.close()
    assert (tmp_path / "spool").exists()
    assert (private in listing(private.parent)) == (private == tmp_path / "spool")


async def test_a_folder_that_cannot_be_deleted_hinders_no_job(
    folders: WorkFolders, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError("busy")

    async with folders.open("a") as folder:
        await folder.prepare(make_job("a"))
        monkeypatch.setattr("mien_daemon.jobs.work_folder.remove_at_last", refuse)
    assert "could not be deleted" in caplog.text


async def test_a_job_that_is_interrupted_while_its_reference_is_opened_leaves_nothing(
    folders: WorkFolders, private: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def write_slowly(path: Path, data: bytes, mode: int) -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(20)
        write_whole(path, data, mode)

    monkeypatch.setattr("mien_daemon.jobs.work_folder.write_whole", write_slowly)

    async def run() -> None:
        job = make_job("a")
        async with folders.open("a") as folder:
            await folder.prepare(replace(job, ask=replace(job.ask, references=(("ref:ada",),))))

    running = asyncio.create_task(run())
    await begun.wait()
    running.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert listing(tmp_path / "spool") == listing(private) == []


async def test_the_picture_of_a_step_lies_beside_the_result_and_a_large_one_is_not_read(
    folders: WorkFolders, tmp_path: Path
) -> None:
    assert await folders.step_preview("a-job") is None
    folder = tmp_path / "spool" / "a-job"
    folder.mkdir(parents=True)
    (folder / PREVIEW).write_bytes(b"a picture")
    assert await folders.step_preview("a-job") == b"a picture"
    (folder / PREVIEW).write_bytes(bytes(MOST_PREVIEW_BYTES + 1))
    assert await folders.step_preview("a-job") is None
