"""read_jobs: a YAML file of jobs, its matrices and globs expanded, checked as a whole, in the order of running.

defaults: {preset: draft, minutes: 4, dance: {codec: libx264}}   # for all jobs that know the field, or for one kind
jobs:
  - {kind: train, what: dance, target: blue.mp4, output: models/blue}
  - kind: dance                                                  # every source with every target
    source: "moves/*.mp4"
    target: [blue.mp4, red.mp4]
    output: "films/{source}-as-{target}.mp4"
  - {kind: evaluate, film: "films/*.mp4", against: "truth/{film}.mp4", output: "scores/{film}.json"}
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flows.jobs.entries import entries, read_script
from flows.jobs.expand import Written, expand
from flows.jobs.order import Step, in_order
from flows.jobs.specs import LONGEST_NAME


def read_jobs(path: Path, roots: Sequence[Path] = ()) -> tuple[Step, ...]:
    """Read a jobs file. Its relative paths count from its folder.

    Args:
        roots: folders outside of which nothing may be read or written, with links resolved; empty: anywhere.

    Raises:
        JobError: it cannot be read or says what cannot be done; with the line and the key.
        LimitExceeded: it is deeper, or stands for more, than a text file may.
    """
    places = [root.resolve() for root in roots]
    return in_order(_named(expand(entries(read_script(path)), places)), places)


def _named(written: Sequence[Written]) -> tuple[Written, ...]:
    """Give every job a name of its own: the output's folder tells those apart whose outputs have the same stem.

    Raises: JobError: a name that was given to two.
    """
    taken: Counter[str] = Counter(one.job.name for one in written)
    used = {name for name, count in taken.items() if count == 1}
    named = []
    for one in written:
        name = one.job.name
        if taken[name] > 1 and "name" in one.entry.said:
            raise one.entry.fault(
                "name", f"{taken[name]} jobs are called {name}", "a name for each", "Say {source} in it."
            )
        if taken[name] > 1:
            name = _free(one, used)
            used.add(name)
        named.append(replace(one, job=one.job.model_copy(update={"name": name})))
    return tuple(named)


def _free(one: Written, used: set[str]) -> str:
    """The output's folder and stem, and a number where that is taken as well."""
    folder = one.job.output.parent.name
    longer = f"{folder}-{one.job.name}".strip(" .+@-")[: LONGEST_NAME - 6]
    numbered = (f"{longer}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([longer], numbered) if name not in used)
