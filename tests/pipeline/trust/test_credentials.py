"""Content credentials: every result is signed with what was done to it, read here by the official C2PA reader."""

import http.server
import io
import json
import threading
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
import PIL.Image
import PIL.TiffImagePlugin
import pytest

from mien_core.errors import MarkingFailed
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.media.metadata import DIGITAL_SOURCE_TYPE
from mien_pipeline.report import Edit, ModelUse
from mien_pipeline.trust.authority import Authority, Signatory
from mien_pipeline.trust.credentials import read, sign
from mien_pipeline.trust.manifests import ASSERTION

EDIT = Edit("swap", "mesh", MeshOptions(seed=7), [ModelUse("face-mesh", "ab" * 32)])
FORMATS = ("jpeg", "png", "webp", "avif", "tiff")


def picture(kind: str = "jpeg", seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def official(data: bytes, media_type: str = "image/jpeg") -> dict[str, Any]:
    """What the C2PA reader says with its own defaults, network aside."""
    offline = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
    with (
        c2pa.Context.from_dict(offline) as context,
        c2pa.Reader(media_type, io.BytesIO(data), context=context) as reader,
    ):
        return json.loads(reader.json())  # type: ignore[no-any-return]


def active(data: bytes, media_type: str = "image/jpeg") -> dict[str, Any]:
    store = official(data, media_type)
    manifest: dict[str, Any] = store["manifests"][store["active_manifest"]]
    return manifest


def assertion(manifest: dict[str, Any], label: str) -> Any:
    return next(each["data"] for each in manifest["assertions"] if each["label"] == label)


@pytest.fixture(scope="module")
def signatory(tmp_path_factory: pytest.TempPathFactory) -> Signatory:
    return Authority(tmp_path_factory.mktemp("state")).signatory()


@pytest.fixture(scope="module")
def signed(signatory: Signatory) -> bytes:
    return sign(picture(seed=1), "image/jpeg", picture(), "image/jpeg", EDIT, signatory)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_carries_credentials_that_the_official_reader_calls_valid(kind: str, signatory: Signatory) -> None:
    media_type = f"image/{kind}"
    data = sign(picture(kind, 1), media_type, picture(kind), media_type, EDIT, signatory)
    assert official(data, media_type)["validation_state"] == "Valid"
    with PIL.Image.open(io.BytesIO(data)) as opened:
        opened.load()
        assert opened.size == (160, 120)


def test_an_edit_by_a_trained_algorithm_is_what_the_action_says(signed: bytes) -> None:
    actions = assertion(active(signed), "c2pa.actions.v2")["actions"]
    assert [action["action"] for action in actions] == ["c2pa.opened", "c2pa.edited"]
    assert actions[1]["digitalSourceType"] == DIGITAL_SOURCE_TYPE
    assert actions[1]["softwareAgent"]["name"] == "Mien"


def test_the_models_digests_and_the_settings_are_told(signed: bytes) -> None:
    made = assertion(active(signed), ASSERTION)
    assert made == {
        "settings": EDIT.settings,
        "models": [{"name": "face-mesh", "sha256": "ab" * 32}],
    }


def test_a_model_that_no_source_has_vouched_for_is_told_as_such(signatory: Signatory) -> None:
    edit = Edit("swap", "mesh", EDIT.options, [ModelUse("home-made", "cd" * 32, verified=False)])
    marked = sign(picture(seed=1), "image/jpeg", picture(), "image/jpeg", edit, signatory)
    assert assertion(active(marked), ASSERTION)["models"] == [
        {"name": "home-made", "sha256": "cd" * 32, "verified": False}
    ]


def test_the_target_is_the_one_parent_and_nothing_else_is_an_ingredient(signed: bytes) -> None:
    (ingredient,) = active(signed)["ingredients"]
    assert ingredient["relationship"] == "parentOf"
    assert "title" not in ingredient


def test_there_are_no_thumbnails(signed: bytes) -> None:
    """The library's default would embed the picture from before the swap."""
    assert "thumbnail" not in json.dumps(official(signed))
    assert signed.count(b"\xff\xd8\xff") == 1


def test_the_certificate_names_nobody(signed: bytes) -> None:
    info = active(signed)["signature_info"]
    assert (info["issuer"], info["common_name"]) == ("Mien", "Mien local signer")
    assert "time" not in info


def test_the_install_that_signed_trusts_its_picture_and_another_calls_it_valid(
    signed: bytes, signatory: Signatory, tmp_path: Path
) -> None:
    own = read(signed, "image/jpeg", signatory.roots)
    other = read(signed, "image/jpeg", Authority(tmp_path).signatory().roots)
    assert (own.state, own.trusted, own.problems) == ("valid", True, ())
    assert (other.state, other.trusted, other.problems) == ("valid", False, ())


def test_a_changed_pixel_makes_the_credentials_invalid(signed: bytes, signatory: Signatory) -> None:
    tampered = bytearray(signed)
    tampered[-500] ^= 0xFF
    found = read(bytes(tampered), "image/jpeg", signatory.roots)
    assert found.state == "invalid"
    assert not found.trusted
    assert "assertion.dataHash.mismatch" in found.problems


def test_a_changed_claim_makes_the_credentials_invalid(signed: bytes, signatory: Signatory) -> None:
    tampered = signed.replace(b"not the face of the person", b"yet the face of the person")
    assert tampered != signed
    assert read(tampered, "image/jpeg", signatory.roots).state == "invalid"


def test_credentials_that_cannot_be_read_are_invalid_and_not_absent(signed: bytes) -> None:
    box = signed.index(b"jumb")
    ruined = signed[: box + 40] + bytes(300) + signed[box + 340 :]
    found = read(ruined, "image/jpeg")
    assert (found.state, found.problems) == ("invalid", ("manifest.unreadable",))


@pytest.mark.parametrize("kind", [*FORMATS, "bmp"])
def test_a_picture_without_credentials_has_none(kind: str) -> None:
    assert read(picture(kind), f"image/{kind}").state == "none"


# ── parents ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_targets_own_credentials_are_kept_inside(signed: bytes, tmp_path: Path) -> None:
    other = Authority(tmp_path).signatory()
    grandchild = sign(picture(seed=2), "image/jpeg", signed, "image/jpeg", EDIT, other)
    assert official(grandchild)["active_manifest"] != official(signed)["active_manifest"]
    assert set(official(signed)["manifests"]) < set(official(grandchild)["manifests"])
    (parent,) = read(grandchild, "image/jpeg").parents
    assert (parent.state, parent.problems, parent.signer) == ("valid", (), "Mien local signer")
    assert str(parent.software).startswith("Mien ")


def test_a_tampered_parent_is_told_though_the_child_is_valid(signed: bytes, signatory: Signatory) -> None:
    tampered = bytearray(signed)
    tampered[-500] ^= 0xFF
    found = read(
        sign(picture(seed=2), "image/jpeg", bytes(tampered), "image/jpeg", EDIT, signatory),
        "image/jpeg",
        signatory.roots,
    )
    assert found.state == "valid"
    (parent,) = found.parents
    assert parent.state == "invalid"
    assert not parent.trusted
    assert "assertion.dataHash.mismatch" in parent.problems


def test_a_parent_without_credentials_is_a_parent_all_the_same(signed: bytes, signatory: Signatory) -> None:
    (parent,) = read(signed, "image/jpeg", signatory.roots).parents
    assert (parent.state, parent.problems) == ("none", ())


def test_a_target_whose_format_has_no_credentials_is_still_the_parent(signatory: Signatory) -> None:
    data = sign(picture("png", 1), "image/png", picture("bmp"), "image/bmp", EDIT, signatory)
    (ingredient,) = active(data, "image/png")["ingredients"]
    assert ingredient["format"] == "image/bmp"


def of_a_camera(signatory: Signatory, target: bytes, parent: bytes | None = None) -> bytes:
    """A target with a camera's credentials: a thumbnail, the place, the camera and the person."""
    manifest = {
        "claim_generator_info": [{"name": "Camera"}],
        "assertions": [
            {"label": "stds.exif", "kind": "Json", "data": {"exif:GPSLatitude": "CANARY-GPS"}},
            {"label": "org.example.camera", "data": {"serial": "CANARY-SERIAL"}},
            {
                "label": "stds.schema-org.CreativeWork",
                "kind": "Json",
                "data": {"@context": "https://schema.org", "@type": "CreativeWork", "author": [{"name": "Ann Author"}]},
            },
            {"label": "c2pa.actions.v2", "data": {"actions": [{"action": "c2pa.edited"}]}},
        ],
    }
    out = io.BytesIO()
    with (
        c2pa.Context.from_dict({"builder": {"thumbnail": {"enabled": True}}}) as context,
        c2pa.Builder(manifest, context) as builder,
        c2pa.Signer.from_callback(signatory.sign, c2pa.C2paSigningAlg.ES256, signatory.chain) as signer,
    ):
        builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
        builder.add_ingredient({"relationship": "parentOf"}, "image/jpeg", io.BytesIO(parent or target))
        builder.sign(signer, "image/jpeg", io.BytesIO(target), out)
    return out.getvalue()


@pytest.mark.parametrize("generations", [1, 2])
def test_no_face_and_no_place_comes_along_with_the_targets_own_credentials(
    signatory: Signatory, tmp_path: Path, generations: int
) -> None:
    """Cameras and editors put a thumbnail of the picture inside, which would show who was there before the swap."""
    camera = Authority(tmp_path).signatory()
    target = of_a_camera(camera, picture())
    if generations == 2:
        target = of_a_camera(camera, picture(), target)
    assert target.count(b"\xff\xd8\xff") > 1
    assert b"CANARY" in target
    result = sign(picture(seed=1), "image/jpeg", target, "image/jpeg", EDIT, signatory)
    assert result.count(b"\xff\xd8\xff") == 1
    assert b"CANARY" not in result
    assert "thumbnail" not in json.dumps([each.get("thumbnail") for each in official(result)["manifests"].values()])
    assert b"Ann Author" in result, "whose work it is stays, as in the plain metadata"
    found = read(result, "image/jpeg", signatory.roots)
    assert (found.state, found.trusted, found.problems) == ("valid", True, ())
    (parent,) = found.parents
    assert (parent.state, parent.problems, parent.software) == ("valid", (), "Camera")
    assert "c2pa.redacted" in found.actions, "what was taken out is told"


def test_a_target_that_was_redacted_before_is_taken_as_it_is(signatory: Signatory, tmp_path: Path) -> None:
    camera = of_a_camera(Authority(tmp_path).signatory(), picture())
    once = sign(picture(seed=1), "image/jpeg", camera, "image/jpeg", EDIT, signatory)
    twice = read(sign(picture(seed=2), "image/jpeg", once, "image/jpeg", EDIT, signatory), "image/jpeg")
    assert twice.actions == ("c2pa.opened", "c2pa.edited")
    assert [(parent.state, parent.problems) for parent in twice.parents] == [("valid", ())]


def test_a_parent_whose_credentials_were_ruined_is_told(signed: bytes, signatory: Signatory) -> None:
    box = signed.index(b"jumb")
    ruined = signed[: box + 40] + bytes(300) + signed[box + 340 :]
    found = read(sign(picture(seed=2), "image/jpeg", ruined, "image/jpeg", EDIT, signatory), "image/jpeg")
    assert found.state == "valid"
    assert [(parent.state, parent.problems) for parent in found.parents] == [("invalid", ("manifest.unreadable",))]


def test_a_tampered_parent_is_told_and_redacted_all_the_same(signatory: Signatory, tmp_path: Path) -> None:
    tampered = bytearray(of_a_camera(Authority(tmp_path).signatory(), picture()))
    tampered[-500] ^= 0xFF
    result = sign(picture(seed=1), "image/jpeg", bytes(tampered), "image/jpeg", EDIT, signatory)
    assert b"CANARY" not in result
    (parent,) = read(result, "image/jpeg").parents
    assert (parent.state, parent.problems) == ("invalid", ("assertion.dataHash.mismatch",))


# ── failing closed ───────────────────────────────────────────────────────────────────────────────────────────


class FailingSignatory(Signatory):
    def sign(self, data: bytes) -> bytes:
        raise RuntimeError("the key is gone")


def test_a_signer_that_fails_leaves_nothing_to_deliver(signatory: Signatory) -> None:
    failing = FailingSignatory(signatory.key, signatory.chain, signatory.roots)
    with pytest.raises(MarkingFailed):
        sign(picture(), "image/jpeg", picture(), "image/jpeg", EDIT, failing)


def test_a_signature_by_another_key_is_not_delivered_as_valid(signatory: Signatory, tmp_path: Path) -> None:
    stranger = Authority(tmp_path).signatory()
    mixed = Signatory(stranger.key, signatory.chain, signatory.roots)
    with pytest.raises(MarkingFailed):
        sign(picture(), "image/jpeg", picture(), "image/jpeg", EDIT, mixed)


@pytest.mark.parametrize("media_type", ["image/bmp", "text/plain"])
def test_a_format_that_cannot_carry_credentials_is_refused(media_type: str, signatory: Signatory) -> None:
    with pytest.raises(MarkingFailed):
        sign(picture("bmp"), media_type, picture(), "image/jpeg", EDIT, signatory)


def test_a_time_stamp_that_was_asked_for_and_not_given_is_no_result(signatory: Signatory) -> None:
    """Nobody listens at this port."""
    with pytest.raises(MarkingFailed):
        sign(picture(), "image/jpeg", picture(), "image/jpeg", EDIT, signatory, "http://127.0.0.1:9/stamp")


# ── no network ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def listener() -> Generator[tuple[str, list[str]]]:
    """A server on loopback, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/manifest.c2pa", asked
    server.shutdown()
    thread.join()
    server.server_close()


def with_remote_manifest(url: str, signatory: Signatory) -> bytes:
    out = io.BytesIO()
    builder = c2pa.Builder({"claim_generator_info": [{"name": "other"}], "assertions": []})
    builder.set_intent(c2pa.C2paBuilderIntent.CREATE, c2pa.C2paDigitalSourceType.DIGITAL_CAPTURE)
    builder.set_no_embed()
    builder.set_remote_url(url)
    with c2pa.Signer.from_callback(signatory.sign, c2pa.C2paSigningAlg.ES256, signatory.chain) as signer:
        builder.sign(signer, "image/jpeg", io.BytesIO(picture()), out)
    return out.getvalue()


def test_credentials_kept_elsewhere_are_not_fetched(listener: tuple[str, list[str]], signatory: Signatory) -> None:
    url, asked = listener
    remote = with_remote_manifest(url, signatory)
    found = read(remote, "image/jpeg")
    assert (found.state, found.problems) == ("none", ("manifest.inaccessible",))
    signed = sign(picture(seed=2), "image/jpeg", remote, "image/jpeg", EDIT, signatory)
    assert asked == []
    assert url.encode() not in signed
    (parent,) = read(signed, "image/jpeg").parents
    assert (parent.state, parent.problems) == ("none", ("manifest.inaccessible",))


@pytest.mark.parametrize("has_credentials", [False, True])
@pytest.mark.parametrize("kind", FORMATS)
def test_numbers_and_addresses_in_the_targets_xmp_stay_out(
    kind: str, has_credentials: bool, signatory: Signatory, tmp_path: Path
) -> None:
    """With credentials of its own as well: those say what they say, and the ingredient says no more."""
    media_type = f"image/{kind}"
    target = picture(kind)
    if has_credentials:
        other = Authority(tmp_path).signatory()
        target = sign(picture(kind), media_type, picture(kind), media_type, EDIT, other)
    target = with_xmp(target, kind)
    assert b"CANARY" in target
    result = sign(picture(seed=1), "image/jpeg", target, media_type, EDIT, signatory)
    assert b"CANARY" not in result
    (parent,) = read(result, "image/jpeg").parents
    assert parent.state == ("invalid" if has_credentials else "none")


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"'
    b' xmlns:dcterms="http://purl.org/dc/terms/" xmpMM:InstanceID="xmp.iid:CANARY" xmpMM:DocumentID="xmp.did:CANARY"'
    b' dcterms:provenance="https://example.com/CANARY"/></rdf:RDF></x:xmpmeta>'
)


def with_xmp(data: bytes, kind: str) -> bytes:
    """A signed picture that was given a packet afterwards, or an unsigned one that has one."""
    signed = b"jumb" in data
    if kind == "jpeg":
        segment = b"http://ns.adobe.com/xap/1.0/\0" + XMP
        return data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]
    if kind == "png":
        body = b"iTXt" + b"XML:com.adobe.xmp\0\0\0\0\0" + XMP
        chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        return data[:33] + chunk + data[33:]
    if signed:  # the other containers have no room in front: the packet lies behind, as an unknown part does
        return data + XMP
    out = io.BytesIO()
    tags = PIL.TiffImagePlugin.ImageFileDirectory_v2()
    tags[700] = XMP
    options = {"tiffinfo": tags} if kind == "tiff" else {"xmp": XMP}
    PIL.Image.open(io.BytesIO(data)).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("label", [ASSERTION, "org.example.stranger"])
@pytest.mark.parametrize("data", [7, "a word", [1, {}], None, {"actions": 5}, {"unreadable_parent": "yes"}])
def test_whatever_a_stranger_writes_into_an_assertion_the_credentials_are_read(
    signatory: Signatory, label: str, data: object
) -> None:
    made = {"label": "c2pa.actions.v2", "data": {"actions": [{"action": "c2pa.opened"}]}}
    manifest = {"claim_generator_info": [{"name": "a stranger"}], "assertions": [made, {"label": label, "data": data}]}
    out = io.BytesIO()
    with (
        c2pa.Context.from_dict({"verify": {"verify_after_sign": False}}) as context,
        c2pa.Builder(manifest, context) as builder,
        c2pa.Signer.from_callback(signatory.sign, c2pa.C2paSigningAlg.ES256, signatory.chain) as signer,
    ):
        builder.sign(signer, "image/png", io.BytesIO(picture("png")), out)
    assert read(out.getvalue(), "image/png").actions == ("c2pa.opened",)
    again = sign(picture("png", 1), "image/png", out.getvalue(), "image/png", EDIT, signatory)
    assert len(read(again, "image/png").parents) == 1
