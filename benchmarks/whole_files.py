"""Small whole files of every form that a stranger may hand in: made quickly, and as our own commands make them."""

import json
import tempfile
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch

from models.cyclegan.generator import ResnetGeneratorConfig
from models.deep_video_portraits.light import LightPortraitConfig
from models.everybody_dance_now.draft import DraftConfig
from models.training_state import TrainingState
from pipeline.artifacts import FileRef
from pipeline.face_landmarks import FACE_POINTS, MESH_POINTS
from pipeline.values import JOINTS, Box, FacePerformance, FaceTrack, Frame, Track, VideoInfo
from pipeline.video import Encoding, write_video
from stages.conditioning.face_images import FaceImagesFormat
from stages.conditioning.stick_figure import StickFigureFormat
from stages.model_folder import DanceModel, write_model
from stages.portrait_model import PortraitModel, write_portrait
from stages.provenance.identity import own_identity
from stages.provenance.manifest import sign
from stages.provenance.origin import Ingredient, Origin
from stages.provenance.sidecar import describe, sidecar_of, write_sidecar
from stages.retargeting.body import measure_body
from stages.retargeting.face_model_file import _FILE as FACE_MODEL
from stages.retargeting.face_model_file import load_face_model
from stages.tracking.face_track_file import save_face_track
from stages.training.framing import Framing
from stages.training.networks import build_network
from stages.training.picture_store import StoreConfig, prepare_pictures
from stages.training.translate_networks import build_translator
from stages.translate_model import Look, TranslateModel, write_translator

FRAMES = 6
WIDTH, HEIGHT = 64, 48
SHA = "0" * 64
EDITS = """yaw: 10
pitch:
  - {time: 0, value: 0}
  - {time: 2.5, value: 15, smooth: true}
smile: 1.3
jaw: {gain: 1.2, offset: [{time: 1, value: 0}, {time: 2, value: 0.5}]}
gaze: [0.2, 0]
"""


def _times() -> tuple[Fraction, ...]:
    return tuple(Fraction(index, 24) for index in range(FRAMES))


def _statuses() -> dict[str, np.ndarray]:
    return {"status": np.zeros(FRAMES, np.uint8), "shot": np.zeros(FRAMES, np.int32)}


def made_track() -> Track:
    """A body that waves a little."""
    chance = np.random.default_rng(1)
    points = chance.uniform(8, 40, (JOINTS, 2)) + chance.normal(0, 0.2, (FRAMES, JOINTS, 2))
    world = np.zeros((FRAMES, JOINTS, 3), np.float32)
    sure = np.ones((FRAMES, JOINTS), np.float32)
    return Track(WIDTH, HEIGHT, _times(), points.astype(np.float32), sure, world, **_statuses())


def made_performance() -> FacePerformance:
    """A head that looks ahead."""
    shapes = {"rotation": (3,), "translation": (3,), "expression": (MESH_POINTS, 3)}
    shapes |= {"gaze": (4,), "lids": (2,), "shoulders": (2, 3)}
    own = {name: np.zeros((FRAMES, *shape), np.float32) for name, shape in shapes.items()}
    return FacePerformance(WIDTH, HEIGHT, _times(), **own, **_statuses())


def made_face_model(folder: Path) -> None:
    """A face in which everything is 1, which is within every bound."""
    lengths = {"t": 2, "k": 2}
    arrays = {}
    for part in FACE_MODEL.fields:
        shape = [lengths.get(length, length) for length in part.shape]
        arrays[part.name] = np.ones(shape, part.dtype)
    FACE_MODEL.save(arrays, folder / "face_model.npz")


def made_face_track(folder: Path) -> None:
    """A face that stands still."""
    points = np.ones((FRAMES, FACE_POINTS, 3), np.float32)
    sure, shoulders = np.ones(FRAMES, np.float32), np.ones((FRAMES, 2, 3), np.float32)
    save_face_track(FaceTrack(WIDTH, HEIGHT, _times(), points, sure, shoulders, **_statuses()), folder / "face.npz")


def made_film(path: Path) -> None:
    """A few frames in which a bar moves."""
    info = VideoInfo(path, WIDTH, HEIGHT, Fraction(24), Fraction(1, 24))
    with write_video(path, info, encoding=Encoding(preset="ultrafast")) as film:
        for index, time in enumerate(_times()):
            image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            image[:, 8 * index : 8 * index + 8] = 220
            film.write(Frame(image, time, index))


def made_openpose(folder: Path) -> None:
    """What OpenPose writes of one person, and the clip it looked at."""
    made_film(folder / "clip.mp4")
    for index in range(FRAMES):
        joints = np.column_stack([np.linspace(10, 50, 25) + index, np.linspace(5, 40, 25), np.full(25, 0.9)])
        people = [{"pose_keypoints_2d": joints.ravel().round(2).tolist()}]
        (folder / f"{index:04}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))


def _framing() -> Framing:
    window = Box(0, 0, WIDTH, HEIGHT)
    return Framing(frame_width=WIDTH, frame_height=HEIGHT, window=window, width=WIDTH, height=HEIGHT)


def _clip() -> dict[str, str]:
    return {"clip_name": "blue.mp4", "clip_sha256": SHA}


def made_dancer(folder: Path) -> None:
    """A dancer's likeness that has learnt nothing."""
    config = DraftConfig(base_channels=4, halvings=2, blocks=1)
    facts = DanceModel(
        preset="draft",
        network="draft",
        network_config=asdict(config),
        framing=_framing(),
        style=StickFigureFormat(),
        body=measure_body(made_track()),
        **_clip(),
    )
    plate = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    write_model(folder, facts, build_network(config, torch.Generator()), None, plate)


def made_portrait(folder: Path) -> None:
    """A head's likeness that has learnt nothing."""
    config = LightPortraitConfig(window=3, base_channels=4, most_channels=8, halvings=2, blocks=1)
    facts = PortraitModel(
        preset="draft",
        method="deep-video-portraits",
        network="light-portrait",
        network_config=asdict(config),
        framing=_framing(),
        style=FaceImagesFormat(),
        **_clip(),
    )
    plate = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    made_face_model(folder)
    face = load_face_model(folder / "face_model.npz")
    network = build_network(config, torch.Generator())
    write_portrait(folder, facts, network, face, made_performance(), background=plate, still=plate)


def made_translator(folder: Path) -> None:
    """A translator that has learnt nothing."""
    config = ResnetGeneratorConfig(base_channels=4, blocks=1)
    look = Look(name="day", sha256=(SHA,), pictures=9, width=64, height=64)
    facts = TranslateModel(
        preset="draft",
        method="cyclegan",
        network="resnet",
        network_config=asdict(config),
        stride=4,
        directions=("a-to-b",),
        a=look,
        b=look,
    )
    write_translator(folder, facts, {"a-to-b": build_translator(config, torch.Generator())})


def published_cyclegan() -> dict[str, torch.Tensor]:
    """A ResNet-6 as its authors name its parts."""
    shapes = {"model.1": (4, 3, 7, 7), "model.4": (8, 4, 3, 3), "model.7": (16, 8, 3, 3)}
    for block in range(10, 16):
        shapes |= {f"model.{block}.conv_block.{layer}": (16, 16, 3, 3) for layer in (1, 5)}
    shapes |= {"model.16": (16, 8, 3, 3), "model.19": (8, 4, 3, 3), "model.23": (3, 4, 7, 7)}
    weights = {f"{name}.weight": torch.zeros(shape) for name, shape in shapes.items()}
    grown = ("model.16", "model.19")  # transposed: the outputs come second
    return weights | {f"{n}.bias": torch.zeros(s[1] if n in grown else s[0]) for n, s in shapes.items()}


def made_training() -> TrainingState:
    """The state of a small training after its first gradients."""
    net = torch.nn.Linear(3, 2)
    optimiser = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    parts = {"modules": {"net": net}, "optimisers": {"net": optimiser}}
    return TrainingState(**parts, generators={"noise": torch.Generator()}, samplers={"order": np.random.default_rng(0)})


def made_pictures(folder: Path) -> None:
    """A store of a few pictures."""
    with tempfile.TemporaryDirectory() as beside:
        places = []
        for index in range(4):
            places.append(Path(beside) / f"{index}.png")
            cv2.imwrite(str(places[-1]), np.full((32, 32, 3), 40 * index, np.uint8))
        prepare_pictures(places, StoreConfig(side=32, least=2), folder / "store")


def made_stills(folder: Path) -> None:
    """One picture in every format that is read."""
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)
    for suffix in STILLS:
        cv2.imwrite(str(folder / f"still.{suffix}"), image)


STILLS = ("png", "jpg", "webp", "bmp", "tiff")
JOBS = """defaults: {preset: draft, minutes: 4, dance: {codec: libx264}}
jobs:
  - {kind: train, what: dance, target: clip.mp4, output: models/blue, without_consent_record: true}
  - {kind: translate, clip: "*.mp4", model: models/dusk, output: "dusk/{clip}.mp4"}
"""


def made_jobs(folder: Path) -> None:
    """Two jobs, and the clip they name."""
    (folder / "models" / "dusk").mkdir(parents=True)
    made_film(folder / "clip.mp4")
    (folder / "jobs.yaml").write_text(JOBS)


def made_signed(folder: Path) -> None:
    """A signed film with its sidecar."""
    origin = Origin(work="dance", ingredients=(Ingredient(role="source", name="clip.mp4", sha256=SHA),))
    with tempfile.TemporaryDirectory() as beside:
        identity = own_identity(Path(beside))
        made_film(Path(beside) / "plain.mp4")
        sign(Path(beside) / "plain.mp4", folder / "film.mp4", origin, identity, {}, "film.mp4")
    film = folder / "film.mp4"
    write_sidecar(sidecar_of(film), describe(film, FileRef.of(film).sha256, origin, identity))
