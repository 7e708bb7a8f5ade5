"""A delivered film: signed last, with its sidecar, whole or not there; nothing of its inputs' metadata in it."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import typer
from flashing_clips import click_times, flash_times, flashing
from tagged_clips import TAGS, tagged
from typer.testing import CliRunner

from flows.commands.trust import verify as verify_command
from flows.delivering import PLAIN, Delivery, deliver, delivery_for
from flows.proof.provenance import translation_origin
from pipeline.artifacts import FileRef
from pipeline.delivery import side_by_side
from pipeline.errors import OutputExists, ProvenanceError, StorageError, VideoError
from pipeline.video import DEFAULT_ENCODING, probe_sound, read_video, write_video
from stages.provenance import manifest
from stages.provenance.origin import Ingredient, Origin
from stages.provenance.verify import SAME, verify

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

ORIGIN = Origin(
    work="dance",
    ingredients=(
        Ingredient(role="source", name="red.mp4", sha256="a" * 64, media_type="video/mp4"),
        Ingredient(role="target", name="blue.mp4", sha256="b" * 64, media_type="video/mp4"),
        Ingredient(role="model", name="ann/model.json", sha256="c" * 64, media_type="application/json"),
    ),
)


@pytest.fixture(scope="module")
def segments(clips: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The source's pictures as two rendered segments."""
    folder, paths = tmp_path_factory.mktemp("segments"), []
    for number, (start, stop) in enumerate(((0, 12), (12, 20))):
        paths.append(folder / f"{number}.mp4")
        with (
            read_video(clips[0], start_index=start, stop_index=stop) as video,
            write_video(paths[-1], video.info) as film,
        ):
            for frame in video:
                film.write(frame)
    return paths


def made(segments: list[Path], source: Path, output: Path, delivery: Delivery = PLAIN) -> Path:
    origin = replace(ORIGIN, label=delivery.label)
    deliver(segments, source, output, origin, delivery, DEFAULT_ENCODING, overwrite=False)
    return output


def test_a_delivered_film_is_signed_whole_and_lies_beside_its_sidecar(
    segments: list[Path], clips: tuple[Path, Path], tmp_path: Path
) -> None:
    found = verify(made(segments, clips[0], tmp_path / "new" / "film.mp4"))
    assert (found.state, found.sidecar) == ("intact", SAME)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["film.mp4", "film.provenance.json"]


def test_what_the_clip_says_of_place_device_and_people_stays_behind(
    segments: list[Path], clips: tuple[Path, Path], tmp_path: Path
) -> None:
    source = tagged(clips[0], tmp_path / "phone.mov")
    assert all(word.encode() in source.read_bytes() for word in TAGS)
    for name in ("film.mp4", "film.mov"):
        content = made(segments, source, tmp_path / name).read_bytes()
        assert [word for word in TAGS if word.encode() in content] == []
    assert probe_sound(tmp_path / "film.mp4")[0].language == "ger"  # of its sound, what players choose by


def test_films_side_by_side_lose_it_too(clips: tuple[Path, Path], tmp_path: Path) -> None:
    source = tagged(clips[0], tmp_path / "phone.mov")
    side_by_side([source, clips[1]], tmp_path / "both.mp4", height=64)
    assert [word for word in TAGS if word.encode() in (tmp_path / "both.mp4").read_bytes()] == []


def test_matroska_is_delivered_unsigned_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, segments = flashing(tmp_path, seconds=2, rate=Fraction(25))
    film = made(segments, source, tmp_path / "film.mkv")
    assert "film.mkv is not signed, as its kind can carry no manifest (.mp4, .m4v, .mov can)" in " ".join(
        capsys.readouterr().err.split()
    )
    said = json.loads((tmp_path / "film.provenance.json").read_text())
    assert said["signature"] is None and said["sha256"] == FileRef.of(film).sha256
    found = verify(film)
    assert (found.state, found.synthetic, found.sidecar, found.vouched_for) == ("none", "partly", SAME, False)


def test_a_label_is_written_into_the_pictures_and_named_in_the_manifest(
    segments: list[Path], clips: tuple[Path, Path], tmp_path: Path
) -> None:
    film = made(segments, clips[0], tmp_path / "film.mp4", Delivery(label="Made with AI"))
    found = verify(film)
    assert found.label == "Made with AI"
    assert "a visible label was written into every picture: Made with AI" in found.actions
    with read_video(clips[0]) as before, read_video(film) as after:
        for one, other in zip(before, after, strict=True):
            assert one.time == other.time
            assert np.abs(one.image[-30:].astype(int) - other.image[-30:]).mean() > 5


def test_the_users_certificate_signs_also_by_the_environment(
    segments: list[Path], clips: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config_folder: Path
) -> None:
    delivery = delivery_for(tmp_path / "film.mp4", clips[0], sign_cert=None, sign_key=None, label=None)
    own = config_folder / "signer.pem"
    assert own.is_file()
    monkeypatch.setenv("UNDERSTUDY_SIGN_CERT", str(own))
    with pytest.raises(ProvenanceError) as caught:
        made(segments, clips[0], tmp_path / "film.mp4", delivery)
    assert str(caught.value) == (
        "--sign-key: it is not given; expected both --sign-cert and --sign-key, or neither. "
        "Give the other PEM file, too."
    )
    monkeypatch.setenv("UNDERSTUDY_SIGN_KEY", str(own))
    assert verify(made(segments, clips[0], tmp_path / "film.mp4", delivery)).vouched_for


def test_what_cannot_be_delivered_is_found_before_anything_is_rendered(
    clips: tuple[Path, Path], tmp_path: Path
) -> None:
    output, (clip, at_30000_1001), wrong = tmp_path / "film.mp4", clips, tmp_path / "cert.pem"
    wrong.write_text("none")
    with pytest.raises(ProvenanceError, match=r"cert\.pem: no certificate in it"):
        delivery_for(output, clip, sign_cert=wrong, sign_key=wrong, label=None)
    with pytest.raises(ProvenanceError, match="no others can be drawn"):
        delivery_for(output, clip, sign_cert=None, sign_key=None, label="Ümlaut")
    with pytest.raises(VideoError, match=r"film\.mkv: \.mkv counts time in 1/1000 s"):
        delivery_for(tmp_path / "film.mkv", at_30000_1001, sign_cert=None, sign_key=None, label=None)


def test_a_signing_that_fails_leaves_no_film_and_no_sidecar(
    segments: list[Path], clips: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: object) -> None:
        raise manifest.C2paError("no ink")

    monkeypatch.setattr(manifest, "definition", refused)
    with pytest.raises(ProvenanceError, match=r"film\.mp4: it cannot be signed \(no ink\)"):
        made(segments, clips[0], tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


def test_segments_that_cannot_be_joined_leave_nothing(clips: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(VideoError):
        made([tmp_path / "gone.mp4"], clips[0], tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_folder_is_said(segments: list[Path], clips: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        made(segments, clips[0], tmp_path / "file" / "film.mp4")


def test_a_taken_place_is_refused_before_any_work(clips: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"mine")
    with pytest.raises(OutputExists):
        made([tmp_path / "gone.mp4"], clips[0], tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_bytes() == b"mine"


def test_a_film_that_is_replaced_gets_a_sidecar_of_its_own(
    segments: list[Path], clips: tuple[Path, Path], tmp_path: Path
) -> None:
    output = made(segments, clips[0], tmp_path / "film.mp4")
    other = replace(ORIGIN, work="translation")
    deliver(segments[:1], clips[0], output, other, PLAIN, DEFAULT_ENCODING, overwrite=True)
    found = verify(output)
    assert (found.work, found.sidecar) == ("translation", SAME)


def test_the_configuration_is_named_without_any_path(tmp_path: Path) -> None:
    from flows.translate import TranslateRendering

    clip, model = tmp_path / "day.mp4", tmp_path / "dusk" / "model.json"
    origin = translation_origin(FileRef(clip, "1" * 64), FileRef(model, "2" * 64), TranslateRendering(), PLAIN)
    assert [(part.role, part.name) for part in origin.ingredients] == [
        ("source", "day.mp4"),
        ("model", "dusk/model.json"),
        ("configuration", "translation settings.json"),
    ]
    assert origin.configuration["encoding"]["codec"] == "libx264"
    assert str(tmp_path) not in json.dumps(origin.as_json())


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command("verify")(verify_command)
    return app


def test_verify_ends_with_0_for_an_intact_film_and_with_1_for_all_else(
    segments: list[Path], clips: tuple[Path, Path], tmp_path: Path, app: typer.Typer
) -> None:
    film, runner = made(segments, clips[0], tmp_path / "film.mp4"), CliRunner()
    good = runner.invoke(app, [str(film)])
    assert good.exit_code == 0
    assert "Not changed since it was signed." in good.stdout
    assert "the self-made certificate of this installation" in " ".join(good.stdout.split())
    content = bytearray(film.read_bytes())
    content[len(content) // 2] ^= 1
    film.write_bytes(content)
    changed = runner.invoke(app, [str(film), "--json"])
    assert changed.exit_code == 1
    assert json.loads(changed.stdout)["state"] == "changed"
    assert runner.invoke(app, [str(clips[0])]).exit_code == 1
    missing = runner.invoke(app, [str(tmp_path / "none.mp4")])
    assert isinstance(missing.exception, ProvenanceError)


def test_sound_and_pictures_of_a_delivered_film_stay_within_a_frame(tmp_path: Path) -> None:
    """At 30000/1001, in 60 segments of a second: a flash and a click every two seconds, first to last."""
    rate = Fraction(30000, 1001)
    source, parts = flashing(tmp_path, seconds=60, rate=rate)
    film = made(parts, source, tmp_path / "film.mp4")
    flashes, clicks = flash_times(film), click_times(film)
    assert len(flashes) == len(clicks) == 30
    assert max(abs(seen - heard) for seen, heard in zip(flashes, clicks, strict=True)) < 1 / rate
