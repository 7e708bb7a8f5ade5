"""Look at a target before hours are spent on it: findings about the footage, a plan that fits, the command to give."""

import json
import math
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

from prefect import flow
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.progress import bar, say
from flows.store.caching import whole
from flows.store.workspace import Workspace
from flows.tasks import track_clip
from models.perceptual import PerceptualLoss, published_weights, vgg_features
from pipeline.artifacts import FileRef, atomic_file
from pipeline.compute import Compute
from pipeline.errors import TrainingError
from stages.tracking.pose import TrackerConfig
from stages.tracking.track_file import load_track
from stages.training.footage import Footage, Verdict, check_footage
from stages.training.machine import GIB, Machine, card_of, this_machine
from stages.training.plan import Plan, choose_plan, in_words

COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.BAD: "red"}
WIDTH = 120  # columns of the tables where nothing says how wide the terminal is


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What can be expected of a target."""

    clip: Path
    footage: Footage
    machine: str
    plan: Plan | None  # None: the footage cannot be trained on
    command: str  # that trains as planned; empty without a plan


@flow(name="plan")
def plan_flow(
    clip: FileRef,
    tracker: TrackerConfig,
    compute: Compute,
    workspace: Workspace,
    *,
    vram: float | None = None,
    method: str = "vid2vid",
    minutes: float | None = None,
) -> Prospect:
    """Track the clip, measure it, choose a plan.

    Args:
        vram: GiB of a GPU that is meant instead of this machine.

    Raises: see `track_pose`, `check_footage`, `choose_plan`.
    """
    track = load_track(whole(track_clip, clip, tracker, workspace).path)
    with bar(f"Looking at {clip.path.name}", None):
        footage = check_footage(clip.path, track)
    machine = this_machine(compute) if vram is None else card_of(vram, compute.seed)
    if not footage.trainable:
        return Prospect(clip=clip.path, footage=footage, machine=machine.name, plan=None, command="")
    with bar(f"Planning for {machine.name}", None):
        eye = _eye(machine)
        plan = choose_plan(track, machine, method=method, minutes=minutes, perceptual=eye)
    command = _command(clip.path, plan, blind=eye is None)
    return Prospect(clip=clip.path, footage=footage, machine=machine.name, plan=plan, command=command)


@flow(name="choose a plan")
def choose_plan_flow(
    clip: FileRef,
    tracker: TrackerConfig,
    compute: Compute,
    workspace: Workspace,
    *,
    method: str = "vid2vid",
    minutes: float | None = None,
) -> Plan:
    """Choose how to train on a clip on this machine, and say it: for a training that names no preset.

    Raises: see `track_pose`, `choose_plan`.
    """
    track = load_track(whole(track_clip, clip, tracker, workspace).path)
    machine = this_machine(compute)
    with bar(f"Planning for {machine.name}", None):
        plan = choose_plan(track, machine, method=method, minutes=minutes, perceptual=_eye(machine), lighter=True)
    say(f"No preset was named. Chosen: {plan.sentence()}")
    return plan


def show(prospect: Prospect) -> None:
    """Print findings, plan and command.

    Raises: TrainingError where the footage cannot be trained on.
    """
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    console.print(_findings(prospect))
    if prospect.plan is None:
        bad = next(finding for finding in prospect.footage.findings if finding.verdict is Verdict.BAD)
        raise TrainingError(prospect.clip, f"{bad.name}: {bad.found}", bad.limit, bad.advice)
    console.print(_plan_table(prospect.plan, prospect.machine))
    for reason in prospect.plan.passed:
        console.print(f"Not {reason}.", markup=False)
    if not prospect.plan.is_enough:
        console.print(
            f"{prospect.plan.budget:g} minutes are less than the {in_words(prospect.plan.minutes)} "
            "that a likeness is expected to take.",
            style="yellow",
        )
    console.print(f"\n{prospect.command}", markup=False, soft_wrap=True)


def write_record(prospect: Prospect, path: Path) -> None:
    """Write findings and plan as JSON; what could not be told is null.

    Raises: StorageError.
    """
    findings = [
        {
            **asdict(finding),
            "measured": finding.measured if math.isfinite(finding.measured) else None,
            "verdict": finding.verdict.value,
        }
        for finding in prospect.footage.findings
    ]
    plan = None if prospect.plan is None else {**asdict(prospect.plan), "preset": prospect.plan.preset.name}
    record = {
        "clip": prospect.clip.name,
        "frames": prospect.footage.frames,
        "seconds": prospect.footage.seconds,
        "trainable": prospect.footage.trainable,
        "findings": findings,
        "machine": prospect.machine,
        "plan": plan,
        "command": prospect.command,
    }
    with atomic_file(path) as beside:
        beside.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _eye(machine: Machine) -> PerceptualLoss | None:
    """VGG-19 without its weights, if these are there to train with."""
    if not published_weights().is_file():
        return None
    return PerceptualLoss(vgg_features()).to(machine.compute.device if machine.here else "cpu")


def _command(clip: Path, plan: Plan, *, blind: bool) -> str:
    wanted = any(phase.weights.perceptual for phase in plan.preset.phases)
    without = ["--perceptual", "none"] if blind and wanted else []
    places = [str(clip), "-o", f"{clip.stem}-model", "--consent", "STATEMENT"]
    return shlex.join(["understudy", "train", "dance", *places, *plan.options(), *without])


def _findings(prospect: Prospect) -> Table:
    footage = prospect.footage
    title = escape(f"{prospect.clip.name}: {footage.frames} frames, {footage.seconds:.1f} seconds")
    table = Table("", "", "found", "wanted", "what to do", title=title, title_justify="left", box=box.SIMPLE)
    for finding in footage.findings:
        mark = f"[{COLOURS[finding.verdict]}]{finding.verdict.value}[/]"
        table.add_row(mark, finding.name, escape(finding.found), finding.limit, finding.advice)
    return table


def _plan_table(plan: Plan, machine: str) -> Table:
    device = "" if plan.device_bytes is None else f" of {plan.device_bytes / GIB:.1f} GiB"
    table = Table(title=f"Plan for {machine}", title_justify="left", box=box.SIMPLE, show_header=False)
    for name, value in (
        ("method and preset", f"{plan.method}, {plan.preset.name}"),
        ("picture", f"{plan.width}x{plan.height}"),
        ("a step", f"{plan.clip_frames} frames one after the other, batch {plan.batch}"),
        ("precision", plan.precision),
        ("frames painted anew", "yes: less memory, more time" if plan.checkpointing else "no"),
        ("memory", f"{plan.memory_bytes / GIB:.1f} GiB{device}"),
        ("time", f"{in_words(plan.minutes)} for {plan.steps} steps of the last phase"),
        ("", plan.time_source),
        ("budget", in_words((plan.budget, plan.budget))),
        ("disk", f"{plan.disk_bytes / GIB:.1f} GiB"),
    ):
        table.add_row(name, value)
    return table
