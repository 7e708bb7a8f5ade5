"""The rules of the house: functions from one source file to the complaints about it, each with line and reason."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

ROOMS = ("pipeline", "models", "stages", "flows", "sample_videos")

# Who may import whom. sample_videos lies aside: it renders clips and is only looked into for its files.
MAY_IMPORT = {
    "pipeline": {"pipeline"},
    "models": {"pipeline", "models"},
    "stages": {"pipeline", "models", "stages"},
    "flows": {"pipeline", "models", "stages", "flows", "sample_videos"},
    "sample_videos": {"pipeline", "sample_videos"},
}

# Outside libraries with a room of their own: nowhere else.
ROOM_OF = {
    "av": ("pipeline/video/",),
    "ffmpeg": ("pipeline/delivery.py",),
    "imageio_ffmpeg": ("pipeline/delivery.py",),
    "mediapipe": ("stages/tracking/",),
    "prefect": ("flows/",),
    "typer": ("flows/",),
    "fsspec": ("flows/store/storage.py",),
    "filelock": ("flows/",),
    "prefect_dask": ("flows/cluster.py",),
    "distributed": ("flows/cluster.py",),
    "rich": ("flows/",),
    "kornia": ("models/", "stages/"),
    "triton": ("models/ops/",),
    "torchvision": ("models/",),
    "safetensors": ("models/",),
    "lpips": ("stages/evaluation/",),
    "torchmetrics": ("stages/evaluation/",),
    "matplotlib": ("stages/evaluation/",),
    "c2pa": ("stages/provenance/",),
    "cryptography": ("stages/provenance/",),
}

# Rooms that take nothing from outside but these and the standard library.
OUTSIDE_OF = {
    "models": {"torch", "torchvision", "numpy", "triton", "kornia", "safetensors", "jaxtyping"},
}

VAGUE = {"util", "utils", "common", "helper", "helpers", "misc", "base_model"}
PICKLES = {"dill", "cloudpickle", "joblib", "shelve", "marshal"}
FILE_LINES, FUNCTION_LINES = 400, 50
DEFENCE = re.compile(r"#\s*Long because \w+")  # a file or function beyond the limit says why in a comment


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the project."""

    path: PurePosixPath  # from the project's root
    text: str

    @property
    def room(self) -> str:
        """The top folder it lies in."""
        return self.path.parts[0]

    @property
    def tree(self) -> ast.Module:
        """What it says."""
        return ast.parse(self.text, str(self.path))

    def complaint(self, line: int, reason: str) -> str:
        """Place and reason, as a terminal makes a link of it."""
        return f"{self.path}:{line}: {reason}"


@dataclass(frozen=True, slots=True)
class Import:
    """One name brought in, wherever in the file that happens."""

    line: int
    name: str  # dotted, of what is meant: `from a import b` is a.b

    @property
    def top(self) -> str:
        """The package it comes from."""
        return self.name.split(".")[0]


def imports_of(source: Source) -> Iterator[Import]:
    """Everything a file imports, also inside functions and for annotations only; relative names made whole."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = source.path.parts[: -node.level] if node.level else ()
            base = ".".join((*home, *filter(None, [node.module])))
            yield from (Import(node.lineno, f"{base}.{alias.name}") for alias in node.names)


def wrong_way(source: Source) -> list[str]:
    """Imports between rooms that do not follow pipeline ◀ models ◀ stages ◀ flows."""
    closed = {*ROOMS, "tests", "benchmarks"} - MAY_IMPORT[source.room]
    return [
        source.complaint(found.line, f"{source.room} imports {found.name}")
        for found in imports_of(source)
        if found.top in closed
    ]


def out_of_room(source: Source) -> list[str]:
    """Outside libraries away from their room, and rooms that let in more than they should."""
    complaints = []
    for found in imports_of(source):
        rooms = ROOM_OF.get(found.top)
        if rooms is not None and not str(source.path).startswith(rooms):
            complaints.append(source.complaint(found.line, f"{found.top} belongs in {' or '.join(rooms)}"))
        allowed = OUTSIDE_OF.get(source.room)
        outside = found.top not in sys.stdlib_module_names and found.top not in ROOMS
        if allowed is not None and outside and found.top not in allowed:
            complaints.append(source.complaint(found.line, f"{source.room} does not use {found.top}"))
    return complaints


def between_papers(source: Source, papers: frozenset[str]) -> list[str]:
    """Imports from one paper's folder in models/ into another's."""
    inside = source.path.parts[:2]
    if inside[0] != "models" or inside[1] not in papers:
        return []
    others = {f"models.{paper}" for paper in papers - {inside[1]}}
    return [
        source.complaint(found.line, f"{inside[1]} imports {found.name}: move up what two papers share")
        for found in imports_of(source)
        if ".".join(found.name.split(".")[:2]) in others
    ]


def vague_name(source: Source) -> list[str]:
    """Files and folders whose name says nothing."""
    names = {part.removesuffix(".py") for part in source.path.parts}
    return [source.complaint(1, f"{name!r} names nothing") for name in sorted(names & VAGUE)]


def silent_head(source: Source) -> list[str]:
    """Files whose first line does not say in a sentence what they hold; an empty __init__.py needs none."""
    if source.path.name == "__init__.py" and not source.text.strip():
        return []
    said = ast.get_docstring(source.tree, clean=False)
    first = (said or "").split("\n")[0]
    if said is None or source.tree.body[0].lineno != 1 or not first.endswith("."):
        return [source.complaint(1, "the first line is no sentence that says what the file holds")]
    return []


def too_long(source: Source) -> list[str]:
    """Files over 400 lines and functions over 50 (below signature and docstring) that do not defend themselves."""
    lines = source.text.splitlines()
    complaints = []
    if len(lines) > FILE_LINES and not DEFENCE.search("\n".join(lines[:20])):
        complaints.append(source.complaint(1, f"{len(lines)} lines, {FILE_LINES} at most"))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = _first_after_docstring(node)
            length = (node.end_lineno or first) - first + 1
            defended = DEFENCE.search("\n".join(lines[node.lineno - 1 : node.end_lineno]))
            if length > FUNCTION_LINES and not defended:
                complaints.append(source.complaint(node.lineno, f"{node.name} has {length} lines"))
    return complaints


def _first_after_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(function) is None:
        return function.body[0].lineno
    return (function.body[0].end_lineno or function.lineno) + 1


def unsafe(source: Source) -> list[str]:
    """What hides names or lets a file act: import *, import by string, pickle, loaders that may run code, shells."""
    complaints = [
        source.complaint(found.line, f"{found.name} hides what is used")
        for found in imports_of(source)
        if found.name.endswith(".*")
    ]
    for found in imports_of(source):
        if found.top in PICKLES or (found.top == "pickle" and found.name not in ("pickle", "pickle.UnpicklingError")):
            complaints.append(source.complaint(found.line, f"{found.name} reads code from files"))
    for node in ast.walk(source.tree):
        name = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""
        if name.startswith("pickle.") and name != "pickle.UnpicklingError":
            complaints.append(source.complaint(node.lineno, f"{name} reads code from files"))
        if isinstance(node, ast.Call):
            complaints += _unsafe_call(source, node)
    return complaints


def _unsafe_call(source: Source, call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    given = {word.arg: ast.unparse(word.value) for word in call.keywords}
    if name == "torch.load" and given.get("weights_only") != "True":
        yield source.complaint(call.lineno, "torch.load without weights_only=True runs code from files")
    if given.get("allow_pickle", "False") != "False":
        yield source.complaint(call.lineno, "allow_pickle runs code from files")
    if name in ("yaml.load", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all"):
        yield source.complaint(call.lineno, f"{name} builds objects from files: yaml.safe_load")
    if given.get("shell", "False") != "False" or name in ("os.system", "os.popen"):
        yield source.complaint(
            call.lineno, "a shell reads commands from names: give the program its arguments as a list"
        )
    if name.endswith(".extractall") or name == "shutil.unpack_archive":
        yield source.complaint(call.lineno, f"{name} writes wherever the archive says")
    if name in ("__import__", "import_module", "importlib.import_module", "eval", "exec"):
        yield source.complaint(call.lineno, f"{name}: the reader cannot follow a name in a string")


def house_habits(source: Source) -> list[str]:
    """Habits with a reason: OpenCV opens no video, errors are of our tree, annotations in models/ are run."""
    complaints = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("cv2.VideoCapture", "cv2.VideoWriter"):
            complaints.append(source.complaint(node.lineno, f"{ast.unparse(node)} rounds times: use pipeline.video"))
        if isinstance(node, ast.Raise) and node.exc is not None and _raised(node.exc) in ("Exception", "BaseException"):
            complaints.append(source.complaint(node.lineno, "a bare Exception says neither place nor remedy"))
    complaints += [
        source.complaint(found.line, "jaxtyping cannot check shapes that are strings")
        for found in imports_of(source)
        if found.name == "__future__.annotations" and source.room == "models"
    ]
    return complaints


def _raised(raised: ast.expr) -> str:
    return ast.unparse(raised.func if isinstance(raised, ast.Call) else raised)
