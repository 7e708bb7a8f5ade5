"""Whose certificate signs, and what is said of one that cannot."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from pipeline.errors import ProvenanceError
from stages.provenance.identity import Identity, given_identity, own_certificate, own_identity


@pytest.fixture
def pair(tmp_path: Path, strangers: Identity) -> tuple[Path, Path]:
    """Certificate and key as files."""
    (tmp_path / "cert.pem").write_bytes(strangers.chain)
    (tmp_path / "key.pem").write_bytes(strangers.key)
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_the_users_certificate_is_taken_as_it_is(pair: tuple[Path, Path], strangers: Identity) -> None:
    given = given_identity(*pair)
    assert (given.name, given.algorithm, given.self_made) == ("Ann, Example Films", "es256", False)
    assert given.chain == strangers.chain


def test_a_self_made_certificate_names_itself_so_and_is_made_once(tmp_path: Path) -> None:
    first, second = own_identity(tmp_path), own_identity(tmp_path)
    assert first.self_made and first.name.endswith("Self-made by Understudy, verified by nobody")
    assert first == second
    assert (tmp_path / "signer.pem").stat().st_mode & 0o077 == 0


def test_two_installations_have_two_certificates(tmp_path: Path) -> None:
    assert own_certificate(tmp_path / "one") is None
    own_identity(tmp_path / "one"), own_identity(tmp_path / "other")
    one, other = own_certificate(tmp_path / "one"), own_certificate(tmp_path / "other")
    assert one is not None and other is not None and one.serial != other.serial and one.root != other.root


def test_the_key_is_never_shown(strangers: Identity) -> None:
    assert repr(strangers) == "Identity('Ann, Example Films', es256)"


def test_a_key_of_another_certificate_is_refused(pair: tuple[Path, Path], outdated: Identity) -> None:
    pair[1].write_bytes(outdated.key)
    with pytest.raises(ProvenanceError) as caught:
        given_identity(*pair)
    assert str(caught.value) == (
        f"{pair[1]}: the key is not the certificate's; expected the key of {pair[0]}. "
        "Give the PEM files of a certificate for signing content, or leave both away for a self-made one."
    )


def test_a_certificate_that_has_ended_is_refused_with_its_days(tmp_path: Path, outdated: Identity) -> None:
    (tmp_path / "both.pem").write_bytes(outdated.chain + outdated.key)
    with pytest.raises(ProvenanceError, match=r"the certificate is valid from \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d"):
        given_identity(tmp_path / "both.pem", tmp_path / "both.pem")


def test_a_key_with_a_password_is_refused_with_a_way_out(pair: tuple[Path, Path], strangers: Identity) -> None:
    key = load_pem_private_key(strangers.key, None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    pair[1].write_bytes(locked)
    with pytest.raises(ProvenanceError, match="the key is encrypted; expected a private key in PEM, not encrypted"):
        given_identity(*pair)


@pytest.mark.parametrize(("which", "message"), [(0, "no certificate in it"), (1, "no private key in it")])
def test_files_that_are_something_else_are_refused(which: int, message: str, pair: tuple[Path, Path]) -> None:
    pair[which].write_text("Dear diary")
    with pytest.raises(ProvenanceError, match=message):
        given_identity(*pair)
    pair[which].unlink()
    with pytest.raises(ProvenanceError, match="cannot be read"):
        given_identity(*pair)
