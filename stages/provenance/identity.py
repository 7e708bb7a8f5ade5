"""Who signs: the user's certificate, or one that this installation makes for itself and names as such."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pipeline.artifacts import atomic_file
from pipeline.errors import OutputExists, ProvenanceError

SELF_MADE = "Self-made by Understudy, verified by nobody"  # the organisation that such certificates name
_SIGNER = "signer.pem"
_YEARS = 10
_REMEDY = "Give the PEM files of a certificate for signing content, or leave both away for a self-made one."

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key; never printed, never part of a manifest but for the certificates."""

    chain: bytes  # PEM, the signer's own certificate first
    key: bytes  # PEM, PKCS 8, not encrypted
    algorithm: str  # as C2PA calls it: es256, ps256, ed25519 …
    name: str  # whom the certificate names

    def __repr__(self) -> str:
        return f"Identity({self.name!r}, {self.algorithm})"

    @property
    def self_made(self) -> bool:
        """Whether the certificate says that it was made by us."""
        return SELF_MADE in self.name


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """How to know what this installation signed."""

    serial: str  # of the signer's certificate, decimal, as C2PA's readers say it
    root: bytes  # PEM; it has signed this one certificate and can sign no other


def given_identity(certificate: Path, key: Path) -> Identity:
    """The user's own certificate (PEM, with the certificates between it and its root) and key (PEM, not encrypted).

    Raises: ProvenanceError: a file cannot be read, is no PEM, is out of date, or the key is not the certificate's.
    """
    chain, first = _certificates(certificate)
    private = _key(key)
    if _der(private.public_key()) != _der(first.public_key()):
        raise ProvenanceError(key, "the key is not the certificate's", f"the key of {certificate}", _REMEDY)
    now = datetime.now(UTC)
    if not first.not_valid_before_utc <= now <= first.not_valid_after_utc:
        days = f"valid from {first.not_valid_before_utc.date()} to {first.not_valid_after_utc.date()}"
        raise ProvenanceError(certificate, f"the certificate is {days}", "one that is valid today", "Renew it.")
    text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Identity(chain, text, _algorithm(private, key), _name(first.subject))


def own_identity(folder: Path) -> Identity:
    """The self-made certificate in a folder of the user's; made where there is none yet, for ten years.

    Raises:
        ProvenanceError: what lies there is no such certificate.
        StorageError: it cannot be written.
    """
    path = folder / _SIGNER
    if not path.exists() or _ends_soon(path):
        _make(path)
    return given_identity(path, path)


def own_certificate(folder: Path) -> OwnCertificate | None:
    """What tells the films signed with the self-made certificate in a folder; None: there is none.

    Raises: ProvenanceError: what lies there is no such certificate.
    """
    path = folder / _SIGNER
    if not path.exists():
        return None
    chain, leaf = _certificates(path)
    root = x509.load_pem_x509_certificates(chain)[-1].public_bytes(Encoding.PEM)
    return OwnCertificate(str(leaf.serial_number), root)


def trusted_roots(path: Path) -> bytes:
    """The certificates in a PEM file.

    Raises: ProvenanceError: it cannot be read, or holds none.
    """
    return _certificates(path)[0]


def _ends_soon(path: Path) -> bool:
    return _certificates(path)[1].not_valid_after_utc < datetime.now(UTC) + timedelta(days=1)


def _make(path: Path) -> None:
    """A root and a leaf, as C2PA takes no leaf that signs itself; the root's key is thrown away."""
    now = datetime.now(UTC)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = _named("Understudy self-made root"), _named("Understudy self-made signer")
    root = _certificate(root_name, root_name, root_key.public_key(), now, authority=True)
    leaf = _certificate(root_name, name, key.public_key(), now, authority=False).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
    )
    signed = [builder.sign(root_key, hashes.SHA256()).public_bytes(Encoding.PEM) for builder in (leaf, root)]
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    late = path.exists()
    try:
        with atomic_file(path, overwrite=late) as beside:
            beside.chmod(0o600)
            beside.write_bytes(b"".join([*signed, secret]))
    except OutputExists:  # another process made one meanwhile; it serves as well
        return


def _certificate(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, *, authority: bool
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    if authority:
        return builder
    # The purpose that C2PA asks of a signer's certificate; without it the signature is refused.
    return builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)


def _named(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, SELF_MADE),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _certificates(path: Path) -> tuple[bytes, x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise ProvenanceError(path, f"cannot be read ({error.strerror})", "a certificate in PEM", _REMEDY) from error
    except ValueError as error:
        raise ProvenanceError(path, "no certificate in it", "a certificate in PEM", _REMEDY) from error
    return b"".join(one.public_bytes(Encoding.PEM) for one in found), found[0]


def _key(path: Path) -> PrivateKey:
    expected = "a private key in PEM, not encrypted"
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise ProvenanceError(path, f"cannot be read ({error.strerror})", expected, _REMEDY) from error
    except TypeError as error:
        remedy = "Write it out without a password, readable by you alone: openssl pkcs8 -in KEY -nodes."
        raise ProvenanceError(path, "the key is encrypted", expected, remedy) from error
    except ValueError as error:
        raise ProvenanceError(path, "no private key in it", expected, _REMEDY) from error
    if not isinstance(key, PrivateKey):
        raise ProvenanceError(path, f"a key of kind {type(key).__name__}", "one for ECDSA, Ed25519 or RSA", _REMEDY)
    return key


def _der(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _algorithm(key: PrivateKey, path: Path) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if key.curve.name not in _CURVES:
        raise ProvenanceError(path, f"a key on the curve {key.curve.name}", f"one on {', '.join(_CURVES)}", _REMEDY)
    return _CURVES[key.curve.name]


def _name(subject: x509.Name) -> str:
    parts = [
        *subject.get_attributes_for_oid(NameOID.COMMON_NAME),
        *subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME),
    ]
    return ", ".join(str(part.value) for part in parts) or subject.rfc4514_string()
