"""Origin: what a film was made of, by name and hash; what manifest and sidecar say alike."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from stages.provenance.consent import Consent

Work = Literal["dance", "portrait", "translation"]
Role = Literal["source", "target", "model", "configuration"]

_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED = f"{_SOURCE_TYPES}trainedAlgorithmicMedia"
COMPOSITE = f"{_SOURCE_TYPES}compositeWithTrainedAlgorithmicMedia"

# What IPTC calls each: a translated frame is painted wholly; a dancer or a head is painted into what a camera saw.
SOURCE_TYPE: dict[Work, str] = {"dance": COMPOSITE, "portrait": COMPOSITE, "translation": TRAINED}
NO_RECORD = "no record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """One thing that a film was made of."""

    role: Role
    name: str  # of the file, without its folders
    sha256: str
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a film was made of, by which work, with whose consent."""

    work: Work
    ingredients: tuple[Ingredient, ...]
    configuration: dict[str, Any] = field(default_factory=dict)  # what was asked for, as JSON without paths
    consent: Consent | None = None  # of the person whose likeness it shows; None: the model has no record
    label: str | None = None  # what is written into the picture; None: nothing

    @property
    def source_type(self) -> str:
        """IPTC's word for how the pictures came about."""
        return SOURCE_TYPE[self.work]

    def as_json(self) -> dict[str, Any]:
        """The same for manifest and sidecar: hashes and names, no places, no names of statements."""
        consent: dict[str, Any] | str | None = None if self.work == "translation" else NO_RECORD  # it shows no likeness
        if self.consent is not None:
            consent = {"kind": self.consent.kind, "date": self.consent.date, "sha256": self.consent.sha256}
        return {
            "work": self.work,
            "digital_source_type": self.source_type,
            "ingredients": [asdict(part) for part in self.ingredients],
            "configuration": self.configuration,
            "consent": consent,
            "label": self.label,
        }
