"""The console as the daemon serves it: its own files under a strict policy, one code for one session, previews."""

import io
import json
import re
import struct
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from mien_api.errors import Unpaired
from mien_daemon import keys
from mien_daemon.access.clients import LOCAL, ClientRegistry
from mien_daemon.access.one_time_codes import CODE_S, OUTSTANDING, OneTimeCodes
from mien_daemon.pictures.preview_process import preview
from mien_daemon.routes.console import FOLDER, page_files
from mien_daemon.state.database import Database

MARKUP = re.compile(rb"\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval)\b")


def picture(width: int, height: int, mode: str = "RGB", kind: str = "png", **save: Any) -> bytes:
    made = io.BytesIO()
    PIL.Image.new(mode, (width, height)).save(made, kind, **save)
    return made.getvalue()


def size_of(data: bytes) -> tuple[int, int]:
    return PIL.Image.open(io.BytesIO(data)).size


# ── the files ──


async def test_the_page_needs_no_token_and_may_run_nothing_but_its_own_files(daemon: Any) -> None:
    answer = await daemon.ask("GET", "/", token=None)
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert {"frame-ancestors 'none'", "require-trusted-types-for 'script'"} <= set(policy.split("; "))
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_the_page_may_be_navigated_to_and_its_files_may_not(daemon: Any) -> None:
    by_hand = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
    assert (await daemon.ask("GET", "/", token=None, headers=by_hand)).status == 200
    assert (await daemon.ask("GET", "/console/main.js", token=None, headers=by_hand)).status == 403
    from_elsewhere = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"}
    assert (await daemon.ask("GET", "/", token=None, headers=from_elsewhere)).code == "foreign-origin"


async def test_a_file_the_browser_has_already_is_not_sent_again(daemon: Any) -> None:
    first = await daemon.ask("GET", "/console/main.js", token=None)
    assert first.headers["Content-Type"] == "text/javascript; charset=utf-8"
    again = await daemon.ask("GET", "/console/main.js", token=None, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/console/none.js", "/console/..%2Fapp.py", "/console/locales/%2e%2e", "/console/swap/..%2f..%2fkeys.py"]
)
async def test_nothing_but_the_pages_files_is_served(daemon: Any, path: str) -> None:
    assert (await daemon.ask("GET", path, token=None)).code in {"unknown-route", "unpaired"}


def test_every_file_of_the_folder_is_served_and_none_is_markup_from_elsewhere() -> None:
    files = page_files()
    assert set(files) == {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    page = files["index.html"].content.decode()
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page)
    assert "style=" not in page
    for name, file in files.items():
        if name.endswith(".js"):
            assert not MARKUP.search(file.content), name


def reached_from(name: str) -> set[str]:
    """A module and everything it imports, as paths of the page's folder."""
    found, waiting = set[str](), [name]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            source = page_files()[module].content.decode()
            folder = FOLDER / Path(module).parent
            paths = [(folder / path).resolve() for path in re.findall(r"from \"(\.[^\"]+)\"", source)]
            waiting.extend(path.relative_to(FOLDER).as_posix() for path in paths)
    return found


def test_the_first_view_is_asked_for_all_at_once() -> None:
    """Module by module, each import would be found only when the one before it has come."""
    page = page_files()["index.html"].content.decode()
    named = set(re.findall(r"(?:modulepreload\" href|module\" src)=\"/console/([^\"]+)\"", page))
    assert named == reached_from("main.js") | reached_from("swap/view.js")


# ── the code ──


async def invited(daemon: Any, **more: Any) -> str:
    answer = await daemon.ask("POST", "/v1/sessions", {}, **more)
    assert answer.status == 201
    assert answer.json["url"] == f"http://127.0.0.1:{daemon.port}/#code={answer.json['code']}"
    return str(answer.json["code"])


async def traded(daemon: Any, code: str) -> Any:
    return await daemon.ask("POST", "/v1/session", {"code": code}, token=None)


async def test_a_code_is_traded_once_for_a_session_bound_to_the_page(daemon: Any) -> None:
    code = await invited(daemon)
    session = await traded(daemon, code)
    assert session.status == 201
    assert session.json["scopes"] == ["admin", "local", "models", "swap"]
    assert (await traded(daemon, code)).code == "unpaired"
    token, own = session.json["token"], f"http://127.0.0.1:{daemon.port}"
    assert (await daemon.ask("GET", "/v1/jobs", token=token)).status == 200
    assert (await daemon.ask("GET", "/v1/jobs", token=token, headers={"Origin": own})).status == 200
    extension = {"Origin": f"chrome-extension://{'a' * 32}"}
    assert (await daemon.ask("GET", "/v1/jobs", token=token, headers=extension)).code == "foreign-origin"


async def test_a_page_may_do_what_its_opener_may_and_no_more(daemon: Any) -> None:
    assert (await daemon.ask("POST", "/v1/sessions", {}, token=await daemon.token("swap"))).code == "wrong-scope"
    session = await traded(daemon, await invited(daemon, token=await daemon.token("admin")))
    assert session.json["scopes"] == ["admin", "models", "swap"]
    window = await daemon.ask("GET", "/v1/pair/window", token=session.json["token"])
    assert window.code == "wrong-scope"


async def test_a_revoked_opener_takes_its_codes_and_its_pages_with_it(daemon: Any) -> None:
    token = await daemon.token("admin", "a helper")
    code, session = await invited(daemon, token=token), await traded(daemon, await invited(daemon, token=token))
    (client,) = daemon.app[keys.CLIENTS].list_all()
    await daemon.ask("DELETE", f"/v1/clients/{client.id}")
    assert (await traded(daemon, code)).code == "unpaired"
    assert (await daemon.ask("GET", "/v1/jobs", token=session.json["token"])).code == "unpaired"


@pytest.fixture
def invitations(tmp_path: Path) -> Any:
    database = Database(tmp_path)
    now = [0.0]
    yield OneTimeCodes(ClientRegistry(database, "token"), lambda: now[0]), now
    database.close()


def test_a_code_is_good_for_a_minute(invitations: Any) -> None:
    codes, now = invitations
    late = codes.issue(LOCAL)
    now[0] = CODE_S
    with pytest.raises(Unpaired):
        codes.redeem(late, "http://127.0.0.1:1")


def test_too_many_codes_push_out_the_oldest(invitations: Any) -> None:
    codes, _ = invitations
    issued = [codes.issue(LOCAL) for _ in range(OUTSTANDING + 1)]
    with pytest.raises(Unpaired):
        codes.redeem(issued[0], "http://127.0.0.1:1")
    assert codes.redeem(issued[-1], "http://127.0.0.1:1")[0] is LOCAL


# ── previews ──


async def test_a_preview_is_small_and_comes_while_a_swap_runs(daemon: Any) -> None:
    await daemon.until(await daemon.swap("gate=go"), "running")
    name = await daemon.put(picture(900, 600))
    answer = await daemon.ask("GET", f"/v1/blobs/{name}/preview?side=300")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert size_of(answer.body) == (300, 200)
    (daemon.state / "go").touch()


async def test_a_result_has_a_preview_and_a_job_without_one_says_why(daemon: Any) -> None:
    job = await daemon.finished(await daemon.swap())
    assert size_of((await daemon.ask("GET", f"/v1/jobs/{job['id']}/preview?side=16")).body) == (8, 8)
    failed = await daemon.finished(await daemon.swap("fail=no-face-found"))
    assert (await daemon.ask("GET", f"/v1/jobs/{failed['id']}/preview")).code == "job-finished"


async def test_another_clients_picture_has_no_preview(daemon: Any) -> None:
    name = await daemon.put(picture(20, 20))
    answer = await daemon.ask("GET", f"/v1/blobs/{name}/preview", token=await daemon.token("swap"))
    assert answer.code == "unknown-blob"


async def test_a_picture_that_breaks_half_way_is_refused_and_the_next_one_is_not(daemon: Any) -> None:
    broken = await daemon.put(picture(900, 600, kind="jpeg")[:-2000] + b"\xff\xd9")
    assert (await daemon.ask("GET", f"/v1/blobs/{broken}/preview")).status in {200, 415}
    whole = await daemon.put(picture(900, 600))
    assert (await daemon.ask("GET", f"/v1/blobs/{whole}/preview?side=90")).status == 200


async def test_a_killed_preview_process_costs_one_answer(daemon: Any) -> None:
    name = await daemon.put(picture(900, 600))
    assert (await daemon.ask("GET", f"/v1/blobs/{name}/preview?side=100")).status == 200
    previews = daemon.app[keys.PREVIEWS]
    previews._process.kill()
    await previews._process.wait()
    assert (await daemon.ask("GET", f"/v1/blobs/{name}/preview?side=110")).status == 200


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (picture(64, 32, "RGBA"), (16, 8)),
        (picture(64, 32, "LA"), (16, 8)),
        (picture(64, 32, "P"), (16, 8)),
        (picture(64, 32, "I;16"), (16, 8)),
        (picture(64, 32, "CMYK", "jpeg"), (16, 8)),
        (picture(64, 32, "L", "tiff"), (16, 8)),
        (picture(8, 4), (8, 4)),
    ],
    ids=["alpha", "grey alpha", "palette", "sixteen bits", "cmyk", "tiff", "smaller already"],
)
def test_whatever_is_read_is_shown(data: bytes, size: tuple[int, int]) -> None:
    assert size_of(preview(data, 16)) == size


def test_a_preview_is_upright() -> None:
    turned = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    assert size_of(preview(picture(64, 32, kind="jpeg", exif=turned), 32)) == (16, 32)


# ── what the page shows of the machine ──


async def test_the_machine_tells_its_room_and_the_engines_what_they_lack(daemon: Any) -> None:
    machine = (await daemon.ask("GET", "/v1/machine")).json
    assert {folder["purpose"] for folder in machine["folders"]} == {"state", "cache", "logs", "models"}
    assert all(folder["free_bytes"] is None or folder["free_bytes"] > 0 for folder in machine["folders"])
    engines = {engine["name"]: engine for engine in (await daemon.ask("GET", "/v1/engines")).json["engines"]}
    assert engines["mesh"]["state"] == "needs-models"
    assert "face-mesh" in engines["mesh"]["missing_models"]


async def test_waiting_jobs_say_their_place(daemon: Any) -> None:
    await daemon.until(await daemon.swap("gate=go"), "running")
    first, second = await daemon.swap(), await daemon.swap()
    assert first["position"] < second["position"]
    (daemon.state / "go").touch()
    assert (await daemon.finished(second))["position"] is None
    assert json.loads(json.dumps(first))["state"] == "queued"
