"""A finding in plain words, for somebody who has never heard of a manifest."""

import textwrap
from collections.abc import Iterator

from stages.provenance.verify import Finding, Made, Signature

WIDTH = 100
_TITLE = 15  # columns
LONGEST = 1000  # characters of a word that comes from a file

_SYNTHETIC = {
    "wholly": "Made by AI: a trained network painted the pictures.",
    "partly": "Partly made by AI: what a trained network painted is laid over other pictures.",
    "no": "It does not call itself made by AI.",
    "not said": "It does not say how its pictures came about.",
}
_SIGNERS = {
    "trusted": "{name}: the certificate leads to a root that you trust",
    "this installation": "{name}: the self-made certificate of this installation. It proves that the film was signed "
    "here, and names nobody",
    "self-made": "{name}: a self-made certificate. It shows that nothing was changed since, and names nobody; anybody "
    "can make one",
    "unknown": "{name}: the name stands in the certificate, and no root that you trust vouches for it",
}
_WORKS = {
    "dance": "one person's body performs another's dance",
    "portrait": "one person's head does what another's did, or what sliders say",
    "translation": "a clip in another look",
}


def lines(finding: Finding) -> list[str]:
    """What to print: a heading and its text a line, long texts folded."""
    return [line for title, text in _said(finding) for line in _folded(title, plain(text))]


def _said(finding: Finding) -> Iterator[tuple[str, str]]:
    yield "File", finding.file
    yield "Verdict", _verdict(finding)
    if finding.state in ("none", "broken") and finding.software is None:
        if finding.sidecar:
            yield "Sidecar", finding.sidecar
        return
    yield "What it is", _what(finding)
    if finding.software:
        yield "Made with", finding.software
    for made in finding.made_of:
        yield f"  {made.role}"[:_TITLE], _made(made)
    for done in finding.actions:
        yield "What was done", done
    if finding.consent:
        yield "Consent", _consent(finding.consent)
    if finding.label:
        yield "Visible label", finding.label
    yield "Signed by", _signed(finding.signature)
    if finding.sidecar:
        yield "Sidecar", finding.sidecar


def _verdict(finding: Finding) -> str:
    if finding.state == "intact":
        return "Not changed since it was signed."
    if finding.state == "changed":
        return f"CHANGED since it was signed, in {'; and in '.join(finding.changes)}. Believe nothing below."
    if finding.state == "doubtful":
        return f"The content is what was signed, but the signature is in doubt: {finding.why}."
    if finding.state == "broken":
        return f"There is a manifest and it cannot be read ({finding.why}): the file was damaged or changed."
    return (
        f"No manifest: {finding.why}. Nothing vouches for this file. It may be a camera's, it may be made by AI: "
        "manifests are easily lost and can be removed."
    )


def _what(finding: Finding) -> str:
    work = f" {_WORKS[finding.work][0].upper()}{_WORKS[finding.work][1:]}." if finding.work in _WORKS else ""
    types = f" ({', '.join(finding.source_types)})" if finding.source_types else ""
    return f"{_SYNTHETIC[finding.synthetic]}{work}{types}"


def _made(made: Made) -> str:
    itself = {"wholly": ", itself made by AI", "partly": ", itself partly made by AI"}.get(made.synthetic, "")
    known = f", SHA-256 {made.sha256}" if made.sha256 else ""
    doubts = f"; its own manifest did not fit: {', '.join(made.doubts)}" if made.doubts else ""
    return f"{made.name}{itself}{known}{doubts}"


def _consent(said: str) -> str:
    kind, *rest = said.split(", ")
    known = {
        "file": "a statement of the person filmed was given",
        "self": "the person filmed says to have trained it themselves",
        "none": "trained without a consent record",
        "sample": "rendered sample, no person",
    }
    return ", ".join([known.get(kind, kind), *rest])


def _signed(signature: Signature | None) -> str:
    return "nobody" if signature is None else _SIGNERS[signature.kind].format(name=signature.name)


def _folded(title: str, text: str) -> list[str]:
    head = f"{plain(title):<{_TITLE}} "
    return textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
    ) or [head.rstrip()]


def plain(text: str) -> str:
    """A text from a file without what would command a terminal, cut where it is endless."""
    cut = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return "".join(letter if letter.isprintable() else "·" for letter in cut)
