"""One engine for all flow tests, in a home of its own; set up before any flow imports Prefect."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch

from flows.engine import Engine
from flows.store.workspace import Workspace
from pipeline.delivery import carry_sound
from pipeline.values import Frame, VideoInfo
from pipeline.video import read_video, write_video

SAMPLES = Path(__file__).parents[2] / "sample_videos"


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Prefect's own short-lived server, as every command starts it."""
    return Engine(Workspace(tmp_path_factory.mktemp("home"))).start()


@pytest.fixture(autouse=True, scope="session")
def config_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A config folder of the tests' own: films are signed, and not with the certificate of whoever runs them."""
    folder = tmp_path_factory.mktemp("config")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_CONFIG", str(folder))
        for name in ("UNDERSTUDY_SIGN_CERT", "UNDERSTUDY_SIGN_KEY", "UNDERSTUDY_TRUST"):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The first frames of both sample dances: source (with its sound) and target."""
    folder = tmp_path_factory.mktemp("clips")
    return cut(SAMPLES / "red_dance.mp4", folder / "red.mp4", 20), cut(
        SAMPLES / "blue_dance.mp4", folder / "blue.mp4", 64
    )


@pytest.fixture(scope="session")
def other_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another stretch of the source's dance."""
    output = tmp_path_factory.mktemp("other") / "other.mp4"
    clip = SAMPLES / "red_dance.mp4"
    with read_video(clip, start_index=60, stop_index=72) as video, write_video(output, video.info) as film:
        for number, frame in enumerate(video):
            film.write(replace(frame, time=number / video.info.frame_rate, index=number))
    return output


@pytest.fixture(scope="session")
def empty_room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of a wall."""
    output = tmp_path_factory.mktemp("empty") / "room.mp4"
    info = VideoInfo(output, 180, 320, Fraction(24), Fraction(1, 24))
    with write_video(output, info) as film:
        for index in range(12):
            film.write(Frame(np.full((320, 180, 3), 120, np.uint8), Fraction(index, 24), index))
    return output


def cut(clip: Path, output: Path, frames: int) -> Path:
    """The first frames of a clip, with the sound that goes with them."""
    silent = output.with_name(f"silent-{output.name}")
    with read_video(clip, stop_index=frames) as video, write_video(silent, video.info) as film:
        for frame in video:
            film.write(frame)
    carry_sound(silent, clip, output)
    return output


@pytest.fixture(scope="session")
def heads(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The first frames of both sample portraits: source (with its sound) and target."""
    folder = tmp_path_factory.mktemp("heads")
    return cut(SAMPLES / "red_portrait.mp4", folder / "red.mp4", 26), cut(
        SAMPLES / "blue_portrait.mp4", folder / "blue.mp4", 52
    )


@pytest.fixture(scope="session")
def streets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The first frames of the street by day, with its sound, and of the one at dusk."""
    folder = tmp_path_factory.mktemp("streets")
    return cut(SAMPLES / "street_day.mp4", folder / "day.mp4", 20), cut(
        SAMPLES / "street_dusk.mp4", folder / "dusk.mp4", 20
    )


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """An S3 server with one bucket; the URL of a folder in it. One for all: fsspec remembers where a server was."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", host, "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    surroundings = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    try:
        wait_for(host, port)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in surroundings.items():
                patch.setenv(name, value)
            fsspec.filesystem("s3").mkdir("films")
            yield "s3://films/runs"
    finally:
        server.kill()
        server.wait()


def wait_for(host: str, port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the S3 server does not come up")
