"""A camera's manifest travels with its clip, and what it says of place, device and day stays behind."""

import io
from pathlib import Path
from typing import Any

import c2pa
import cv2
import numpy as np
import pytest

from pipeline.artifacts import FileRef
from stages.provenance.identity import Identity
from stages.provenance.manifest import sign
from stages.provenance.origin import Ingredient, Origin
from stages.provenance.verify import verify
from stages.provenance.wording import lines

SECRETS = (b"48,51.4662N", b"Fone 9", b"Ann at home", b"JFIF")  # place, device, title; and a thumbnail's head
CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
EXIF = {
    "@context": {"exif": "http://ns.adobe.com/exif/1.0/"},
    "exif:GPSLatitude": "48,51.4662N",
    "exif:Model": "Fone 9",
}
WORK = {"@context": "https://schema.org", "@type": "CreativeWork", "name": "Ann at home"}
TOLD = {
    "claim_generator_info": [{"name": "Camera", "version": "9"}],
    "assertions": [
        {"label": "c2pa.actions.v2", "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": CAPTURE}]}},
        {"label": "stds.exif", "data": EXIF},
        {"label": "stds.exif", "data": {**EXIF, "exif:Flash": "0"}},
        {"label": "stds.schema-org.CreativeWork", "data": WORK},
    ],
}


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory, small_film: Path, strangers: Identity) -> Path:
    """A film that a camera signed, cut of a photo that it signed too: both with place, device and thumbnail."""
    output, photo = tmp_path_factory.mktemp("camera") / "camera.mp4", io.BytesIO()
    picture = cv2.imencode(".jpg", np.full((64, 64, 3), 90, np.uint8))[1].tobytes()
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", strangers.chain, strangers.key, None))
    settings: dict[str, Any] = {"version": 1, "builder": {"thumbnail": {"enabled": True}}}
    context = c2pa.Context(c2pa.Settings.from_dict(settings), signer)
    with c2pa.Builder(TOLD, context) as builder:
        builder.sign("image/jpeg", io.BytesIO(picture), photo)
    photo.seek(0)
    with c2pa.Builder(TOLD, context) as builder, small_film.open("rb") as film, output.open("w+b") as signed:
        builder.add_ingredient({"title": "photo.jpg", "relationship": "componentOf"}, "image/jpeg", photo)
        builder.sign("video/mp4", film, signed)
    return output


def made_of(clip: Path, small_film: Path, output: Path, identity: Identity) -> Path:
    part = Ingredient(role="source", name=clip.name, sha256=FileRef.of(clip).sha256, media_type="video/mp4")
    origin = Origin(work="translation", ingredients=(part,))
    sign(small_film, output, origin, identity, {"source": clip}, output.name)
    return output


def secrets_in(path: Path) -> list[bytes]:
    content = path.read_bytes()
    return [word for word in SECRETS if word in content]


def test_place_device_title_and_thumbnails_of_a_clips_own_manifests_stay_behind_and_that_is_said(
    camera: Path, small_film: Path, tmp_path: Path, identity: Identity
) -> None:
    assert secrets_in(camera) == list(SECRETS)
    film = made_of(camera, small_film, tmp_path / "film.mp4", identity)
    assert secrets_in(film) == []
    found = verify(film)
    assert (found.state, found.made_of[0].synthetic, found.made_of[0].doubts) == ("intact", "no", ())
    assert found.actions[1:].count("stds.exif was left out of the manifest that camera.mp4 carries") == 2
    assert "stds.schema-org.CreativeWork was left out of the manifest that camera.mp4 carries" in found.actions


def test_a_film_of_such_a_film_is_as_discreet_and_as_intact(
    camera: Path, small_film: Path, tmp_path: Path, identity: Identity
) -> None:
    film = made_of(camera, small_film, tmp_path / "film.mp4", identity)
    again = made_of(film, small_film, tmp_path / "again.mp4", identity)
    assert secrets_in(again) == []
    found = verify(again)
    assert (found.state, found.made_of[0].synthetic, found.made_of[0].doubts) == ("intact", "wholly", ())


def test_a_clip_whose_manifest_is_damaged_costs_no_film_and_tells_nothing(
    camera: Path, small_film: Path, tmp_path: Path, identity: Identity
) -> None:
    content, dice, damaged = camera.read_bytes(), np.random.default_rng(0), tmp_path / "damaged.mp4"
    begin, seen = content.index(b"uuid"), set()
    for number in range(30):
        worse = bytearray(content)
        for place in dice.integers(begin, begin + 20000, 1 + number % 4):
            worse[place] = dice.integers(0, 256)
        damaged.write_bytes(worse)
        film = made_of(damaged, small_film, tmp_path / "film.mp4", identity)
        found = verify(film)
        assert found.vouched_for and secrets_in(film) == []
        seen |= set(found.made_of[0].doubts)
    assert "it cannot be read, and was left out" in seen


def test_what_was_left_out_whole_is_said_in_plain_words(
    camera: Path, small_film: Path, tmp_path: Path, identity: Identity
) -> None:
    content, damaged = bytearray(camera.read_bytes()), tmp_path / "damaged.mp4"
    place = content.index(b"jumb")
    content[place : place + 4] = b"jamb"
    damaged.write_bytes(content)
    said = " ".join(" ".join(lines(verify(made_of(damaged, small_film, tmp_path / "film.mp4", identity)))).split())
    assert "its own manifest did not fit: it cannot be read, and was left out" in said
