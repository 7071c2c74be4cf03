"""Verifying says what any picture claims about itself, offline, in one document."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien_core.errors import ImageTooLarge, InvalidImage
from mien_models.store import ModelStore
from mien_pipeline.image import Pixels
from mien_pipeline.media.decode import decode
from mien_pipeline.report import Edit, ModelUse
from mien_pipeline.trust.marking import ResultMarker
from mien_pipeline.trust.verify import Inspector

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def marked(marker: ResultMarker, portrait: bytes) -> bytes:
    return marker.mark(decode(portrait), portrait, Edit("swap", "mesh", None, [ModelUse("a", "0" * 64)])).data


def test_the_document_has_the_promised_shape(inspector: Inspector, marked: bytes) -> None:
    document = json.loads(json.dumps(inspector.inspect(marked).as_json()))
    assert document["credentials"].keys() >= {"state", "trusted", "actions", "source_type", "parents", "problems"}
    assert document["credentials"]["state"] == "valid"
    assert document["credentials"]["trusted"] is True
    assert document["credentials"]["actions"] == ["c2pa.opened", "c2pa.edited"]
    assert document["credentials"]["source_type"].endswith("compositeWithTrainedAlgorithmicMedia")
    assert document["credentials"]["signer"]["common_name"] == "Mien local signer"
    assert [parent["state"] for parent in document["credentials"]["parents"]] == ["none"]
    assert document["watermark"] == {"strength": "strong", "bits": 32, "agreeing": document["watermark"]["agreeing"]}
    assert document["metadata"]["creator_tool"] == "Mien"


def test_anybodys_picture_can_be_verified(inspector: Inspector, portrait: bytes, photograph_with_a_past: bytes) -> None:
    found = inspector.inspect(portrait)
    assert found.credentials.state == "none"
    assert found.watermark is not None
    assert found.watermark.strength == "none"
    assert not found.is_contradicted
    assert "position" in inspector.inspect(photograph_with_a_past).metadata["private"]  # type: ignore[operator]


def test_a_picture_changed_afterwards_contradicts_itself(inspector: Inspector, marked: bytes) -> None:
    changed = bytearray(marked)
    changed[-300] ^= 0x55
    found = inspector.inspect(bytes(changed))
    assert found.is_contradicted
    assert found.credentials.problems


def test_where_credentials_were_stripped_the_watermark_still_speaks(inspector: Inspector, marked: bytes) -> None:
    """As the first social network does: decoded, made smaller, saved again."""
    out = io.BytesIO()
    picture = PIL.Image.open(io.BytesIO(marked))
    picture.resize((picture.width * 3 // 4, picture.height * 3 // 4)).save(out, "JPEG", quality=80)
    found = inspector.inspect(out.getvalue())
    assert found.credentials.state == "none"
    assert found.metadata == {}
    assert found.watermark is not None
    assert found.watermark.strength == "strong"


def test_another_install_calls_it_valid_and_not_its_own(models: ModelStore, marked: bytes, tmp_path: Path) -> None:
    found = Inspector(models.path("watermark"), tmp_path).inspect(marked)
    assert (found.credentials.state, found.credentials.trusted) == ("valid", False)
    assert list(tmp_path.iterdir()) == [], "verifying writes nothing"


def test_without_the_watermarks_networks_nobody_looked_and_it_says_so(marked: bytes) -> None:
    document = Inspector(None).inspect(marked).as_json()
    assert document["watermark"] == {"strength": "none", "bits": 32, "agreeing": None}
    assert json.loads(json.dumps(document["credentials"]))["state"] == "valid"


def test_every_packaged_photograph_can_be_verified(inspector: Inspector, photographs: Mapping[str, Pixels]) -> None:
    for pixels in list(photographs.values())[:6]:
        out = io.BytesIO()
        PIL.Image.fromarray(pixels).save(out, "PNG")
        assert not inspector.inspect(out.getvalue()).is_contradicted


def test_what_is_no_picture_is_refused_by_name(inspector: Inspector) -> None:
    with pytest.raises(InvalidImage):
        inspector.inspect(b"<svg/>")
    out = io.BytesIO()
    PIL.Image.fromarray(np.zeros((1, 40_000), np.uint8)).save(out, "PNG")
    with pytest.raises(ImageTooLarge):
        inspector.inspect(out.getvalue())
