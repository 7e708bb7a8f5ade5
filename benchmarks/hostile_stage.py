"""Where damaged films meet the commands: whole films, models, a workspace, and the process that runs the commands."""

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil

from benchmarks.command_child import Call, Status
from benchmarks.films import KINDS, make_film
from benchmarks.mutations import damaged

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "sample_videos"
SETUP_SECONDS = 900.0  # that making a model may take
# Of what films are made: the sample, and seconds of it; a head needs 24 frames.
SUBJECTS = {"dance": ("red_dance.mp4", 0.5), "head": ("red_portrait.mp4", 1.2)}

# FILM is damaged, WHOLE is the same film before; DANCER, HEAD and LOOK are models.
COMMANDS: dict[str, tuple[str, ...]] = {
    "track": ("track", "FILM", "-o", "out.npz", "--workers", "1"),
    "render": ("render", "FILM", "--model", "DANCER", "-o", "out.mp4", "--workers", "1"),
    "translate": ("translate", "FILM", "--model", "LOOK", "-o", "out.mp4"),
    "portrait": ("portrait", "FILM", "--model", "HEAD", "-o", "out.mp4"),
    "evaluate": (
        *("evaluate", "FILM", "--against", "WHOLE", "--weights", "none", "--json", "out.json", "--csv", "out.csv"),
        *("--workers", "1"),
    ),
    "verify": ("verify", "FILM"),
    "verify, of a signed film": ("verify", "made.mp4"),
    "report": ("report", "made.mp4", "other.mp4", "-o", "out.html"),
    "batch --dry-run": ("batch", "jobs.yaml", "--dry-run"),
}
UNPLACED = ("verify", "verify, of a signed film", "report")  # those that take no --workspace
JOBS = """defaults: {{preset: draft}}
jobs:
  - {{kind: render, source: {film}, model: {dancer}, output: films/rendered.mp4}}
  - {{kind: translate, clip: {film}, model: {look}, output: films/translated.mp4}}
"""


class Child:
    """A process that runs commands; after it died, another one."""

    def __init__(self, room: Path) -> None:
        self._room = room
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.command_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=environment(self._room),
        )

    def run(self, words: Sequence[str], seconds: float) -> tuple[Status | None, str, str]:
        """Run a command: how it ended, what it printed, what it printed to standard error."""
        said, told = self._room / "said.txt", self._room / "told.txt"
        pipe, answers = self._process.stdin, self._process.stdout
        assert pipe is not None and answers is not None
        pipe.write(json.dumps(asdict(Call(tuple(words), str(said), str(told), seconds))) + "\n")
        ready, _, _ = select.select([answers], [], [], seconds + 30)
        answer = answers.readline() if ready else ""
        status = Status(**json.loads(answer)) if answer else None
        if status is None:
            self.close()
            self._process = self._start()
        return status, said.read_text(errors="replace"), told.read_text(errors="replace")

    def close(self) -> None:
        """End the process and what it has started."""
        if self._process.poll() is None:
            for process in (*psutil.Process(self._process.pid).children(recursive=True), self._process):
                process.kill()
        self._process.wait()


@dataclass(slots=True)
class Stage:
    """Where everything lies: the whole films, the models, the workspace, and what a whole film makes."""

    room: Path
    made: dict[str, frozenset[str]] = field(default_factory=dict)  # by command: files that a whole film leaves

    @property
    def workspace(self) -> Path:
        """Of all commands."""
        return self.room / "runs"

    def whole(self, kind: str, subject: str) -> Path:
        """A film before it is damaged."""
        return self.room / subject / kind / f"film.{KINDS[kind][0]}"

    def words(self, command: str, folder: Path, film: Path, whole: Path) -> list[str]:
        """A command line with absolute paths."""
        places = {"FILM": film, "WHOLE": whole}
        places |= {name: self.room / "models" / name.lower() for name in ("DANCER", "HEAD", "LOOK")}
        here = {"out.npz", "out.mp4", "out.json", "out.csv", "out.html", "made.mp4", "other.mp4", "jobs.yaml"}
        words = [str(places.get(word, folder / word if word in here else word)) for word in COMMANDS[command]]
        return [*words, "--workspace", str(self.workspace)] if command not in UNPLACED else words


def environment(room: Path) -> dict[str, str]:
    """Of the commands: one thread, long lines, and folders of their own for temporary files and settings."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "10000",
        "TMPDIR": str(room / "temporary"),
        "UNDERSTUDY_CONFIG": str(room / "config"),
    }


def set_up(room: Path, child: Child) -> Stage:
    """Make the films, train three likenesses for a step each, and let whole films go through every command."""
    stage = Stage(room)
    for subject, (sample, seconds) in SUBJECTS.items():
        for kind, (suffix, options) in KINDS.items():
            stage.whole(kind, subject).parent.mkdir(parents=True, exist_ok=True)
            make_film(suffix, options, stage.whole(kind, subject).parent, sample=SAMPLES / sample, seconds=seconds)
    for line in () if (room / "models").exists() else trainings(room, stage.workspace):
        status, _, told = child.run(line, SETUP_SECONDS)
        assert status is not None and status.status == 0, (line, told)
    kind = next(iter(KINDS))
    film = stage.whole(kind, "dance")
    rendered = [*stage.words("render", room / "page", film, film), "--overwrite"]
    status, _, told = child.run(rendered, SETUP_SECONDS)
    assert status is not None and status.status == 0, told
    for command in COMMANDS:
        film = stage.whole(kind, "head" if command == "portrait" else "dance")
        folder = lay_out(stage, film, film.read_bytes(), None)
        before = names_in(folder)
        status, _, told = child.run(stage.words(command, folder, folder / film.name, film), SETUP_SECONDS)
        assert status is not None and status.status == int(command == "verify"), (command, told)
        stage.made[command] = names_in(folder) - before
        shutil.rmtree(folder)
    return stage


def trainings(room: Path, workspace: Path) -> Iterator[list[str]]:
    """What trains the three models, in their folders."""
    once = ["--steps", "1", "--perceptual", "none", "--workspace", str(workspace)]
    alone = [*once, "--without-consent-record", "--size", "64x64"]
    targets = room / "targets"
    targets.mkdir()
    clips = {}
    for name in ("blue_dance", "blue_portrait", "street_day", "street_dusk"):
        (targets / name).mkdir()
        make_film("mp4", ("-c:v", "libx264", "-an"), targets / name, sample=SAMPLES / f"{name}.mp4", seconds=2.5)
        clips[name] = str(targets / name / "film.mp4")
    models = room / "models"
    yield ["train", "dance", clips["blue_dance"], "-o", str(models / "dancer"), "--workers", "1", *alone]
    yield ["train", "portrait", clips["blue_portrait"], "-o", str(models / "head"), *alone]
    yield ["train", "translate", clips["street_day"], clips["street_dusk"], "-o", str(models / "look"), *once]


def lay_out(stage: Stage, whole: Path, film: bytes, chance: np.random.Generator | None) -> Path:
    """A folder with a film and jobs that name it; and a signed film with its page, damaged where there is chance."""
    folder = stage.room / "case"
    folder.mkdir()
    (folder / whole.name).write_bytes(film)
    models = stage.room / "models"
    (folder / "jobs.yaml").write_text(JOBS.format(film=whole.name, dancer=models / "dancer", look=models / "look"))
    page, rendered = (stage.room / "page" / f"out{suffix}" for suffix in (".report.html", ".mp4"))
    for made in (rendered, page):
        data, suffix = made.read_bytes(), made.name.removeprefix("out")
        (folder / f"other{suffix}").write_bytes(data)
        (folder / f"made{suffix}").write_bytes(data if chance is None else damaged(data, chance))
    return folder


def names_in(folder: Path) -> frozenset[str]:
    """The paths of all that lies in a folder, relative to it."""
    return frozenset(str(path.relative_to(folder)) for path in folder.rglob("*"))
