"""The project's face is true: pins, packages, licence, checks, every command and link that its documents name."""

import ast
import os
import re
import shlex
import tomllib
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import typer

from flows.cli import app
from flows.portrait_tasks import Onto
from pipeline import errors
from pipeline.values import FaceTrack, Track
from stages.evaluation.compare import Comparison
from stages.evaluation.compare_faces import FaceComparison
from stages.model_folder import DanceModel
from stages.network_folder import NetworkFacts
from stages.portrait_model import PARTS, PortraitModel
from stages.retargeting.reenact import Part
from stages.tracking.face_track_file import save_face_track
from stages.tracking.track_file import save_track
from stages.training.portrait_presets import PORTRAIT_METHODS
from stages.training.presets import METHODS

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks/README.md"])
GIF_BYTES = 3_000_000
UNUSED = ["jax", "jaxlib", "opencv-contrib-python", "sentencepiece", "sounddevice"]


@cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def text_of(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


@pytest.mark.parametrize(
    "pin",
    [
        "mediapipe==0.10.21",  # the last release that carries its models
        "opencv-python==4.11.0.86",  # later ones want numpy 2, mediapipe wants 1
        "opencv-contrib-python==4.11.0.86",  # writes into the same folder as opencv-python
        "numpy>=1.26,<2",
        "fastapi<0.150",  # Prefect's server does not import with later ones
        "prefect>=3.6,<4",
        "torch>=2.11,<2.14",
    ],
)
def test_what_works_together_stays_pinned(pin: str):
    assert pin in pyproject()["project"]["dependencies"]


def test_python_is_one_that_all_pins_have_wheels_for():
    assert pyproject()["project"]["requires-python"] == ">=3.11,<3.13"


def test_uv_leaves_out_what_the_tracker_asks_for_and_never_imports():
    overrides = pyproject()["tool"]["uv"]["override-dependencies"]
    assert sorted(overrides) == [f"{name}; sys_platform == 'never'" for name in UNUSED]


def test_every_top_folder_with_code_is_in_the_wheel_and_the_samples_with_their_clips():
    setuptools = pyproject()["tool"]["setuptools"]
    rooms = ["pipeline", "models", "stages", "flows", "sample_videos"]
    assert setuptools["packages"]["find"]["include"] == [f"{room}*" for room in rooms]
    assert setuptools["package-data"]["sample_videos"] == ["*.mp4", "*.json"]
    without = [
        folder.relative_to(ROOT)
        for room in rooms
        for folder in {file.parent for file in (ROOT / room).rglob("*.py")}
        if not (folder / "__init__.py").exists()
    ]
    assert without == []


def test_every_sample_has_its_truth():
    films, truths = ({file.stem for file in (ROOT / "sample_videos").glob(kind)} for kind in ("*.mp4", "*.json"))
    assert films == truths
    assert films >= {"red_dance", "blue_dance", "blue_dances_as_red"}


def test_warnings_fail_tests_and_what_is_let_through_names_its_message_or_module():
    options = pyproject()["tool"]["pytest"]["ini_options"]
    narrow = re.compile(r"ignore:.+:\w+Warning|ignore::\w+Warning:\S+")
    assert options["filterwarnings"][0] == "error"
    assert [one for one in options["filterwarnings"][1:] if not narrow.fullmatch(one)] == []


def test_shapes_in_annotations_are_checked_by_tests():
    assert "--jaxtyping-packages=models,beartype.beartype" in pyproject()["tool"]["pytest"]["ini_options"]["addopts"]


def test_the_licence_is_apache_2_whole_and_named_in_the_package():
    licence = text_of("LICENSE")
    assert licence.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in licence
    assert pyproject()["project"]["license"] == "Apache-2.0"


def test_the_check_program_runs_all_checks_and_asks_nothing():
    program = ROOT / ".ci/run"
    lines = program.read_text("utf-8").splitlines()
    assert os.access(program, os.X_OK)
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    run = [line.split("--no-sync ")[1].split(' "$')[0] for line in lines if "--no-sync" in line]
    assert run == ["ruff format --check", "ruff check", "mypy", "pytest"]


def test_nothing_names_a_package_index_or_a_place_on_somebodys_machine():
    foreign = re.compile(r"index-url|/(?:work|root|home|Users)/\w|\w+/simple\b")
    kinds = {".py", ".md", ".toml", ".yaml", ".json", ""}
    rooms = ("pipeline", "models", "stages", "flows", "sample_videos", "benchmarks", "docs", "tests", ".ci")
    files = [file for room in rooms for file in (ROOT / room).rglob("*") if file.is_file() and file.suffix in kinds]
    files += [ROOT / "pyproject.toml", ROOT / "README.md"]
    named = [file.relative_to(ROOT) for file in files if foreign.search(file.read_text("utf-8"))]
    assert [path for path in named if path != Path("tests/test_project.py")] == []


def commands() -> list[str]:
    """Every `understudy …` in the documents that is more than a name: from code blocks and from code in sentences."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        found += re.findall(r"^(?:uv run )?(understudy .+)$", text, re.MULTILINE)
        found += re.findall(r"`(understudy [^`\n]+)`", text)
    return sorted({line for line in found if "…" not in line})


def test_the_documents_show_every_command():
    shown = {shlex.split(line)[1] for line in commands()}
    assert shown >= set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("line", commands())
def test_a_command_in_the_documents_exists_with_its_options(line: str):
    words = [word for word in shlex.split(line)[1:] if word not in ("--debug", "COMMAND")]
    command: Any = typer.main.get_command(app)
    while words and (deeper := getattr(command, "commands", None)):
        assert words[0] in deeper, f"there is no {words[0]!r}"
        command = deeper[words.pop(0)]
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    assert [word for word in words if word.startswith("-") and word not in known] == []


def test_options_named_in_sentences_exist():
    known = {"--debug", "--help", "--write_json", "--model_pose", "--quiet"}
    for command in typer.main.get_command(app).commands.values():  # type: ignore[attr-defined]
        for deeper in getattr(command, "commands", {"": command}).values():
            known |= {option for one in deeper.params for option in (*one.opts, *one.secondary_opts)}
    for document in DOCUMENTS[:1] + [file for file in DOCUMENTS if file.parent.name == "docs"]:
        named = set(re.findall(r"`(--[a-z_-]+)", document.read_text("utf-8")))
        assert named - known == set(), document.name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text("utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_readme_begins_with_a_moving_picture_that_is_light_enough_to_load():
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text_of("README.md"))
    assert shown[0] == "docs/demo.gif"
    picture = ROOT / shown[0]
    assert picture.read_bytes()[:6] == b"GIF89a"
    assert picture.stat().st_size < GIF_BYTES


def test_the_readme_names_every_method_and_preset():
    assert [
        name for method in METHODS for name in (method, *METHODS[method]) if f"| `{name}` |" not in text_of("README.md")
    ] == []


def test_troubleshooting_has_a_part_for_every_error():
    kinds = [
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.UnderstudyError) and kind is not errors.UnderstudyError
    ]
    parts = re.findall(r"^##+ (\w+)$", text_of("docs/troubleshooting.md"), re.MULTILINE)
    assert [name for name in kinds if name not in parts] == []


@cache
def said_by_the_code() -> str:
    """Every string in the product, what is filled in left out."""
    files = (file for room in ("pipeline", "models", "stages", "flows") for file in (ROOT / room).rglob("*.py"))
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8"))))
    return "\n".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


@pytest.mark.parametrize("message", re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", text_of("docs/troubleshooting.md")))
def test_a_message_quoted_in_troubleshooting_is_one_that_the_code_gives(message: str):
    parts = [part.strip() for part in " ".join(message.split()).split("…")]
    assert [part for part in parts if part not in said_by_the_code()] == []


def fields_named(heading: str) -> set[str]:
    """Words in code style in the first column of the tables under a heading of formats.md."""
    part = text_of("docs/formats.md").split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`[^|]+) \|", part, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_formats_names_every_array_of_a_track_file(tmp_path: Path):
    nobody = {"points": (1, 33, 2), "confidence": (1, 33), "world": (1, 33, 3), "status": (1,), "shot": (1,)}
    save_track(Track(4, 4, (0,), **{name: np.zeros(shape) for name, shape in nobody.items()}), tmp_path / "a.npz")  # type: ignore[arg-type]
    with np.load(tmp_path / "a.npz") as arrays:
        assert fields_named("Track") == set(arrays.files)


def test_formats_names_every_array_of_a_face_track(tmp_path: Path):
    nobody = {"points": (1, 478, 3), "confidence": (1,), "shoulders": (1, 2, 3), "status": (1,), "shot": (1,)}
    track = FaceTrack(4, 4, (Fraction(0),), **{name: np.zeros(shape) for name, shape in nobody.items()})  # type: ignore[arg-type]
    save_face_track(track, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        assert fields_named("Face track") == set(arrays.files)


def test_formats_names_every_part_of_a_portrait_and_of_its_evaluation():
    files = {"model.json", "training/", *PARTS}
    assert fields_named("Portrait folder") == files | set(PortraitModel.__dataclass_fields__)
    assert fields_named("Face evaluation") == set(FaceComparison.__dataclass_fields__)


def test_the_guide_to_portraits_names_every_method_preset_part_and_place():
    guide = text_of("docs/portraits.md")
    presets = {name for method in PORTRAIT_METHODS.values() for name in method}
    rows = [*presets, *get_args(Part), *get_args(Onto)]
    assert [name for name in rows if f"| `{name}` |" not in guide] == []
    assert [name for name in PORTRAIT_METHODS if f"| `{name}` |" not in guide] == []


def test_formats_names_every_field_of_an_imported_network():
    files = {"model.json", "weights.safetensors"}
    assert fields_named("Network folder") == files | set(NetworkFacts.__dataclass_fields__)


def test_formats_names_every_field_of_model_json_and_of_an_evaluation():
    files = {"model.json", "weights.safetensors", "face.safetensors", "background.png", "training/"}
    assert fields_named("Model folder") == files | set(DanceModel.__dataclass_fields__)
    assert fields_named("Evaluation") == set(Comparison.__dataclass_fields__)
