"""Consent on the command line and in jobs: one of three words is asked for before anything starts."""

from pathlib import Path

from pipeline.errors import ConsentError
from stages.provenance.consent import Consent, not_recorded, stated_by_oneself, stated_in

ONESELF = "self"


def chosen_consent(consent: str | Path | None, *, without_record: bool, target: str | Path) -> Consent:
    """What was said of the consent of the person in `target`, who is to be trained on.

    Args:
        consent: `self`, or the file of a statement.
        without_record: train without either.
        target: for the message.

    Raises: ConsentError: neither was said, or both; or the statement cannot be read.
    """
    ways = "--consent FILE (the statement of the person filmed), --consent self (that is you)"
    if consent is not None and without_record:
        raise ConsentError(
            target,
            "both a consent and the wish to train without a record",
            "one of the two",
            f"Give {ways}, or --without-consent-record.",
        )
    if consent is not None:
        return stated_by_oneself() if str(consent) == ONESELF else stated_in(Path(consent))
    if not without_record:
        raise ConsentError(
            target,
            "nothing is said of the consent of the person filmed",
            f"{ways}, or --without-consent-record",
            "A likeness is trained with that person's consent. Say which it is; the hash of the statement, or that "
            "there is none, is written into the model and its films.",
        )
    return not_recorded()
