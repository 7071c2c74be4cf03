"""Every engine is listed with its options, and with what it lacks."""

import asyncio
from typing import Any

import pytest

from mien_daemon import keys
from mien_pipeline.engines.registry import ENGINES


async def test_an_engine_without_its_models_names_them(empty_daemon: Any) -> None:
    engines = {engine["name"]: engine for engine in (await empty_daemon.ask("GET", "/v1/engines")).json["engines"]}
    assert set(engines) == set(ENGINES)
    assert engines["mesh"]["state"] == "needs-models"
    assert "face-mesh" in engines["mesh"]["missing_models"]


async def test_a_browser_may_list_engines(daemon: Any) -> None:
    assert (await daemon.ask("GET", "/v1/engines", token=await daemon.token("swap"))).status == 200


async def test_what_a_page_draws_controls_from_is_the_engines_own(daemon: Any) -> None:
    engines = {engine["name"]: engine for engine in (await daemon.ask("GET", "/v1/engines")).json["engines"]}
    for name, entry in ENGINES.items():
        served = {preset["name"]: preset["options"] for preset in engines[name]["presets"]}
        assert served == entry.presets
        shared = entry.options.model_fields.keys() - engines[name]["options"].keys()
        every = {"engine", "faces", "seed", "format", "quality", "restore", "restorer", "fidelity", "masks", "fallback"}
        assert shared == every
    assert engines["flux"]["options"]["prompt"]["private"] is True


async def test_every_engine_says_whether_it_fits_this_machine_why_and_what_is_to_fetch(empty_daemon: Any) -> None:
    answer = (await empty_daemon.ask("GET", "/v1/engines")).json
    engines, machine = answer["engines"], answer["machine"]
    assert machine["kind"] in {"cpu", "discrete", "unified"}
    for engine in engines:
        assert engine["fetch_models"], "nothing is installed here"
        assert engine["fits"] in {"yes", "no", "unknown"}
        assert engine["fits_why"]
        assert engine["download_bytes"] > 0
    (mesh,) = (engine for engine in engines if engine["name"] == "mesh")
    assert (mesh["fits"], mesh["part"]) == ("yes", None), "it runs on what the core has"


async def ended(daemon: Any, action: str, name: str) -> Any:
    """That transfer, once it has ended."""
    events = daemon.app[keys.EVENTS]
    async with asyncio.timeout(60):
        while True:
            seen = events.last
            for found in (await daemon.ask("GET", "/v1/models")).json["transfers"]:
                if (found["action"], found["name"]) == (action, name) and found["state"] not in {"queued", "running"}:
                    return found
            await events.wait_beyond(seen)


async def test_an_install_is_a_transfer_that_ends_with_its_problem(open_daemon: Any) -> None:
    """Here the network is switched off; what it does with one is tried on the console's button."""
    async with open_daemon(settings={"offline": True}) as daemon:
        assert (await daemon.ask("POST", "/v1/engines/flux/install/cancel")).json == {"transfers": []}
        asked = await daemon.ask("POST", "/v1/engines/flux/install", {"device": "cpu"})
        assert asked.status == 202
        assert asked.json["transfers"][0]["action"] == "install"
        assert (await ended(daemon, "install", "flux"))["problem"]["code"] == "offline"


@pytest.mark.parametrize(
    ("engine", "body", "status", "code"),
    [
        ("nope", {}, 422, "unknown-engine"),
        ("mesh", {}, 409, "engine-unavailable"),
        ("flux", {"device": "tpu"}, 400, "bad-request"),
        ("flux", {"device": "mps"}, 409, "engine-unavailable"),
    ],
)
async def test_what_cannot_be_installed_is_refused(daemon: Any, engine: str, body: Any, status: int, code: str) -> None:
    answer = await daemon.ask("POST", f"/v1/engines/{engine}/install", body)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("scope", ["swap", "models"])
async def test_only_an_administrator_installs(daemon: Any, scope: Any) -> None:
    for path in ("install", "install/cancel"):
        answer = await daemon.ask("POST", f"/v1/engines/flux/{path}", {}, token=await daemon.token(scope))
        assert (answer.status, answer.code) == (403, "wrong-scope")


async def test_restorers_and_masks_are_listed_with_what_they_lack(daemon: Any) -> None:
    told = (await daemon.ask("GET", "/v1/engines")).json
    restorers = {each["name"]: each for each in told["restorers"]}
    assert restorers["vivid"]["state"] == "ready"
    assert (restorers["gfpgan"]["state"], restorers["gfpgan"]["missing_models"]) == ("needs-models", ["gfpgan"])
    masks = {each["name"]: each for each in told["masks"]}
    assert (masks["bisenet"]["licence"], masks["bisenet"]["missing_models"]) == ("MIT", ["bisenet"])
    assert masks["xseg"]["licence"] == "GPL 3.0"


@pytest.mark.parametrize("chosen", ["auto", "inswapper"])
async def test_the_engine_of_a_swap_that_names_none_is_told(open_daemon: Any, chosen: str) -> None:
    """One engine is ready here, so that `auto` leaves no choice; what a person set is told as it is."""
    async with open_daemon(settings={"default_engine": chosen}, installed=("mesh",)) as daemon:
        told = (await daemon.ask("GET", "/v1/engines")).json["default_engine"]
    assert told == ("mesh" if chosen == "auto" else chosen)
