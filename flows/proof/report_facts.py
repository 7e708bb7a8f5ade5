"""The facts of a report: the film, the model, what its manifest says of it, the machine, time and memory per stage."""

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flows.proof.gates import Verdict
from flows.store.journal import StageRecord, journal
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.values import VideoInfo
from stages.model_folder import DanceModel
from stages.portrait_model import PortraitModel
from stages.provenance.sidecar import Sidecar, read_sidecar
from stages.report.content import Section, StageCost
from stages.translate_model import TranslateModel

Rows = tuple[tuple[str, str], ...]
PACKAGES = ("understudy", "torch", "mediapipe", "numpy", "opencv-python", "av", "prefect", "c2pa-python")
_SHORT_LIST = 8  # values of a list that are shown one after the other


def film_section(title: str, film: FileRef, info: VideoInfo) -> Section:
    """What a film is, from outside."""
    rate = info.frame_rate
    exact = f" ({rate})" if rate.denominator > 1 else ""
    rows = [
        ("file", film.path.name),
        ("SHA-256", film.sha256),
        ("size", f"{info.width} x {info.height}, {film.path.stat().st_size / 2**20:.1f} MiB"),
        ("frame rate", f"{float(rate):.6g} a second{exact}"),
        ("codec", f"{info.codec}, {info.pixel_format}"),
        ("sound", "yes" if info.has_sound else "none"),
    ]
    return Section(title, tuple(rows))


def gates_section(verdict: Verdict | None) -> tuple[Section, ...]:
    """What the film had to pass, and whether it did; nothing where it had nothing to pass."""
    if verdict is None:
        return ()
    outcome = "passed" if verdict.passed else "FAILED: the film was parked, not delivered"
    rows = (tuple(line.split(maxsplit=1)) for line in verdict.lines)
    return (Section("Gates", (("film", outcome), *((judged, found) for judged, found in rows))),)


def model_section(model: FileRef, facts: DanceModel | PortraitModel | TranslateModel) -> Section:
    """What painted it."""
    rows = [("folder", model.path.parent.name), ("SHA-256 of model.json", model.sha256), ("preset", facts.preset)]
    rows += [("network", facts.network), *_learnt_from(facts), ("licence", facts.licence)]
    return Section("Model", tuple(rows))


def _learnt_from(facts: DanceModel | PortraitModel | TranslateModel) -> Iterator[tuple[str, str]]:
    if isinstance(facts, TranslateModel):
        yield "method", facts.method
        for name, look in (("look a", facts.a), ("look b", facts.b)):
            yield name, f"{look.name}: {look.pictures} pictures of {look.width} x {look.height}"
        return
    yield "picture", f"{facts.framing.width} x {facts.framing.height}"
    yield "training clip", facts.clip_name
    yield "its SHA-256", facts.clip_sha256
    if facts.held_out is not None:
        yield "held-out end", f"PSNR {facts.held_out.psnr_db:.2f} dB, SSIM {facts.held_out.ssim:.4f}"


def provenance_sections(film: Path) -> tuple[Section, ...]:
    """What the film's own record says: of what and how it was made, who consented, who signed.

    Raises: ProvenanceError: a record is there and cannot be read.
    """
    sidecar = read_sidecar(film)
    if sidecar is None:
        return ()
    origin = sidecar.origin
    parts = [part for part in origin.get("ingredients", []) if isinstance(part, dict)]
    made_of = tuple((str(part.get("role")), f"{part.get('name')}\n{part.get('sha256')}") for part in parts)
    return (
        Section("Ingredients", made_of),
        Section("Settings", tuple(flat(origin.get("configuration")))),
        Section("Consent and provenance", tuple(_vouched(sidecar))),
    )


def _vouched(sidecar: Sidecar) -> Iterator[tuple[str, str]]:
    origin, signature = sidecar.origin, sidecar.signature
    consent = origin.get("consent")
    if isinstance(consent, dict):
        yield from ((f"consent: {name}", value) for name, value in flat(consent))
    elif consent is not None:
        yield "consent", str(consent)
    yield "kind of pictures", str(origin.get("digital_source_type")).rsplit("/", 1)[-1]
    if signature is None:
        yield "signed", "no: this kind of file can carry no manifest"
    else:
        how = "a self-made certificate" if signature.self_made else "the certificate given"
        yield "signed by", f"{signature.name}, with {how} ({signature.algorithm})"
    yield "label in the picture", str(origin.get("label") or "none")
    yield "made", sidecar.made


def machine_section(compute: Compute) -> Section:
    """What it ran on, and by which versions."""
    rows = [
        ("system", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"),
        ("device", f"{compute.device}, {compute.precision}: {compute.reason}"),
        ("seed", str(compute.seed)),
        *((name, _version(name)) for name in PACKAGES),
    ]
    return Section("Machine and versions", tuple(rows))


def stage_costs() -> tuple[StageCost, ...]:
    """What each stage of the job that runs took so far; stages of one name, such as chunks, together."""
    groups: dict[str, list[StageRecord]] = {}
    for record in journal().stages:
        groups.setdefault(record.name, []).append(record)
    return tuple(_together(name, records) for name, records in groups.items())


def _together(name: str, records: list[StageRecord]) -> StageCost:
    return StageCost(
        name=name if len(records) == 1 else f"{name} ({len(records)} times)",
        seconds=sum(record.seconds for record in records),
        peak_mib=max(record.peak_mib for record in records) or None,
        reused=all(record.reused for record in records),
    )


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as rows: names with dots, short lists in one line; what names a class is left out."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name:
                yield from flat(inner, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(value, list) and not _is_short(value):
        for place, inner in enumerate(value):
            yield from flat(inner, f"{prefix}[{place}]")
    else:
        yield prefix, _said(value)


def _is_short(values: Iterable[Any]) -> bool:
    listed = list(values)
    return len(listed) <= _SHORT_LIST and not any(isinstance(value, dict | list) for value in listed)


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_said(inner) for inner in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
