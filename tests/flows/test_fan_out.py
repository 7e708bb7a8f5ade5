"""Films, tracks and prepared clips made by two workers of a Dask cluster: the same to the bit, nothing done twice."""

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from flows.engine import Engine
from flows.store.workspace import CACHE_VARIABLE, Workspace
from models.cyclegan.generator import ResnetGeneratorConfig
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import BackendUnavailable, JobError, ModelError, OperatingError, StorageError
from pipeline.video import LOSSLESS, read_video
from stages.model_parts import FACTS
from stages.training.translate_networks import build_translator, translator_name
from stages.translate_model import Look, TranslateModel, write_translator

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@dataclass(frozen=True)
class Studio:
    """A translator and a clip of 20 frames: three chunks of 8."""

    engine: Engine
    workspace: Workspace
    clip: Path
    model: FileRef

    def translate(self, output: Path, fan_out: str | None = None, **changes: Any) -> FileRef:
        from flows.translate import TranslateRendering, translate_flow

        settings = TranslateRendering(
            **{"chunk_frames": 8, "encoding": LOSSLESS, "steady": None, "fan_out": fan_out, **changes}
        )
        clip, compute = FileRef.of(self.clip), Compute()
        return self.engine.run(
            lambda: translate_flow(clip, self.model, output, settings, compute, self.workspace, overwrite=True)
        )

    @property
    def segments(self) -> dict[str, int]:
        """When each segment of film was last written."""
        return {path.name: path.stat().st_mtime_ns for path in self.workspace.root.glob("segments/*.mp4")}


@pytest.fixture(scope="module")
def studio(engine: Engine, streets: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A small network with whatever weights it begins with: it is not how the film looks that is asked here."""
    root = tmp_path_factory.mktemp("studio")
    folder, config = root / "dusk", ResnetGeneratorConfig(base_channels=4, blocks=1, residual=True)
    folder.mkdir()
    look = Look(name="street", sha256=("0" * 64,), pictures=1, width=64, height=64)
    facts = TranslateModel(
        preset="draft",
        method="cyclegan",
        network=translator_name(config),
        network_config=asdict(config),
        stride=config.stride,
        directions=("a-to-b",),
        a=look,
        b=look,
    )
    write_translator(folder, facts, {"a-to-b": build_translator(config, torch.Generator())})
    return Studio(engine, Workspace(root / "runs"), streets[0], FileRef.of(folder / FACTS))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers, each a process of its own."""
    from distributed import LocalCluster

    own = {CACHE_VARIABLE: str(tmp_path_factory.mktemp("workers"))}
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, env=own)  # type: ignore[no-untyped-call]
    with cluster:
        yield cluster.scheduler_address


def pictures_of(film: Path) -> list[Any]:
    with read_video(film) as video:
        return [frame.image for frame in video]


@pytest.fixture(scope="module")
def alone(studio: Studio, clips: tuple[Path, Path]) -> FileRef:
    """The track of a dancer's clip of 64 frames, made without a cluster."""
    return tracked(studio, clips[1], studio.workspace)


def tracked(studio: Studio, clip: Path, workspace: Workspace, cluster: str | None = None) -> FileRef:
    from flows.cluster import fanned_out
    from flows.store.caching import whole
    from flows.tasks import track_clip
    from stages.tracking.pose import TrackerConfig

    with fanned_out(cluster):
        return studio.engine.run(lambda: whole(track_clip, FileRef.of(clip), TrackerConfig(), workspace))


def pieces_in(workspace: Workspace) -> dict[str, int]:
    """When each piece was last written; what a killed worker left half-written is none."""
    return {path.name: path.stat().st_mtime_ns for path in workspace.root.glob("pieces/[!.]*.npz")}


def assert_same_arrays(one: FileRef, other: FileRef) -> None:
    with np.load(one.path) as left, np.load(other.path) as right:
        assert sorted(left) == sorted(right)
        assert all(left[name].tobytes() == right[name].tobytes() for name in left)


def test_a_film_that_was_fanned_out_is_the_film_that_was_not(studio: Studio, cluster: str, tmp_path: Path) -> None:
    fanned = replace(studio, workspace=Workspace(tmp_path / "fanned"))
    fanned.translate(tmp_path / "fanned.mp4", cluster)
    studio.translate(tmp_path / "alone.mp4")
    assert sorted(fanned.segments) == sorted(studio.segments)  # by keys made of the same contents
    assert len(fanned.segments) == 3
    one, other = (pictures_of(tmp_path / name) for name in ("fanned.mp4", "alone.mp4"))
    assert len(one) == 20
    assert all(np.array_equal(left, right) for left, right in zip(one, other, strict=True))
    made = fanned.segments
    fanned.translate(tmp_path / "again.mp4")  # goes on alone: nothing is left to do
    assert fanned.segments == made


def test_what_was_made_alone_is_not_made_again_by_workers(studio: Studio, cluster: str, tmp_path: Path) -> None:
    studio.translate(tmp_path / "alone.mp4")
    first, *rest = sorted(studio.segments)
    before = studio.segments
    (studio.workspace.root / "segments" / first).unlink()
    studio.translate(tmp_path / "fanned.mp4", cluster)
    assert {name: studio.segments[name] for name in rest} == {name: before[name] for name in rest}
    assert first in studio.segments


def test_chunks_come_by_way_of_a_shared_workspace_from_workers_with_folders_of_their_own(
    studio: Studio, cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    shared = replace(studio, workspace=Workspace.at(f"file://{tmp_path / 'shared'}"))
    shared.translate(tmp_path / "film.mp4", cluster)
    assert len(pictures_of(tmp_path / "film.mp4")) == 20
    assert sorted(path.name for path in tmp_path.glob("shared/segments/*.mp4")) == sorted(shared.segments)


def test_clip_and_model_are_found_where_they_never_lay(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.fan_out import LookOfFilm
    from flows.store.sharing import store_input
    from stages.rendering.translate import Rendering

    clip, model = tmp_path / "clip.mp4", tmp_path / "dusk"
    clip.write_bytes(b"film")
    shutil.copytree(studio.model.path.parent, model)
    sha256, look = studio.model.sha256, (FileRef.of(model), FileRef.of(clip))
    film = LookOfFilm(look[0], "a-to-b", look[1], Rendering(steady=None), LOSSLESS, Compute(), sha256)
    for name in ("here", "there"):
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / name))
        workspace = Workspace.at(f"file://{tmp_path / 'shared'}")
        if name == "here":
            for ref in look:
                store_input(ref, workspace)
            clip.unlink()
            shutil.rmtree(model)
    facts, found = film.at(workspace)
    assert found.path.is_relative_to(tmp_path / "there") and found.path.read_bytes() == b"film"
    assert facts.is_intact() and (facts.path.name, facts.path.parent.name) == ("model.json", "dusk")


def test_a_chunk_that_fails_says_on_a_worker_what_it_would_say_here(
    studio: Studio, cluster: str, tmp_path: Path
) -> None:
    from flows.fan_out import LookOfFilm, fan_out
    from stages.rendering.render import Stretch
    from stages.rendering.translate import Rendering

    torn = Path(shutil.copytree(studio.model.path.parent, tmp_path / "torn"))
    (torn / "a_to_b.safetensors").unlink()
    parts = FileRef.of(torn), "a-to-b", FileRef.of(studio.clip), Rendering(steady=None), LOSSLESS, Compute()
    film = LookOfFilm(*parts, facts=studio.model.sha256)  # type: ignore[arg-type]  # of several types
    with pytest.raises(ModelError, match=r"a_to_b\.safetensors"):
        studio.engine.run(lambda: fan_out(film, [Stretch(0, 8)], studio.workspace, cluster))


def test_a_scheduler_that_is_not_there_is_said(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import cluster

    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with pytest.raises(OperatingError) as refused:
        studio.translate(tmp_path / "film.mp4", "tcp://127.0.0.1:9")
    assert "--fan-out tcp://127.0.0.1:9: no cluster with a worker is there" in str(refused.value)
    assert "expected the address of Dask's scheduler, such as tcp://10.0.0.5:8786, or local." in str(refused.value)


def test_workers_elsewhere_need_a_server_that_they_reach(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(OperatingError, match=r"cannot reach this command's own Prefect server.*Set PREFECT_API_URL"):
        studio.translate(tmp_path / "film.mp4", "tcp://192.0.2.1:8786")


def test_without_dask_the_message_says_what_to_install(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prefect_dask.task_runners", None)
    with pytest.raises(BackendUnavailable, match=r'prefect-dask is not installed.*pip install "understudy\[dask\]"'):
        studio.translate(tmp_path / "film.mp4", "local")


def test_a_steady_film_cannot_be_fanned_out(studio: Studio, tmp_path: Path) -> None:
    from flows.jobs.configs import check
    from flows.jobs.specs import TranslateJob

    job = TranslateJob(clip=studio.clip, model=studio.model.path.parent, output=tmp_path / "f.mp4", fan_out="local")
    with pytest.raises(JobError, match="--fan-out only with --no-steady: a steady film's frames each need the one"):
        check(job)
    check(job.model_copy(update={"steady": False}))
    with pytest.raises(ValueError, match=r"TranslateRendering\.fan_out is set, expected steady=None"):
        studio.translate(tmp_path / "film.mp4", "local", steady=0.5)


def test_a_clip_tracked_by_workers_has_the_same_track_to_the_bit_and_it_is_found_without_them(
    studio: Studio,
    cluster: str,
    alone: FileRef,
    clips: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from stages.tracking import pose

    monkeypatch.setattr(pose, "PIECE_FRAMES", 20)
    workspace = Workspace(tmp_path / "runs")
    track = tracked(studio, clips[1], workspace, cluster)
    assert len(pieces_in(workspace)) == 3
    assert track.path.name == alone.path.name  # a key made of the same
    assert_same_arrays(track, alone)
    assert tracked(studio, clips[1], workspace) == track  # alone again: nothing is left to do
    assert not pieces_in(studio.workspace)  # where it was made alone there are none
    assert tracked(studio, clips[1], studio.workspace, "tcp://127.0.0.1:9") == alone  # nobody is asked for help


def test_a_tracking_goes_on_with_the_pieces_that_are_there_though_a_worker_dies(
    studio: Studio,
    cluster: str,
    alone: FileRef,
    clips: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flows.pieces import track_part
    from flows.store.caching import whole
    from stages.tracking import pose

    monkeypatch.setattr(pose, "PIECE_FRAMES", 20)
    workspace, config = Workspace(tmp_path / "runs"), pose.TrackerConfig()
    first = pose.pieces_of(clips[1])[0]
    studio.engine.run(lambda: whole(track_part, FileRef.of(clips[1]), first, config, workspace))
    before = pieces_in(workspace)
    with killed_at_work(cluster, workspace, pieces=2):
        track = tracked(studio, clips[1], workspace, cluster)
    assert_same_arrays(track, alone)
    after = pieces_in(workspace)
    assert len(after) == 3 and before.items() <= after.items()


@contextmanager
def killed_at_work(cluster: str, workspace: Workspace, *, pieces: int) -> Iterator[None]:
    """Kill a worker as soon as so many pieces are there or being written."""
    from distributed import Client

    with Client(cluster) as client:  # type: ignore[no-untyped-call]
        victim = next(iter(client.run(os.getpid).values()))
    killed = threading.Event()

    def watch() -> None:
        deadline = time.monotonic() + 120
        while len(list(workspace.root.glob("pieces/*"))) < pieces and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(victim, signal.SIGKILL)
        killed.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    watcher.join()
    assert killed.is_set()


def test_what_is_trained_on_is_the_same_to_the_bit_where_workers_drew_it(
    studio: Studio,
    cluster: str,
    alone: FileRef,
    clips: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flows.cluster import fanned_out
    from flows.store.caching import whole
    from flows.tasks import prepare
    from stages.training import clip_pieces
    from stages.training.presets import preset_named

    monkeypatch.setattr(clip_pieces, "PIECE_FRAMES", 24)
    preset, size, shared = preset_named("draft"), (48, 80), Workspace.at(f"file://{tmp_path / 'shared'}")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    given = FileRef.of(clips[1]), alone, preset, size
    here = studio.engine.run(lambda: whole(prepare, *given, studio.workspace))
    with fanned_out(cluster):
        there = studio.engine.run(lambda: whole(prepare, *given, shared))
    assert FileRef.of(here.path.parent).sha256 == FileRef.of(there.path.parent).sha256
    assert len(list((tmp_path / "shared" / "pieces").glob("*.npz"))) == 3


def test_a_short_clip_is_tracked_here(studio: Studio, clips: tuple[Path, Path], tmp_path: Path) -> None:
    from stages.tracking.pose import pieces_of

    assert len(pieces_of(clips[0])) == 1
    assert tracked(studio, clips[0], Workspace(tmp_path / "runs"), "tcp://127.0.0.1:9").path.is_file()


def test_jobs_say_which_cluster_tracks(
    studio: Studio, clips: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.jobs.perform import perform
    from flows.jobs.specs import TrackJob
    from stages.tracking import pose

    monkeypatch.setattr(pose, "PIECE_FRAMES", 20)
    job = TrackJob(clip=clips[1], output=tmp_path / "track.npz", fan_out="tcp://192.0.2.1:8786")
    with pytest.raises(OperatingError, match=r"--fan-out tcp://192\.0\.2\.1:8786: workers on other machines cannot"):
        studio.engine.run(lambda: perform(job, Workspace(tmp_path / "runs")))
    assert not job.output.exists()


def test_workers_that_share_no_workspace_are_said(tmp_path: Path) -> None:
    from flows.cluster import _refuse_elsewhere

    workspace = Workspace(tmp_path / "runs")
    lost = FileRef(workspace.place("pieces", "0" * 20, ".npz"), "0" * 64)
    with pytest.raises(StorageError) as refused:
        _refuse_elsewhere([lost], workspace, "tcp://10.0.0.5:8786")
    assert str(refused.value) == (
        f"--fan-out tcp://10.0.0.5:8786: what the workers made is not in {workspace.root}; expected one workspace that "
        "this machine and the workers share. Give --workspace a folder that all of them see, or a URL such as "
        "s3://films/runs."
    )
