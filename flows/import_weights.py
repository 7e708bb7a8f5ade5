"""Published weights in, our folder out, and a report of what became of every name in the files."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import wrap

from models.official import BatchNorms, OfficialNetwork, OfficialPart, load_official
from pipeline.errors import UnknownChoice
from stages.network_folder import write_network

LINE = 110  # characters
COLUMNS = ("file", "family", "network", "parameters", "loaded", "left out", "unused", "missing")
KEPT: dict[str, BatchNorms] = {"affine": "affine", "batch": "batch"}  # the words of --norm
NORMS = {
    "instance": "instance: the files have no weights of norms",
    "affine": "affine: batch norms became instance norms, as they were run in training; running statistics left out",
    "batch": "batch: running statistics are kept, and used in evaluation mode",
}


def import_weights(files: Sequence[Path], output: Path, norm: str, *, overwrite: bool) -> list[str]:
    """Import published files as one network folder; return the report, line by line.

    Args:
        files: see `models.official.load_official`.
        norm: "affine" or "batch": what batch norms become, see `models.official.read_official`.
    Raises:
        UnknownChoice: `norm` is neither.
        ModelError: a file is damaged, of another family, not all of a network, or not of one network with the others.
        OutputExists, StorageError: see `write_network`.
    """
    if norm not in KEPT:
        raise UnknownChoice.among("norm", norm, KEPT)
    official = load_official(files, batch_norms=KEPT[norm])
    facts = write_network(output, official, overwrite=overwrite)
    return [
        *_table([COLUMNS, *(_row(part) for part in official.parts)]),
        "",
        *_entry("network", f"{facts.network}: {_shape(official)}"),
        *_entry("norm", NORMS[facts.norm]),
        *(line for part in official.parts if part.unused for line in _entry("unused", _listed(part))),
        *_entry("licence", facts.licence),
        f"written  {output}",
    ]


def _row(part: OfficialPart) -> tuple[str, ...]:
    counts = part.parameters, len(part.loaded), len(part.left_out), len(part.unused), 0  # nothing missing gets here
    return (part.path.name, part.family, part.network, *(f"{count:,}" for count in counts))


def _entry(heading: str, text: str) -> list[str]:
    """A heading and what belongs to it, in lines that fit a terminal."""
    return wrap(text, LINE, initial_indent=f"{heading:<9}", subsequent_indent=" " * 9, break_long_words=False)


def _listed(part: OfficialPart) -> str:
    return f"{part.path.name}: {', '.join(part.unused)}"


def _shape(official: OfficialNetwork) -> str:
    """The config in words; of a pyramid what is inside it too."""
    words: list[str] = []
    for name, value in asdict(official.config).items():
        words += [f"{inner} {one}" for inner, one in value.items()] if isinstance(value, dict) else [f"{name} {value}"]
    return ", ".join(words)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest word, two blanks between them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
