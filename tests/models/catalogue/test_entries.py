"""An entry of the catalogue makes sense by itself, and a person's own file may add to it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from mien_core.errors import InvalidCatalogue, UnknownModel
from mien_models.catalogue.entries import Catalogue, Licence, Model, ModelFile, load_catalogue

FREE = {"name": "Free", "url": "https://example.org/free", "commercial": True}
HERE = {"kind": "local", "folder": "/here"}
WHEEL = {"kind": "wheel", "package": "p", "version": "1", "size": 9}
SHA256 = "0" * 64


def model(*files: Mapping[str, object], **more: object) -> dict[str, object]:
    return {"title": "A", "version": "1", "licence": "free", "source": HERE, "files": files, **more}


def file(path: str = "a.dat", **more: object) -> dict[str, object]:
    return {"path": path, "format": "dlib", **more}


def catalogue(**more: object) -> Catalogue:
    models = {"one": model(file()), "two": model(file("b.dat"), file("c.dat"))}
    return Catalogue.model_validate({"licences": {"free": FREE}, "models": models, **more})


def test_names_of_bundles_and_models_become_models_each_once_in_the_order_asked_for() -> None:
    every = catalogue(bundles={"both": ["two", "one"]})
    assert every.resolve(["one", "both"]) == ("one", "two")
    assert every.resolve(["both", "one"]) == ("two", "one")
    assert every.resolve([]) == ()


def test_an_unknown_name_says_which_there_are() -> None:
    every = catalogue(bundles={"both": ["two", "one"]})
    with pytest.raises(UnknownModel) as of_all:
        every.resolve(["three"])
    assert of_all.value.fields == {"model": "three", "known": ["both", "one", "two"]}
    with pytest.raises(UnknownModel) as of_models:
        every.model("both")
    assert of_models.value.fields["known"] == ["one", "two"]
    with pytest.raises(UnknownModel) as of_files:
        every.file("two", "a.dat")
    assert of_files.value.fields["files"] == ["b.dat", "c.dat"]


def test_a_converted_file_is_found_by_both_its_names() -> None:
    pickle = {"path": "a.pth", "format": "pickle", "converted": "a.safetensors"}
    every = catalogue(models={"one": model(pickle)})
    assert every.file("one", "a.pth") is every.file("one", "a.safetensors")
    assert every.file("one", "a.pth").installed_as == "a.safetensors"


def test_a_file_lies_in_its_source_under_its_own_path_or_the_one_that_is_said() -> None:
    assert ModelFile.model_validate(file()).source_path == "a.dat"
    assert ModelFile.model_validate(file(at="deep/b.dat")).source_path == "deep/b.dat"


def test_a_file_may_have_a_source_of_its_own() -> None:
    entry = Model.model_validate(model(file(source=WHEEL, size=1, sha256=SHA256), file("b.dat")))
    assert [entry.source_of(one).kind for one in entry.files] == ["wheel", "local"]


def test_a_models_size_is_of_the_files_whose_size_is_known() -> None:
    assert Model.model_validate(model(file(size=3), file("b.dat"), file("c.dat", size=4))).size == 7


def test_the_longest_mirror_stands_in() -> None:
    every = catalogue(mirrors={"https://a/": "https://m/", "https://a/deep/": "https://n/"})
    assert every.mirror("https://a/x") == "https://m/x"
    assert every.mirror("https://a/deep/x") == "https://n/x"
    assert every.mirror("https://b/x") == "https://b/x"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ModelFile.model_validate(file(converted="b.dat")), "pickle needs"),
        (lambda: ModelFile.model_validate({"path": "a", "format": "pickle"}), "pickle needs"),
        (lambda: Model.model_validate(model(file("a.dat"), file("A.DAT"))), "same name"),
        (lambda: Model.model_validate(model(file(), source=WHEEL)), "needs size and sha256"),
        (lambda: Model.model_validate(model(file(size=1), source=WHEEL)), "needs size and sha256"),
        (lambda: Model.model_validate(model()), "at least 1"),
        (lambda: Licence.model_validate({**FREE, "must_accept": True}), "without a text"),
        (lambda: Licence.model_validate({**FREE, "text": {**file(), "format": "text"}}), "needs a source"),
        (lambda: Licence.model_validate({**FREE, "text": file(source=HERE)}), "format text"),
        (lambda: catalogue(bundles={"one": ["two"]}), "both a bundle and a model"),
        (lambda: catalogue(bundles={"b": ["two", "three"]}), "no model is called three"),
        (lambda: catalogue(models={"one": model(file(), licence="secret")}), "no licence called"),
        (lambda: ModelFile.model_validate(file(colour="red")), "not permitted"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        make()


@pytest.mark.parametrize("url", ["http://elsewhere.example/", "ftp://127.0.0.1/", "file:///etc"])
def test_an_address_is_https_or_on_this_machine(url: str) -> None:
    with pytest.raises(ValidationError, match="neither https"):
        Licence.model_validate({**FREE, "url": url})
    assert Licence.model_validate({**FREE, "url": "http://127.0.0.1/"}).url == "http://127.0.0.1/"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("models = 3", "models"),
        ("[models.x]\ntitle = 'X'", "models.x"),
        ("[mirrors]\n'hf:' = 'http://elsewhere.example/'", "neither https"),
        ("not toml", "TOML"),
        ("[bundles]\nb = ['nobody']", "nobody"),
    ],
)
def test_a_wrong_catalogue_says_where_it_is_wrong(text: str, says: str, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)

    with pytest.raises(InvalidCatalogue) as refused:
        load_catalogue({"MIEN_CATALOGUE": str(own)})
    assert says in str(refused.value) or says in str(refused.value.fields["field"])
    assert refused.value.fields["file"] == str(own)


@pytest.mark.parametrize("path", ["../up", "/root", "a/../../b", "C:\\x", "con.txt", "a\0b", "", "a/b.", "dir/nul"])
def test_no_entry_reaches_outside_its_folder_on_any_platform(path: str, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f"""
        [licences.free]
        name = "Free"
        url = "https://example.org"
        commercial = true
        [models.x]
        title = "X"
        version = "1"
        licence = "free"
        source = {{ kind = "url", bases = ["https://example.org/"] }}
        files = [{{ path = {json.dumps(path)}, format = "dlib" }}]
    """)
    with pytest.raises(InvalidCatalogue) as refused:
        load_catalogue({"MIEN_CATALOGUE": str(own)})
    assert "path" in str(refused.value.fields["field"])


def test_a_missing_catalogue_of_ones_own_is_named() -> None:
    with pytest.raises(InvalidCatalogue, match="nowhere"):
        load_catalogue({"MIEN_CATALOGUE": "/nowhere.toml"})
