"""What a signed film says of itself, and that no changed byte of it goes unnoticed."""

import io
import json
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.artifacts import FileRef
from pipeline.errors import ProvenanceError
from pipeline.video import read_video
from stages.provenance.identity import Identity, own_certificate, own_identity, trusted_roots
from stages.provenance.manifest import prove, sign
from stages.provenance.origin import COMPOSITE, TRAINED, Origin
from stages.provenance.sidecar import describe, sidecar_of, write_sidecar
from stages.provenance.verify import ANOTHER, SAME, verify
from stages.provenance.wording import lines


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, small_film: Path, origin: Origin, identity: Identity) -> Path:
    """The film with its manifest; no sidecar."""
    output = tmp_path_factory.mktemp("signed") / "signed.mp4"
    sign(small_film, output, origin, identity, {"source": small_film}, output.name)
    return output


def boxes(content: bytes) -> dict[str, tuple[int, int]]:
    """Where the outer boxes of a movie file begin and end."""
    found, place = {}, 0
    while place < len(content):
        length, name = struct.unpack(">I4s", content[place : place + 8])
        found[name.decode()] = (place, place + length)
        place += length
    return found


def flipped(film: Path, place: int, output: Path) -> Path:
    content = bytearray(film.read_bytes())
    content[place] ^= 1
    output.write_bytes(content)
    return output


def test_a_signed_film_says_what_it_is_of_what_and_by_whom(signed: Path, config: Path) -> None:
    found = verify(signed, own=own_certificate(config))
    assert (found.state, found.synthetic, found.work) == ("intact", "partly", "dance")
    assert found.source_types == ("compositeWithTrainedAlgorithmicMedia",)
    assert found.software is not None and found.software.startswith("Understudy ")
    assert [(made.role, made.name) for made in found.made_of] == [
        ("source", "red.mp4"),
        ("target", "blue.mkv"),
        ("model", "ann/model.json"),
        ("configuration", "dance settings.json"),
    ]
    assert found.made_of[2].sha256 == "c" * 64
    assert found.consent == f"file, 2026-01-02, {'e' * 64}"
    assert found.configuration == {"size": [1, 2]}
    assert found.signature is not None and found.signature.kind == "this installation"


def test_the_plain_words_name_every_part(signed: Path, config: Path) -> None:
    shown = lines(verify(signed, own=own_certificate(config)))
    said = " ".join(" ".join(shown).split())
    assert "Verdict Not changed since it was signed." in said
    assert "Partly made by AI" in said
    assert "One person's body performs another's dance." in said
    assert "a statement of the person filmed was given, 2026-01-02" in said
    assert "self-made certificate of this installation" in said
    assert max(map(len, shown)) <= 100


def test_signing_changes_no_picture_and_no_time(signed: Path, small_film: Path) -> None:
    with read_video(small_film) as before, read_video(signed) as after:
        for one, other in zip(before, after, strict=True):
            assert one.time == other.time and np.array_equal(one.image, other.image)


def test_no_path_and_no_name_of_a_statement_stands_in_the_film(signed: Path, small_film: Path) -> None:
    content = signed.read_bytes()
    assert b"ann.pdf" not in content
    assert str(small_film.parent).encode() not in content


@pytest.mark.parametrize("share", [0.0, 0.1, 0.35, 0.6, 0.85, 0.999])
@pytest.mark.parametrize("box", ["moov", "mdat"])
def test_a_changed_byte_of_pictures_sound_or_tables_is_found(
    box: str, share: float, signed: Path, tmp_path: Path
) -> None:
    begin, end = boxes(signed.read_bytes())[box]
    found = verify(flipped(signed, begin + 8 + int(share * (end - begin - 8)), tmp_path / "changed.mp4"))
    assert found.state in ("changed", "broken") and not found.vouched_for
    if found.state == "changed":
        assert found.changes == ("the content itself: pictures, sound, or the tables that say when they are shown",)


def test_a_changed_word_of_the_manifest_is_found_and_which(signed: Path, tmp_path: Path) -> None:
    place = signed.read_bytes().index(b"compositeWithTrainedAlgorithmicMedia")
    found = verify(flipped(signed, place, tmp_path / "changed.mp4"))
    assert found.state == "changed"
    assert "the manifest: its statement c2pa.actions.v2" in found.changes
    assert "Believe nothing below" in " ".join(" ".join(lines(found)).split())


def test_another_consent_written_in_is_found(signed: Path, tmp_path: Path) -> None:
    content = signed.read_bytes().replace(b"e" * 64, b"f" * 64)
    (tmp_path / "changed.mp4").write_bytes(content)
    found = verify(tmp_path / "changed.mp4")
    assert found.changes == ("the manifest: its statement org.understudy.origin",)


def test_with_its_sidecar_every_byte_of_the_file_counts(
    signed: Path, tmp_path: Path, origin: Origin, identity: Identity
) -> None:
    film = tmp_path / signed.name
    shutil.copy(signed, film)
    write_sidecar(sidecar_of(film), describe(film, FileRef.of(film).sha256, origin, identity))
    assert verify(film).sidecar == SAME
    flipped(film, 8, film)  # the container's brand, which C2PA does not hash
    found = verify(film)
    assert (found.state, found.changes) == ("changed", (ANOTHER,))


def test_pictures_appended_and_cut_off_are_found(signed: Path, tmp_path: Path) -> None:
    content = signed.read_bytes()
    (tmp_path / "longer.mp4").write_bytes(content + struct.pack(">I4s", 12, b"mdat") + b"more")
    (tmp_path / "shorter.mp4").write_bytes(content[:-100])
    assert [verify(tmp_path / name).vouched_for for name in ("longer.mp4", "shorter.mp4")] == [False, False]


def test_random_damage_ends_in_a_finding(signed: Path, tmp_path: Path) -> None:
    content, dice = signed.read_bytes(), np.random.default_rng(0)
    begin, end = boxes(content)["uuid"]
    for number in range(60):
        damaged = bytearray(content)
        for place in dice.integers(begin, end, 1 + number % 5):
            damaged[place] = dice.integers(0, 256)
        (tmp_path / "damaged.mp4").write_bytes(damaged)
        assert lines(verify(tmp_path / "damaged.mp4"))


def test_a_file_without_a_manifest_says_so_and_is_not_vouched_for(small_film: Path) -> None:
    found = verify(small_film)
    assert (found.state, found.why, found.vouched_for) == ("none", "the file carries none", False)
    assert "Nothing vouches for this file" in " ".join(lines(found))


def test_a_file_of_another_kind_says_that_it_carries_none(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("Dear diary")
    found = verify(tmp_path / "diary.txt")
    assert (found.state, found.why) == ("none", "files of this kind carry no manifest that can be read")


@pytest.mark.parametrize(
    ("suffix", "why"),
    [
        *((suffix, "the file carries none") for suffix in (".jpg", ".png", ".webp", ".tiff")),
        (".bmp", "files of this kind carry no manifest that can be read"),
    ],
)
def test_pictures_without_a_manifest_are_not_vouched_for(suffix: str, why: str, tmp_path: Path) -> None:
    picture = tmp_path / f"picture{suffix}"
    picture.write_bytes(cv2.imencode(suffix, np.full((32, 32, 3), 90, np.uint8))[1].tobytes())
    found = verify(picture)
    assert (found.state, found.why, found.vouched_for) == ("none", why, False)


def test_a_file_is_known_by_its_content_and_not_by_its_name(signed: Path, tmp_path: Path) -> None:
    shutil.copy(signed, tmp_path / "film.jpg")
    assert verify(tmp_path / "film.jpg").state == "intact"


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError) as caught:
        verify(tmp_path / "none.mp4")
    assert str(caught.value) == (
        f"{tmp_path / 'none.mp4'}: cannot be read (No such file or directory); expected a film, a picture or a sound. "
        "Check the path."
    )


def test_an_unknown_signer_is_unknown_until_its_root_is_trusted(
    signed: Path, tmp_path: Path, small_film: Path, origin: Origin, strangers: Identity
) -> None:
    film = tmp_path / "strange.mp4"
    sign(small_film, film, origin, strangers, {}, film.name)
    found = verify(film)
    assert found.vouched_for and found.signature is not None
    assert (found.signature.kind, found.signature.name) == ("unknown", "Ann, Example Films")
    (tmp_path / "roots.pem").write_bytes(strangers.chain)
    trusted = verify(film, trust=trusted_roots(tmp_path / "roots.pem")).signature
    assert trusted is not None and trusted.kind == "trusted"


def test_a_self_made_certificate_of_another_installation_is_named_as_such(signed: Path, tmp_path: Path) -> None:
    own_identity(tmp_path)
    found = verify(signed, own=own_certificate(tmp_path))
    assert found.signature is not None and found.signature.kind == "self-made"
    assert "anybody can make one" in " ".join(" ".join(lines(found)).split())


def test_a_film_made_of_a_synthetic_film_says_so(
    signed: Path, tmp_path: Path, origin: Origin, identity: Identity
) -> None:
    film = tmp_path / "again.mp4"
    translated = replace(origin, work="translation", ingredients=origin.ingredients[:1], consent=None)
    sign(signed, film, translated, identity, {"source": signed}, film.name)
    found = verify(film)
    assert (found.synthetic, found.consent) == ("wholly", None)
    assert (found.made_of[0].synthetic, found.made_of[0].doubts) == ("partly", ())
    assert "red.mp4, itself partly made by AI" in "\n".join(lines(found))


def test_a_changed_source_is_taken_in_with_its_doubts(
    signed: Path, tmp_path: Path, origin: Origin, identity: Identity
) -> None:
    source = flipped(signed, boxes(signed.read_bytes())["mdat"][0] + 99, tmp_path / "source.mp4")
    sign(signed, tmp_path / "film.mp4", origin, identity, {"source": source}, "film.mp4")
    found = verify(tmp_path / "film.mp4")
    assert found.vouched_for
    assert found.made_of[0].doubts == ("assertion.bmffHash.mismatch",)


def test_a_film_that_is_its_own_source_and_target_can_be_signed(
    tmp_path: Path, small_film: Path, origin: Origin, identity: Identity
) -> None:
    source = origin.ingredients[0]
    both = replace(origin, work="portrait", ingredients=(source, replace(source, role="target")))
    sign(small_film, tmp_path / "film.mp4", both, identity, {}, "film.mp4")
    assert [made.role for made in verify(tmp_path / "film.mp4").made_of] == ["source", "target"]


@pytest.mark.parametrize("suffix", [".mov", ".m4v"])
def test_movies_of_other_names_are_signed_as_well(
    suffix: str, tmp_path: Path, small_film: Path, origin: Origin, identity: Identity
) -> None:
    film = tmp_path / f"film{suffix}"
    shutil.copy(small_film, film)
    sign(film, tmp_path / f"signed{suffix}", origin, identity, {}, film.name)
    assert verify(tmp_path / f"signed{suffix}").vouched_for


def test_pictures_of_other_programs_are_read_too(tmp_path: Path, strangers: Identity) -> None:
    import c2pa

    picture = cv2.imencode(".jpg", np.full((32, 32, 3), 90, np.uint8))[1].tobytes()
    actions = {"actions": [{"action": "c2pa.created", "digitalSourceType": COMPOSITE.replace("composite", "x")}]}
    actions["actions"][0]["digitalSourceType"] = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    told = {
        "claim_generator_info": [{"name": "Camera\x1b[31m", "version": "9"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": actions}],
    }
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", strangers.chain, strangers.key, None))
    settings = {"version": 1, "builder": {"thumbnail": {"enabled": False}}}
    context = c2pa.Context(c2pa.Settings.from_dict(settings), signer)
    with c2pa.Builder(told, context) as builder, (tmp_path / "photo.jpg").open("w+b") as photo:
        builder.sign("image/jpeg", io.BytesIO(picture), photo)
    found = verify(tmp_path / "photo.jpg")
    assert (found.state, found.synthetic, found.work, found.consent) == ("intact", "no", None, None)
    said = "\n".join(lines(found))
    assert "It does not call itself made by AI." in said
    assert "\x1b" not in said


def test_a_manifest_on_the_network_is_not_fetched(tmp_path: Path, strangers: Identity) -> None:
    import c2pa

    picture = cv2.imencode(".jpg", np.full((32, 32, 3), 90, np.uint8))[1].tobytes()
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", strangers.chain, strangers.key, None))
    context = c2pa.Context(c2pa.Settings.from_dict({"version": 1, "verify": {"remote_manifest_fetch": False}}), signer)
    with c2pa.Builder({"assertions": []}, context) as builder, (tmp_path / "photo.jpg").open("w+b") as photo:
        builder.set_intent(c2pa.C2paBuilderIntent.CREATE, c2pa.C2paDigitalSourceType.DIGITAL_CAPTURE)
        builder.set_no_embed()
        builder.set_remote_url("http://127.0.0.1:9/manifest.c2pa")
        builder.sign("image/jpeg", io.BytesIO(picture), photo)
    found = verify(tmp_path / "photo.jpg")
    assert (found.state, found.why) == ("none", "the file names one on the network, which is not asked")


@pytest.mark.parametrize("name", ["film.mp4", "photo.jpg"])
def test_an_empty_file_and_a_folder_are_said(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    found = verify(tmp_path / name)
    assert (found.state, found.why) == ("none", "the file is empty")
    with pytest.raises(ProvenanceError, match="cannot be read"):
        verify(tmp_path)


def test_a_translation_is_wholly_made_by_ai_and_a_dance_is_laid_over_footage(origin: Origin) -> None:
    assert origin.source_type == COMPOSITE
    assert replace(origin, work="portrait").source_type == COMPOSITE
    assert replace(origin, work="translation").source_type == TRAINED


def test_a_certificate_that_cannot_sign_content_is_found_without_a_film(strangers: Identity, wrong: Identity) -> None:
    prove(strangers)
    with pytest.raises(ProvenanceError, match=r"it cannot be signed .*; expected a certificate for signing content"):
        prove(wrong)


def test_a_container_that_carries_none_is_refused(tmp_path: Path, origin: Origin, identity: Identity) -> None:
    with pytest.raises(ProvenanceError, match=r"carries no manifest; expected \.mp4, \.m4v, \.mov"):
        sign(tmp_path / "film.mkv", tmp_path / "signed.mkv", origin, identity, {}, "film.mkv")


def test_the_sidecar_says_what_the_manifest_says(
    signed: Path, tmp_path: Path, origin: Origin, identity: Identity
) -> None:
    film = tmp_path / "film.mp4"
    shutil.copy(signed, film)
    write_sidecar(sidecar_of(film), describe(film, FileRef.of(film).sha256, origin, identity))
    said = json.loads((tmp_path / "film.provenance.json").read_text())
    assert said["origin"] == json.loads(json.dumps(origin.as_json()))
    assert said["signature"] == {"name": identity.name, "self_made": True, "algorithm": "es256"}
    assert said["origin"]["consent"] == {"kind": "file", "date": "2026-01-02", "sha256": "e" * 64}


def test_a_sidecar_that_cannot_be_read_is_said_and_stops_nothing(signed: Path, tmp_path: Path) -> None:
    shutil.copy(signed, tmp_path / "film.mp4")
    (tmp_path / "film.provenance.json").write_text("{}")
    found = verify(tmp_path / "film.mp4")
    assert (found.vouched_for, found.sidecar) == (True, "no sidecar that can be read")
