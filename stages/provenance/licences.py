"""Licences: what installed packages, weights and models may be used for, sorted into families by what each forbids."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Literal

Family = Literal[
    "permissive",
    "file copyleft",
    "copyleft",
    "network copyleft",
    "share-alike",
    "non-commercial",
    "no derivatives",
    "proprietary",
    "terms of a data set",
    "as its clips",
    "unknown",
]

FORBIDS: dict[Family, str] = {
    "permissive": "nothing; keep its notice",
    "file copyleft": "keeping changes to its own files to yourself when you pass it on",
    "copyleft": "passing on a program that contains it under other terms, or without source",
    "network copyleft": "the same, also where the program is only served over a network",
    "share-alike": "passing on what is made from it under other terms",
    "non-commercial": "commercial use",
    "no derivatives": "passing on anything made from it",
    "proprietary": "what its own terms forbid; most forbid to pass it on apart from a program",
    "terms of a data set": "perhaps commercial use; the pictures it was trained on came with terms of their own",
    "as its clips": "what the rights to the clips it was trained on, and the consent of those filmed, do not allow",
    "unknown": "nobody knows: it does not say; ask its authors before you rely on it",
}
_ORDER: tuple[Family, ...] = tuple(FORBIDS)

# What the words of a licence mean; the first that fits. Words, not only SPDX: old packages write what they like.
_WORDS: tuple[tuple[str, Family], ...] = (
    (r"\bAGPL|Affero", "network copyleft"),
    (r"\bLGPL|Lesser General Public|Library General Public", "file copyleft"),
    (r"\bMPL|Mozilla Public|\bEPL\b|Eclipse Public|\bCDDL", "file copyleft"),
    (r"\bGPL|General Public Licen[sc]e", "copyleft"),
    (r"proprietary|\bEULA\b", "proprietary"),
    (
        r"\bMIT\b|\bMIT-0\b|\bBSD|\b0BSD\b|Apache|\bISC\b|\bISCL\b|\bPSF|Python Software Foundation|\bCNRI|\bzlib\b"
        r"|\bBSL-1|Boost|Unlicense|\bCC0|Public Domain|Artistic|\bHPND\b|\bWTFPL\b|\bCC-BY-4|\bNCSA\b",
        "permissive",
    ),
)
# Families that one text may belong to at once.
_CONDITIONS: tuple[tuple[str, Family], ...] = (
    (r"\bNC\b|-NC-|non-?commercial|research (use )?only|research purposes", "non-commercial"),
    (r"\bSA\b|-SA-|share-?alike", "share-alike"),
    (r"\bND\b|-ND-|no ?derivatives", "no derivatives"),
    (r"ImageNet|KITTI|Kinetics", "terms of a data set"),
    (r"no rights beyond", "as its clips"),
)
_LONGEST = 100  # letters of a licence field; longer ones hold the licence's whole text


@dataclass(frozen=True, slots=True, kw_only=True)
class Licensed:
    """One thing, its licence, and what that forbids."""

    kind: Literal["dependency", "program", "weights", "model"]
    name: str
    version: str = ""
    licence: str  # as it says itself; "unknown"
    families: tuple[Family, ...]
    note: str = ""  # where it lies, what it is for, what it carries inside

    @property
    def forbids(self) -> tuple[str, ...]:
        """What may not be done with it."""
        return tuple(FORBIDS[family] for family in self.families)


def families_of(licence: str) -> tuple[Family, ...]:
    """The families that a licence's words put it into, the strictest last; of `A OR B` the one that allows most.

    A text in which no word is known is "unknown": never "permissive".
    """
    asked = {min((_family(one) for one in part.split(" OR ")), key=_ORDER.index) for part in _conjuncts(licence)}
    conditions = {family for words, family in _CONDITIONS if re.search(words, licence, re.IGNORECASE)}
    if conditions:
        asked.discard("unknown")
    return tuple(sorted(asked | conditions, key=_ORDER.index))


def _conjuncts(licence: str) -> list[str]:
    return [part.strip("() ") for part in re.split(r"\s+AND\s+|;", licence)]


def _family(words: str) -> Family:
    found = (family for pattern, family in _WORDS if re.search(pattern, words, re.IGNORECASE))
    return next(found, "unknown")


def dependencies(root: str = "understudy") -> list[Licensed]:
    """Every installed distribution that `root` needs, with its extras, and what those need; by name.

    Raises: PackageNotFoundError: `root` itself is not installed.
    """
    found: dict[str, Distribution] = {}
    waiting = [(root, True)]
    while waiting:
        name, with_extras = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            found[key] = distribution(name)
        except PackageNotFoundError:
            if with_extras:
                raise
            continue  # of another system, or left away on purpose
        waiting += [(needed, False) for needed in _needed(found[key], with_extras=with_extras)]
    return [_described(found[key]) for key in sorted(found) if key != root]


def _needed(package: Distribution, *, with_extras: bool) -> Iterator[str]:
    for requirement in package.requires or ():
        condition = requirement.partition(";")[2]
        name = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
        if name and (with_extras or not re.search(r"\bextra\s*==", condition)):
            yield name.group(1)


def _described(package: Distribution) -> Licensed:
    licence = licence_of(package)
    return Licensed(
        kind="dependency",
        name=package.metadata["Name"],
        version=package.version,
        licence=licence,
        families=families_of(licence),
    )


def licence_of(package: Distribution) -> str:
    """What a distribution says of its licence: an SPDX expression, else its classifiers, else its licence field.

    Several classifiers are listed with semicolons, and all are taken to bind: they do not say which one may choose.
    """
    told = package.metadata
    if expression := told.get_all("License-Expression"):
        return str(expression[0])
    classifiers = [line.rsplit(" :: ", 1)[-1] for line in told.get_all("Classifier") or () if line.startswith("Licen")]
    if named := [words for words in classifiers if words not in ("OSI Approved", "License")]:
        return "; ".join(sorted(set(named)))
    field = str((told.get_all("License") or [""])[0]).strip()
    first = field.splitlines()[0].strip() if field else ""
    return first if first and first.upper() != "UNKNOWN" and len(first) <= _LONGEST else "unknown"
