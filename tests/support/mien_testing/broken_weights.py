"""Installed weight files that are changed, with records that say that they are as they were installed."""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from mien_models.catalogue.entries import Catalogue
from mien_models.store import ModelStore
from mien_testing.weights import link_models

State = dict[str, Tensor]


def copy_stores(stores: Iterable[ModelStore], root: Path, catalogue: Catalogue) -> ModelStore:
    """A store with all that these have, linked; no source has vouched for the models that none of them is told."""
    for store in stores:
        link_models(store.root, root, "locks", "egress.log")  # each store has its own
    (root / "models.lock").unlink(missing_ok=True)
    return ModelStore(root, catalogue, offline=True)


def without_digests(catalogue: Catalogue, names: Iterable[str]) -> Catalogue:
    """The catalogue as it is for models whose digests are not known before they are fetched."""
    changed = {
        name: catalogue.model(name).model_copy(
            update={
                "files": tuple(
                    each.model_copy(update={"sha256": None, "size": None}) for each in catalogue.model(name).files
                )
            }
        )
        for name in names
    }
    return catalogue.model_copy(update={"models": {**catalogue.models, **changed}})


def replace_file(store: ModelStore, model: str, path: str, write: Callable[[Path], object]) -> None:
    """Change an installed file, and record it as if it had come like this."""
    file = next(each for each in store.catalogue.model(model).files if each.installed_as == path)
    view = store.folder.view(model, path)
    changed = view.with_name("changed")
    shutil.copyfile(view, changed)
    write(changed)
    view.unlink()
    changed.rename(view)
    record = store.folder.record_of(model, file)
    assert record is not None
    sha256 = hashlib.sha256(view.read_bytes()).hexdigest()
    store.folder.records.note(model, path, record.seen_as(view.stat()).model_copy(update={"sha256": sha256}))


def edit(change: Callable[[State], object]) -> Callable[[Path], None]:
    """What changes the tensors of a safetensors file."""

    def write(path: Path) -> None:
        state = {name: value.clone() for name, value in load_file(path).items()}
        change(state)
        save_file(state, path)

    return write


def rename_one(state: State) -> None:
    name = max(state)
    state[f"{name}_of_another_version"] = state.pop(name)


def reshape_one(state: State) -> None:
    name = next(each for each in sorted(state) if state[each].ndim == 2 and state[each].shape[0] > 1)
    state[name] = state[name][:-1].contiguous()


def spoil_one(state: State) -> None:
    state[max(state)].flatten()[-1] = torch.nan


def count_one(state: State) -> None:
    name = max(state)
    state[name] = torch.zeros(state[name].shape, dtype=torch.int32)


def cut_short(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 100])
