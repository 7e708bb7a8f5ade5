"""The parts of a page as HTML; everything that comes from files is escaped here, where text meets tags."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from urllib.parse import unquote

from stages.report.content import Moment, Sheet
from stages.report.figures import Figure
from stages.report.record import CurveRecord, MomentRecord, RunRecord, SectionRecord, StageRecord

NOTHING = "Nothing stands out: no frame is badly tracked, no number falls far off its usual range."
COLOURS = 6  # that runs have; the seventh begins again


def reels(runs: Sequence[RunRecord]) -> str:
    """The films, run by run."""
    many = len(runs) > 1
    return "".join(
        f'<figure class="reel run{number % COLOURS}" data-run="{number}" data-video="{place}"><figcaption>'
        f"<b>{escape(run.name if many else video.label)}</b>"
        f"<span>{escape(video.label if many else _file(video.src))}</span></figcaption>"
        f'<video src="{escape(video.src)}" preload="auto" playsinline muted></video></figure>'
        for number, run in enumerate(runs)
        for place, video in enumerate(run.videos)
    )


def moment_list(moments: Iterable[tuple[int, RunRecord, MomentRecord]], pictures: Iterable[Moment]) -> str:
    """Buttons that lead to the worst moments; a picture where there is one.

    Args:
        moments: (number of the run, the run, the moment), the worst first.
        pictures: the same moments with their thumbnails, as far as there are any.
    """
    shown = {(moment.lane, moment.start, moment.frame): moment.thumbnail for moment in pictures}
    items = []
    for number, run, moment in moments:
        image = _image(shown.get((moment.lane, moment.start, moment.frame)), "")
        first = f"{escape(run.name)}, " if not pictures else ""
        items.append(
            f'<li><button type="button" data-run="{number}" data-frame="{moment.frame}">{image}<span>'
            f'<b>{escape(moment.lane)}</b><span>{escape(moment.text)}</span><span class="when">{first}'
            f"{clock(time_of(run, moment.frame))}, frame {moment.frame}</span></span></button></li>"
        )
    if not items:
        return f'<p class="none">{NOTHING}</p>'
    return f'<ol class="moments">{"".join(items)}</ol>'


def curve_list(names: Iterable[str], runs: Sequence[RunRecord]) -> str:
    """A place for each curve; scripts draw it."""
    return "".join(_curve(name, runs) for name in names)


def _curve(name: str, runs: Sequence[RunRecord]) -> str:
    ends = [_end(curve) for run in runs for curve in run.curves if curve.name == name]
    return (
        f'<figure data-curve="{escape(name)}"><figcaption><b>{escape(name)}</b><span>{escape(" / ".join(ends))}</span>'
        "</figcaption><canvas></canvas></figure>"
    )


def _end(curve: CurveRecord) -> str:
    last = curve.mean[-1]
    return f"{'–' if last is None else f'{last:.4g}'} at step {curve.steps[-1]:.0f}"


def sheet_list(sheets: Iterable[Sheet]) -> str:
    """Contact sheets, each with its name."""
    return "".join(
        f"<figure><h3>{escape(sheet.name)}</h3>{_image(sheet.jpeg, f'contact sheet {sheet.name}')}</figure>"
        for sheet in sheets
    )


def stage_table(stages: Sequence[StageRecord]) -> str:
    """Time and memory of each stage; bars compare their times."""
    longest = max((stage.seconds for stage in stages), default=0) or 1
    total = sum(stage.seconds for stage in stages)
    rows = "".join(
        f'<tr><td>{escape(stage.name)}</td><td class="amount">{duration(stage.seconds)}</td>'
        f'<td><meter min="0" max="{longest:.3f}" value="{stage.seconds:.3f}"></meter></td>'
        f'<td class="amount">{"–" if stage.peak_mib is None else f"{stage.peak_mib:,.0f} MiB"}</td>'
        f"<td>{'reused' if stage.reused else ''}</td></tr>"
        for stage in stages
    )
    return (
        '<div class="wide"><table class="stages"><thead><tr><th>stage</th><th class="amount">time</th><th></th>'
        f'<th class="amount">memory at most</th><th></th></tr></thead><tbody>{rows}<tr><th>together</th>'
        f'<td class="amount">{duration(total)}</td><td></td><td></td><td></td></tr></tbody></table></div>'
    )


def fact_list(sections: Iterable[SectionRecord]) -> str:
    """Facts of one run under their headings."""
    parts = []
    for section in sections:
        rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in section.rows)
        parts.append(f"<section><h3>{escape(section.title)}</h3><dl>{rows}</dl></section>")
    return f'<div class="facts">{"".join(parts)}</div>'


def figure_tiles(figures: Sequence[Figure]) -> str:
    """Figures of one run: a tile for each lane."""
    lanes = dict.fromkeys(figure.lane for figure in figures)
    tiles = []
    for lane in lanes:
        lines = [f"<b>{escape(it.values[0])}</b> {escape(it.what)}" for it in figures if it.lane == lane]
        tiles.append(f"<div><h3>{escape(lane)}</h3><p>{'</p><p>'.join(lines)}</p></div>")
    return "".join(tiles)


def figure_table(runs: Sequence[RunRecord], figures: Sequence[Figure]) -> str:
    """Figures in rows, runs in columns; the best of a row stands out where one is."""
    rows = "".join(
        f"<tr><th>{escape(figure.lane)}: {escape(figure.what)}</th>"
        + "".join(
            f'<td class="amount">{f"<b>{escape(value)}</b>" if figure.best == number else escape(value)}</td>'
            for number, value in enumerate(figure.values)
        )
        + "</tr>"
        for figure in figures
    )
    return f'<div class="wide"><table>{_heads(runs, "amount")}<tbody>{rows}</tbody></table></div>'


def difference_table(runs: Sequence[RunRecord]) -> str:
    """Facts in rows, runs in columns; rows in which runs differ are marked."""
    rows = []
    for title, names in _all_facts(runs).items():
        rows.append(f'<tr><th colspan="{len(runs) + 1}">{escape(title)}</th></tr>')
        for name in names:
            values = [_fact(run, title, name) for run in runs]
            differs = ' class="differs"' if len(set(values)) > 1 else ""
            cells = "".join(f"<td>{escape(value)}</td>" for value in values)
            rows.append(f"<tr{differs}><th>{escape(name)}</th>{cells}</tr>")
    return f'<div class="wide"><table>{_heads(runs)}<tbody>{"".join(rows)}</tbody></table></div>'


def _all_facts(runs: Sequence[RunRecord]) -> dict[str, list[str]]:
    """Headings and names of all runs, in the order in which they first come."""
    found: dict[str, list[str]] = {}
    for section in (section for run in runs for section in run.facts):
        names = found.setdefault(section.title, [])
        names += [name for name, _ in section.rows if name not in names]
    return found


def _fact(run: RunRecord, title: str, name: str) -> str:
    values = (dict(section.rows).get(name) for section in run.facts if section.title == title)
    return next((value for value in values if value is not None), "–")


def _heads(runs: Sequence[RunRecord], kind: str = "") -> str:
    heads = "".join(
        f'<th class="key run{number % COLOURS} {kind}">{escape(run.name)}</th>' for number, run in enumerate(runs)
    )
    return f"<thead><tr><th></th>{heads}</tr></thead>"


def section(title: str, inside: str, kind: str = "") -> str:
    """A part of the page under its heading."""
    return f'<section><h2>{escape(title)}</h2><div class="{kind}">{inside}</div></section>'


def outline(run: RunRecord) -> str:
    """Length, rate and frames in one line."""
    over, under = run.rate
    return f"{clock(time_of(run, run.frames - 1) + under / over)}, {over / under:.5g} frames/s, {run.frames:,} frames"


def time_of(run: RunRecord, frame: int) -> float:
    """Seconds since the first frame."""
    over, under = run.rate
    return run.times[frame] if run.times else frame * under / over


def clock(seconds: float) -> str:
    """Such as 1:02:03.040; without hours where there are none."""
    whole, thousandths = divmod(int(seconds * 1000 + 0.1), 1000)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{f'{hours}:{minutes:02d}' if hours else minutes}:{rest:02d}.{thousandths:03d}"


def duration(seconds: float) -> str:
    """Such as 3.2 s, 4 min 05 s, 2 h 03 min."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def _image(jpeg: bytes | None, what: str) -> str:
    if jpeg is None:
        return ""
    return f'<img src="data:image/jpeg;base64,{b64encode(jpeg).decode()}" alt="{escape(what)}">'


def _file(address: str) -> str:
    return unquote(address).rsplit("/", 1)[-1]


def interleaved(runs: Sequence[RunRecord]) -> Iterator[tuple[int, RunRecord, MomentRecord]]:
    """The moments of all runs: each one's worst first, then each one's second."""
    most = max((len(run.moments) for run in runs), default=0)
    for place in range(most):
        for number, run in enumerate(runs):
            if place < len(run.moments):
                yield number, run, run.moments[place]
