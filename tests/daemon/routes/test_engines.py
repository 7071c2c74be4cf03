"""Every engine is listed with its options, and with what it lacks."""

from typing import Any

from mien_pipeline.engines.registry import ENGINES


async def test_an_engine_without_its_models_names_them(daemon: Any) -> None:
    engines = {engine["name"]: engine for engine in (await daemon.ask("GET", "/v1/engines")).json["engines"]}
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
        assert shared == {"engine", "faces", "seed", "format", "restore"}
    assert engines["flux"]["options"]["prompt"]["private"] is True
