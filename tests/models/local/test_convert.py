"""A pickle is loaded once, by a child without a network that builds tensors and nothing else, and is not kept."""

import hashlib
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mien_core.errors import BrokenWeights, EngineUnavailable
from mien_models.catalogue.entries import Catalogue
from mien_models.remote.network import Network
from mien_models.store import ModelStore
from mien_testing.network import Shop

pytestmark = pytest.mark.slow


def store_of(folder: Path, name: str) -> ModelStore:
    content = (folder / name).read_bytes()
    file = {"path": name, "format": "pickle", "size": len(content), "converted": "weights.safetensors"}
    file["sha256"] = hashlib.sha256(content).hexdigest()
    source = {"kind": "local", "folder": str(folder)}
    model = {"title": "A", "version": "1", "licence": "free", "source": source, "files": [file]}
    licence = {"name": "Free", "url": "https://example.org/free", "commercial": True}
    catalogue = Catalogue.model_validate({"licences": {"free": licence}, "models": {"thing": model}})
    return ModelStore(folder.parent / "store", catalogue)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "here"
    made.mkdir()
    return made


def test_tensors_survive_under_dotted_names_and_the_pickle_does_not(folder: Path) -> None:
    one, two = torch.arange(6.0).reshape(2, 3), torch.ones(4, dtype=torch.bfloat16)
    torch.save({"image_proj": {"weight": one, "bias": two}, "shared": one, "step": 3}, folder / "weights.pt")
    store = store_of(folder, "weights.pt")
    store.pull(["thing"])

    assert store.path("thing").name == "weights.safetensors"
    loaded = load_file(store.path("thing"))
    assert set(loaded) == {"image_proj.weight", "image_proj.bias", "shared"}
    assert torch.equal(loaded["image_proj.weight"], one)
    assert torch.equal(loaded["image_proj.bias"], two)
    assert [path.name for path in store.root.rglob("*.pt*")] == []
    assert store.states()[0].files[0].format == "safetensors"

    # Repeatable, so that its digest can be locked.
    first = store.sha256("thing")
    store.remove("thing")
    store.pull(["thing"])
    assert store.sha256("thing") == first


def saved(folder: Path) -> ModelStore:
    torch.save({"weight": torch.arange(6.0)}, folder / "weights.pt")
    return store_of(folder, "weights.pt")


@pytest.mark.parametrize("how", ["import_from", "adopt"])
def test_a_pickle_that_a_person_has_downloaded_is_converted_as_well(folder: Path, how: str) -> None:
    store = saved(folder)
    content = (folder / "weights.pt").read_bytes()
    (folder / "LICENSE").write_text("not a weight file")

    assert getattr(store, how)(folder) == ["thing"]
    assert torch.equal(load_file(store.path("thing"))["weight"], torch.arange(6.0))
    assert (folder / "weights.pt").read_bytes() == content, "it is theirs to keep"
    assert [path.name for path in store.root.rglob("*.pt*")] == []


def test_without_torch_a_pickle_is_refused_before_it_is_fetched(
    folder: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = saved(folder).catalogue.model_dump()
    entries["models"]["thing"]["source"] = {"kind": "url", "bases": [shop.url]}
    store = ModelStore(folder.parent / "store", Catalogue.model_validate(entries), network=Network(token=lambda: None))

    def nowhere(name: str) -> None:
        return None

    monkeypatch.setattr("mien_models.install.find_spec", nowhere)

    with pytest.raises(EngineUnavailable):
        store.pull(["thing"])
    assert shop.asked == []


class Payload:
    """What a poisoned checkpoint carries."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("wrapped", [True, False], ids=["torch", "bare"])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(folder: Path, wrapped: bool) -> None:
    target = folder.parent / "written-by-the-payload"
    if wrapped:
        torch.save({"weight": torch.ones(2), "extra": Payload(target)}, folder / "weights.pt")
    else:
        (folder / "weights.pt").write_bytes(pickle.dumps(Payload(target), protocol=2))
    target.unlink(missing_ok=True)
    store = store_of(folder, "weights.pt")

    with pytest.raises(BrokenWeights):
        store.pull(["thing"])
    assert not target.exists()
    assert store.missing(["thing"]) == ("thing",)
    assert not list((store.root / "partial").iterdir())


NOSY_TORCH = """
import socket
try:
    socket.getaddrinfo("localhost", 80)
except OSError as error:
    raise RuntimeError(f"asked for an address: {error}")
raise RuntimeError("and got it")
"""


def test_the_child_that_converts_has_no_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, nosy = saved(folder), folder.parent / "nosy"
    nosy.mkdir()
    (nosy / "torch.py").write_text(NOSY_TORCH)
    monkeypatch.setenv("PYTHONPATH", str(nosy))

    with pytest.raises(BrokenWeights) as refused:
        store.pull(["thing"])
    reason = str(refused.value.fields["reason"])
    assert "asked for an address" in reason
    assert "and got it" not in reason
