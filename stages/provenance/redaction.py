"""What a clip's own manifests say beyond what was done: place, device, day, people, thumbnails. It does not travel."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import c2pa
from c2pa import C2paError

# Statements that travel with a clip: what was done to it and of what, what binds these words to their content and their
# day, what it may be used for. All else may say where, when, by what and of whom it was filmed.
_TRAVELS = (
    *("c2pa.actions", "c2pa.ingredient", "c2pa.hash.", "c2pa.time-stamp", "c2pa.certificate-status"),
    *("c2pa.training-mining", "cawg.training-mining", "org.understudy.origin"),
)


@dataclass(frozen=True, slots=True)
class Redaction:
    """A statement that is taken out of a manifest, as C2PA provides for."""

    address: str  # of the statement, within the file that carries it
    label: str  # its kind, such as stds.exif

    def as_action(self, clip: str) -> dict[str, Any]:
        """The action that says so.

        Args:
            clip: the name of what carried it.
        """
        return {
            "action": "c2pa.redacted",
            "reason": "c2pa.PII.present",
            "description": f"{self.label} was left out of the manifest that {clip} carries",
            "parameters": {"redacted": self.address},
        }


def redactions(clip: Path, settings: dict[str, Any]) -> tuple[Redaction, ...]:
    """What has to be taken out of all manifests of a clip, those of its own ingredients as well; in their order.

    Args:
        settings: of the library.

    Raises:
        C2paError: it carries one that cannot be read.
        OSError: the clip cannot be read.
    """
    with clip.open("rb") as content:
        reader = c2pa.Reader.try_create(None, content, context=c2pa.Context(c2pa.Settings.from_dict(settings)))
        if reader is None:
            return ()
        with reader:
            said = reader.detailed_json()
    try:
        return tuple(
            Redaction(f"self#jumbf=/c2pa/{name}/c2pa.assertions/{label}", label)
            for name, manifest in json.loads(said)["manifests"].items()
            for label in sorted(manifest["assertion_store"])
            if not label.startswith(_TRAVELS)
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise C2paError(f"{clip.name}: {error}") from error
