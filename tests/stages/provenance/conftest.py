"""A small film with sound, identities, and what the film is said to be made of."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from pipeline.artifacts import FileRef
from pipeline.delivery import carry_sound
from pipeline.video import read_video, write_video
from stages.provenance.consent import Consent
from stages.provenance.identity import Identity, own_identity
from stages.provenance.origin import Ingredient, Origin

SAMPLES = Path(__file__).parents[3] / "sample_videos"


@pytest.fixture(scope="session")
def small_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first twelve frames of the source, with their sound."""
    folder, clip = tmp_path_factory.mktemp("small"), SAMPLES / "red_dance.mp4"
    with read_video(clip, stop_index=12) as video, write_video(folder / "silent.mp4", video.info) as film:
        for frame in video:
            film.write(frame)
    carry_sound(folder / "silent.mp4", clip, folder / "film.mp4")
    return folder / "film.mp4"


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's config folder."""
    return tmp_path_factory.mktemp("config")


@pytest.fixture(scope="session")
def identity(config: Path) -> Identity:
    return own_identity(config)


@pytest.fixture(scope="session")
def origin(small_film: Path) -> Origin:
    """Of a dance."""
    clip = FileRef.of(small_film)
    parts = (
        Ingredient(role="source", name="red.mp4", sha256=clip.sha256, media_type="video/mp4"),
        Ingredient(role="target", name="blue.mkv", sha256="b" * 64, media_type="video/x-matroska"),
        Ingredient(role="model", name="ann/model.json", sha256="c" * 64, media_type="application/json"),
        Ingredient(role="configuration", name="dance settings.json", sha256="d" * 64, media_type="application/json"),
    )
    consent = Consent(kind="file", date="2026-01-02", sha256="e" * 64, name="ann.pdf")
    return Origin(work="dance", ingredients=parts, configuration={"size": [1, 2]}, consent=consent)


def certified(purpose: ObjectIdentifier, *, days: int = 30) -> Identity:
    """A certificate for Ann of Example Films under a root of its own, for one purpose."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root, leaf = (
        x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, name),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Films"),
            ]
        )
        for name in ("Root", "Ann")
    )
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, root_itself: bool) -> x509.Certificate:
        signs = x509.KeyUsage(
            digital_signature=not root_itself,
            key_cert_sign=root_itself,
            crl_sign=root_itself,
            decipher_only=False,
            **usage,
        )
        end = datetime.now(UTC) + timedelta(days=days)
        builder = (
            x509.CertificateBuilder()
            .issuer_name(root)
            .subject_name(subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - timedelta(days=60))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=root_itself, path_length=None), critical=True)
            .add_extension(signs, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        )
        if not root_itself:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return builder.sign(root_key, hashes.SHA256())

    chain = [
        certificate(leaf, key.public_key(), root_itself=False),
        certificate(root, root_key.public_key(), root_itself=True),
    ]
    return Identity(
        b"".join(one.public_bytes(Encoding.PEM) for one in chain),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "es256",
        "Ann, Example Films",
    )


@pytest.fixture(scope="session")
def strangers() -> Identity:
    """A certificate of somebody else, good for signing content."""
    return certified(ExtendedKeyUsageOID.EMAIL_PROTECTION)


@pytest.fixture(scope="session")
def wrong() -> Identity:
    """One that is good for a web server only."""
    return certified(ExtendedKeyUsageOID.SERVER_AUTH)


@pytest.fixture(scope="session")
def outdated() -> Identity:
    """One that ended yesterday."""
    return certified(ExtendedKeyUsageOID.EMAIL_PROTECTION, days=-1)
