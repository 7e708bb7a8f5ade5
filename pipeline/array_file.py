"""ArrayFile: named arrays in one .npz file, without pickle, versioned; every field is checked when read."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import atomic_file
from pipeline.errors import LimitExceeded, TrackError
from pipeline.limits import MEBIBYTE, limits

# What a damaged .npy, .npz or JSON leads its reader to, beside our own errors (numpy 1.26, Python 3.11).
DAMAGE = (
    *(OSError, EOFError, MemoryError, RecursionError, TokenError, SyntaxError),
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError),
)
_MAKER = "understudy "  # before the kind, in the file


@dataclass(frozen=True, slots=True)
class Field:
    """What one array has to be like. Numbers are always finite."""

    name: str
    dtype: type[np.generic]
    shape: tuple[int | str, ...]  # a letter stands for a length of 1 or more, the same wherever it stands
    least: float = -np.inf
    most: float = np.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayFile:
    """The form of a kind of file."""

    kind: str  # two words or three that follow "a"
    version: int
    fields: tuple[Field, ...]
    remedy: str  # what people do about a file that does not fit

    def save(self, arrays: Mapping[str, NDArray[Any]], path: Path, *, overwrite: bool = True, source: str = "") -> None:
        """Write the fields, in their types, whole or not at all.

        Args:
            source: what it was made from; kept for people to read.

        Raises:
            OutputExists: `path` is there and `overwrite` is False.
            StorageError: the disk is full or the folder cannot be written.
        """
        typed = {field.name: arrays[field.name].astype(field.dtype) for field in self.fields}
        with atomic_file(path, overwrite=overwrite) as beside, beside.open("wb") as file:
            head = {"kind": f"{_MAKER}{self.kind}", "version": self.version, "source": source}
            np.savez_compressed(file, **{name: np.array(value) for name, value in head.items()}, **typed)

    def load(self, path: Path) -> dict[str, NDArray[Any]]:
        """Read the fields and nothing else.

        Raises:
            TrackError: no such file, one of another kind or version, or a field that does not fit; it is named.
        """
        arrays = self.read(path)
        if str(arrays.get("kind")) != f"{_MAKER}{self.kind}":
            raise TrackError(path, f"this is no {self.kind}", "a file of that kind", self.remedy)
        if not np.array_equal(arrays.get("version", -1), self.version):
            found = f"the file's version is {arrays.get('version')}"
            raise TrackError(path, found, f"version {self.version}", self.remedy)
        lengths: dict[str, int] = {}
        for field in self.fields:
            self._check(path, field, arrays, lengths)
        return {field.name: arrays[field.name] for field in self.fields}

    def read(self, path: Path) -> dict[str, NDArray[Any]]:
        """Read whatever arrays there are, unchecked.

        Raises:
            TrackError: no such file, or none of arrays.
            LimitExceeded: the arrays are larger than one file's may be.
        """
        expected = f"a file that holds a {self.kind} (.npz)"
        if not path.is_file():
            raise TrackError(path, "there is no such file", expected, f"Check the path. {self.remedy}")
        try:
            with zipfile.ZipFile(path) as archive:
                _refuse_bomb(path, archive)
                return {info.filename.removesuffix(".npy"): _array(archive, info) for info in archive.infolist()}
        except DAMAGE as error:
            raise TrackError(path, f"the file cannot be read ({error})", expected, self.remedy) from error

    def _check(self, path: Path, field: Field, arrays: dict[str, NDArray[Any]], lengths: dict[str, int]) -> None:
        if field.name not in arrays:
            raise TrackError(path, f"field {field.name!r} is missing", f"all fields of a {self.kind}", self.remedy)
        array = arrays[field.name]
        if array.ndim == len(field.shape):
            for length, wanted in zip(array.shape, field.shape, strict=True):
                if isinstance(wanted, str) and length > 0:
                    lengths.setdefault(wanted, length)
        shape = tuple(lengths.get(wanted, wanted) if isinstance(wanted, str) else wanted for wanted in field.shape)
        if array.dtype != field.dtype or array.shape != shape:
            found = f"field {field.name!r} is {array.dtype} {array.shape}"
            raise TrackError(path, found, f"{np.dtype(field.dtype)} {_said(shape)}", self.remedy)
        if not (np.isfinite(array) & (array >= field.least) & (array <= field.most)).all():
            found = f"field {field.name!r} holds values out of range"
            raise TrackError(path, found, f"finite numbers{_bounds(field)}", self.remedy)


def _refuse_bomb(path: Path, archive: zipfile.ZipFile) -> None:
    """Look at the sizes before unpacking: a thousandth of them is enough to pack zeros in.

    They can be relied on: of each part no more is unpacked than the archive says of it.
    """
    allowed = limits()
    size = sum(info.file_size for info in archive.infolist())
    if size > allowed.arrays * MEBIBYTE:
        found, expected = f"arrays of {size // MEBIBYTE} MiB", f"at most {allowed.arrays} MiB"
        raise LimitExceeded(path, found, expected, allowed.remedy("arrays", 1 + size // MEBIBYTE))


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(info) as part:
        array: NDArray[Any] = np.lib.format.read_array(part, allow_pickle=False)  # type: ignore[no-untyped-call]
        return array


def _said(shape: tuple[int | str, ...]) -> str:
    lengths = ", ".join(str(length) for length in shape)
    return f"({lengths},)" if len(shape) == 1 else f"({lengths})"


def _bounds(field: Field) -> str:
    least = f" from {field.least:g}" if np.isfinite(field.least) else ""
    return f"{least} to {field.most:g}" if np.isfinite(field.most) else f"{least} up" if least else ""
