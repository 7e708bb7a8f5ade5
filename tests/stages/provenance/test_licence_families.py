"""What the words of a licence forbid; what is not known is unknown."""

from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError

import pytest

from stages.network_folder import LICENCE
from stages.provenance.licences import FORBIDS, dependencies, families_of, licence_of


@pytest.mark.parametrize(
    ("licence", "families"),
    [
        ("MIT", ("permissive",)),
        ("BSD License", ("permissive",)),
        ("Apache-2.0 AND MIT", ("permissive",)),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", ("permissive", "file copyleft")),
        ("MIT OR GPL-2.0-or-later", ("permissive",)),
        ("GNU Lesser General Public License v3 (LGPLv3)", ("file copyleft",)),
        ("LGPL version 3 or later", ("file copyleft",)),
        ("GPL-3-or-later", ("copyleft",)),
        ("GNU Affero General Public License v3", ("network copyleft",)),
        ("CC BY-NC-SA 4.0", ("share-alike", "non-commercial")),
        ("CC-BY-NC-ND-4.0", ("non-commercial", "no derivatives")),
        ("LicenseRef-NVIDIA-Proprietary", ("proprietary",)),
        ("BSD-3-Clause (torchvision); trained on ImageNet", ("permissive", "terms of a data set")),
        ("Weights trained by the user on the user's clip; no rights beyond those to the clip.", ("as its clips",)),
        ("Artistic License; GNU General Public License (GPL)", ("permissive", "copyleft")),
        ("unknown", ("unknown",)),
        ("", ("unknown",)),
        ("Ask Bob", ("unknown",)),
    ],
)
def test_words_of_a_licence_are_sorted_by_what_they_forbid(licence: str, families: tuple[str, ...]) -> None:
    assert families_of(licence) == families


def test_imported_published_networks_are_for_no_commercial_use() -> None:
    assert "non-commercial" in families_of(LICENCE)


def test_every_family_says_what_it_forbids() -> None:
    assert FORBIDS["non-commercial"] == "commercial use"
    assert all(FORBIDS.values())


class _Package(Distribution):
    def __init__(self, **told: list[str]) -> None:
        self._told = Message()
        for name, values in told.items():
            for value in values:
                self._told[name.replace("_", "-")] = value

    @property
    def metadata(self) -> Message:  # type: ignore[override]
        return self._told

    def read_text(self, filename: str) -> str | None:
        return None

    def locate_file(self, path: object) -> None:  # type: ignore[override]
        return None


@pytest.mark.parametrize(
    ("package", "licence"),
    [
        (_Package(License_Expression=["MIT"], License=["GPL"]), "MIT"),
        (_Package(Classifier=["License :: OSI Approved :: BSD License", "Topic :: Video"]), "BSD License"),
        (
            _Package(
                Classifier=["License :: OSI Approved", "License :: OSI Approved :: A", "License :: OSI Approved :: B"]
            ),
            "A; B",
        ),
        (_Package(License=["Apache 2.0"]), "Apache 2.0"),
        (_Package(License=["UNKNOWN"]), "unknown"),
        (_Package(License=["Copyright (c) 2020 " + "x" * 100]), "unknown"),
        (_Package(), "unknown"),
    ],
)
def test_a_package_is_asked_first_for_what_is_exact(package: Distribution, licence: str) -> None:
    assert licence_of(package) == licence


def test_dependencies_of_dependencies_are_listed_once_and_by_name() -> None:
    names = [thing.name.lower() for thing in dependencies()]
    assert {"torch", "prefect", "sqlalchemy", "sympy"} <= set(names)  # the last two by way of the first
    assert len(names) == len(set(names)) and "understudy" not in names
    assert "pytest" not in names  # ours while developing, not a user's


def test_a_package_that_is_not_installed_is_said() -> None:
    with pytest.raises(PackageNotFoundError):
        dependencies("no-such-package-of-ours")
