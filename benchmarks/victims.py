"""Whole files, what damages them, and the readers they are given to."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch

from benchmarks.mutations import (
    Chance,
    Damage,
    buried_json,
    damaged,
    damaged_arrays,
    damaged_json,
    damaged_tensors,
    damaged_yaml,
)
from benchmarks.whole_files import (
    EDITS,
    HEIGHT,
    STILLS,
    WIDTH,
    made_dancer,
    made_face_track,
    made_jobs,
    made_openpose,
    made_performance,
    made_pictures,
    made_portrait,
    made_signed,
    made_stills,
    made_track,
    made_training,
    made_translator,
    published_cyclegan,
)
from flows.jobs.job_file import read_jobs
from models.official.reading import read_official
from models.performance import Memory
from models.training_state import Progress
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.values import VideoInfo
from pipeline.video import probe
from stages.model_folder import load_model
from stages.portrait_model import load_portrait
from stages.provenance.consent import keep_consent, kept_consent, stated_by_oneself
from stages.provenance.verify import verify
from stages.provenance.wording import lines
from stages.rendering.generate import load_state, save_state
from stages.rendering.render import Stretch, film_info, render_stretch
from stages.retargeting.body import measure_body
from stages.retargeting.edits_file import load_edits
from stages.retargeting.performance_file import load_performance, save_performance
from stages.retargeting.retarget import RetargetConfig, retarget
from stages.tracking.face_track_file import load_face_track
from stages.tracking.openpose import read_openpose_folder
from stages.tracking.track_file import load_track, save_track
from stages.training.picture_store import open_pictures
from stages.training.stills import read_still
from stages.translate_model import load_translator

Read = Callable[[Path], None]  # takes what the file lies in: a folder
CPU = Compute("cpu", "float32", 0)


@dataclass(frozen=True, slots=True)
class Victim:
    """A kind of file: how a whole one is made in a folder, which of its files are damaged how, who reads it."""

    make: Callable[[Path], None]
    read: Read
    files: dict[str, tuple[Damage, ...]]  # name in the folder: the damages that fit
    vouched: bool = False  # model.json names the hash of the file: whoever changes one writes the other


def damage(victim: Victim, folder: Path, chance: Chance) -> str:
    """Damage one file of a folder in place; returns its name."""
    names = sorted(victim.files)
    name = names[int(chance.integers(len(names)))]
    kinds = victim.files[name]
    path = folder / name
    path.write_bytes(kinds[int(chance.integers(len(kinds)))](path.read_bytes(), chance))
    facts = folder / "model.json"
    if victim.vouched and name != facts.name and chance.random() < 0.8:
        said = json.loads(facts.read_text())
        said["parts"][name] = FileRef.of(path).sha256
        facts.write_text(json.dumps(said))
    return name


def read_openpose(folder: Path) -> None:
    """As `understudy track --openpose` does."""
    read_openpose_folder(folder, probe(folder / "clip.mp4"))


def performed(folder: Path) -> None:
    """Paint two frames with a dancer's likeness, as `understudy render` does."""
    model = load_model(folder, CPU)
    source = VideoInfo(folder / "clip.mp4", WIDTH, HEIGHT, Fraction(24), Fraction(1, 24))
    info = film_info(model.facts, source)
    own, track = model.facts.body, made_track()
    moved = retarget(track, measure_body(track), own, RetargetConfig()).track
    render_stretch(model, moved, Stretch(0, 2), info, folder / "out.mp4", CPU)


def read_stills(folder: Path) -> None:
    """Read every picture, as learning a look does."""
    for suffix in STILLS:
        read_still(folder / f"still.{suffix}")


def verified(folder: Path) -> None:
    """Say what a signed film is, as `understudy verify` does."""
    lines(verify(folder / "film.mp4", trust=b"", own=None))


_BYTES: tuple[Damage, ...] = (damaged,)
_JSON: tuple[Damage, ...] = (*(damaged, damaged, buried_json), *(damaged_json,) * 6)
_ARRAYS: tuple[Damage, ...] = (damaged, damaged_arrays, damaged_arrays)
_TENSORS: tuple[Damage, ...] = (damaged, damaged_tensors)
VICTIMS: dict[str, Victim] = {
    "body track": Victim(
        lambda folder: save_track(made_track(), folder / "track.npz"),
        lambda folder: _unused(load_track(folder / "track.npz")),
        {"track.npz": _ARRAYS},
    ),
    "face track": Victim(
        made_face_track, lambda folder: _unused(load_face_track(folder / "face.npz")), {"face.npz": _ARRAYS}
    ),
    "performance": Victim(
        lambda folder: save_performance(made_performance(), folder / "performance.npz"),
        lambda folder: _unused(load_performance(folder / "performance.npz")),
        {"performance.npz": _ARRAYS},
    ),
    "OpenPose": Victim(made_openpose, read_openpose, {"0000_keypoints.json": _JSON, "0003_keypoints.json": _JSON}),
    "dance model": Victim(
        made_dancer,
        performed,
        {"model.json": _JSON, "weights.safetensors": _TENSORS, "background.png": _BYTES},
        vouched=True,
    ),
    "portrait model": Victim(
        made_portrait,
        lambda folder: _unused(load_portrait(folder, CPU)),
        {
            "model.json": _JSON,
            "weights.safetensors": _TENSORS,
            "face_model.npz": _ARRAYS,
            "performance.npz": _ARRAYS,
            "still.png": _BYTES,
        },
        vouched=True,
    ),
    "translator": Victim(
        made_translator,
        lambda folder: _unused(load_translator(folder, CPU)),
        {"model.json": _JSON, "a_to_b.safetensors": _TENSORS},
        vouched=True,
    ),
    "edits": Victim(
        lambda folder: _unused((folder / "edits.yaml").write_text(EDITS)),
        lambda folder: _unused(load_edits(folder / "edits.yaml")),
        {"edits.yaml": (damaged, damaged_yaml, damaged_yaml)},
    ),
    "jobs": Victim(
        made_jobs,
        lambda folder: _unused(read_jobs(folder / "jobs.yaml", [folder])),
        {"jobs.yaml": (damaged, damaged_yaml, damaged_yaml)},
    ),
    "signed film": Victim(made_signed, verified, {"film.mp4": _BYTES, "film.provenance.json": _JSON}),
    "consent record": Victim(
        lambda folder: _unused(keep_consent(folder, stated_by_oneself())),
        lambda folder: _unused(kept_consent(folder)),
        {"consent.json": _JSON},
    ),
    "training state": Victim(
        lambda folder: made_training().save(folder / "state.safetensors", Progress(step=1, notes={"clock": 1.5})),
        lambda folder: _unused(made_training().restore(folder / "state.safetensors")),
        {"state.safetensors": _TENSORS},
    ),
    "render state": Victim(
        lambda folder: save_state(
            folder / "state.safetensors", Memory((torch.zeros(1, 3, 8, 8),), torch.zeros(1, 3, 8, 8), False)
        ),
        lambda folder: _unused(load_state(folder / "state.safetensors")),
        {"state.safetensors": _TENSORS},
    ),
    "published weights": Victim(
        lambda folder: torch.save(published_cyclegan(), folder / "net.pth"),
        lambda folder: _unused(read_official(folder / "net.pth")),
        {"net.pth": _BYTES},
    ),
    "store of pictures": Victim(
        made_pictures,
        lambda folder: _unused(open_pictures(folder / "store")),
        {"store/store.json": _JSON, "store/follows.npy": _BYTES},
    ),
    "pictures": Victim(made_stills, read_stills, {f"still.{suffix}": _BYTES for suffix in STILLS}),
}


def _unused(value: object) -> None:
    """A reader's result: that there is one is all that is asked."""
    del value
