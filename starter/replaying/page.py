"""A replay as one HTML page: no script, nothing from elsewhere, for light and dark, for eyes and for screen readers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from starter.replaying.plots import Pair, lying_bars, standing_bars
from starter.replaying.report import reasons, refusals, sentence
from starter.replaying.tables import CHANGES, headlines, hours

Json = dict[str, Any]

MOST_BARS = 20
MOST_COLUMNS = 60

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --soft: #57606a; --rule: #d0d7de;
  --against: #767f89; --draft: #0b62c4; --head: #f3f5f7; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171c; --ink: #e8eaed; --soft: #a9b1ba; --rule: #3a414a;
  --against: #98a2ad; --draft: #63a8ff; --head: #1d2229; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
p.lead { color: var(--soft); margin: 0 0 1.5rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .75rem; margin: 0; }
dl div { border: 1px solid var(--rule); border-radius: .4rem; padding: .6rem .8rem; }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
figure { margin: 0; overflow-x: auto; } figcaption { color: var(--soft); font-size: .9rem; margin-bottom: .5rem; }
svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; } svg text { fill: var(--ink); }
svg .grid path { stroke: var(--rule); } svg .grid text, svg .value { fill: var(--soft); }
svg .against { fill: var(--against); } svg .draft { fill: var(--draft); }
.key::before { content: ""; display: inline-block; width: .8em; height: .8em; margin: 0 .35em 0 .8em;
  vertical-align: -.05em; }
.key.against::before { background: var(--against); } .key.draft::before { background: var(--draft); }
.scroll { overflow-x: auto; } .scroll:focus { outline: 2px solid var(--draft); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin-top: .75rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--rule); }
thead th { background: var(--head); position: sticky; top: 0; } tbody th { font-weight: 600; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; } ul { margin: 0; padding-left: 1.1rem; }
@media print { body { max-width: none; } }
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def report_page(report: Json) -> str:
    """The report as a page that can be opened from a disk or sent by mail."""
    title = f"Replay: {report['draft']['name']} against {report['against']['name']}"
    body = "\n".join(_parts(report, title))
    return PAGE.format(title=escape(title), style=STYLE, body=body)


def _parts(report: Json, title: str) -> Iterator[str]:
    yield f"<h1>{escape(title)}</h1>"
    lines = list(headlines(report))[1:]
    yield f'<p class="lead">{escape(". ".join(line[0].upper() + line[1:] for line in lines))}.</p>'
    yield _figures(report)
    yield from _approvers(report)
    yield from _rules(report)
    yield from _numbers(report)
    yield from _waiting(report)
    yield from _refused(report)
    yield from _quotes(report)
    yield from _unread(report)


def _figures(report: Json) -> str:
    submissions, approvals = report["submissions"], report["approvals"]
    figures = [
        ("submissions replayed", f"{submissions['replayed']:,}"),
        ("would go another way", f"{submissions['different']:,}"),
        ("approvals asked for", f"{approvals['against']['asked']:,} → {approvals['draft']['asked']:,}"),
        (
            "approved at once",
            f"{approvals['against']['approved_at_once']:,} → {approvals['draft']['approved_at_once']:,}",
        ),
    ]
    if report["waiting"] is not None:
        waits = [hours(report["waiting"][side]["median_hours"]) for side in ("against", "draft")]
        figures.append(("estimated waiting time (median)", " → ".join(waits)))
    return f"<dl>{''.join(f'<div><dt>{escape(one)}</dt><dd>{escape(two)}</dd></div>' for one, two in figures)}</dl>"


def _figure(caption: str, plot: str) -> str:
    key = '<span class="key against">before</span><span class="key draft">draft</span>'
    return f"<figure><figcaption>{escape(caption)}{key}</figcaption>{plot}</figure>"


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], texts: int = 1) -> str:
    """A table whose first columns are texts and the others numbers; cells that begin with ``<`` are ready made."""
    head = "".join(
        f'<th scope="col"{"" if at < texts else " class=number"}>{escape(each)}</th>' for at, each in enumerate(heads)
    )
    body = []
    for row in rows:
        cells = [f'<th scope="row">{escape(str(row[0]))}</th>']
        cells += [_cell(value, at >= texts) for at, value in enumerate(row[1:], 1)]
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


class _Ready(str):
    """HTML that is already escaped."""

    __slots__ = ()


def _cell(value: Any, number: bool) -> str:
    text = value if isinstance(value, _Ready) else escape(f"{value:,}" if isinstance(value, int) else str(value))
    return f"<td{' class=number' if number else ''}>{text}</td>"


def _list(lines: Iterable[str]) -> _Ready:
    return _Ready(f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>")


def _approvers(report: Json) -> Iterator[str]:
    if not report["approvers"]:
        return
    yield "<h2>Approvers</h2>"
    pairs: list[Pair] = [(row["approver"], row["asked_against"], row["asked_draft"]) for row in report["approvers"]]
    most = f"Submissions that ask each approver{_first(pairs)}"
    yield _figure(most, lying_bars("approvers", most, pairs[:MOST_BARS], "Submissions"))
    waits = report["waiting"] is not None
    yield _table(
        "What the draft changes for each approver",
        ("approver", "asked before", "in the draft", *CHANGES, *(("usual wait",) if waits else ())),
        (
            (
                row["approver"],
                row["asked_against"],
                row["asked_draft"],
                *(row[kind] for kind in CHANGES),
                *((_wait(row["median_wait_hours"]),) if waits else ()),
            )
            for row in report["approvers"]
        ),
    )


def _wait(number: float | None) -> str:
    return "never asked yet" if number is None else hours(number)


def _first(pairs: Sequence[Pair]) -> str:
    return f" (the {MOST_BARS} with the most changes)" if len(pairs) > MOST_BARS else ""


def _rules(report: Json) -> Iterator[str]:
    kinds = (*CHANGES, "votes")
    changed = [row for row in report["rules"] if any(row[kind] for kind in kinds)]
    if not changed:
        return
    changed.sort(key=lambda row: -sum(row[kind] for kind in kinds))
    yield "<h2>Rules that make a difference</h2>"
    pairs: list[Pair] = [(row["rule"], row["fired_against"], row["fired_draft"]) for row in changed]
    most = f"Submissions on which each rule fires{_first(pairs)}"
    yield _figure(most, lying_bars("rules", most, pairs[:MOST_BARS], "Submissions"))
    yield _table(
        "On how many submissions each rule adds, drops or moves somebody",
        ("rule", "fires before", "in the draft", *kinds),
        ((row["rule"], row["fired_against"], row["fired_draft"], *(row[kind] for kind in kinds)) for row in changed),
    )


def _columns(report: Json, part: str, name: str) -> list[Pair]:
    """Both sides of a distribution over whole numbers, without gaps."""
    against, draft = (report[part][side][name] for side in ("against", "draft"))
    last = max((int(each) for each in (*against, *draft)), default=0)
    step = last // MOST_COLUMNS + 1
    return [
        (
            str(at) if step == 1 else f"{at}-{at + step - 1}",
            sum(against.get(str(each), 0) for each in range(at, at + step)),
            sum(draft.get(str(each), 0) for each in range(at, at + step)),
        )
        for at in range(0, last + 1, step)
    ]


def _numbers(report: Json) -> Iterator[str]:
    pairs = _columns(report, "approvals", "by_number")
    caption = "Submissions by the number of approvals that they ask for"
    yield "<h2>Approvals per submission</h2>"
    yield _figure(caption, standing_bars("numbers", caption, pairs, "submissions", "approvals"))


def _waiting(report: Json) -> Iterator[str]:
    yield "<h2>Waiting time</h2>"
    if report["waiting"] is None:
        yield "<p>Not estimated: there are no recorded waits.</p>"
        return
    pairs = _columns(report, "waiting", "by_days")
    caption = "Submissions by the estimated days from submit to the last approval"
    yield _figure(caption, standing_bars("waiting", caption, pairs, "submissions", "days"))
    yield (
        "<p>Estimated from how long each approver usually took from being asked to voting, along lanes and steps;"
        " whoever never voted counts as everybody together.</p>"
    )


def _refused(report: Json) -> Iterator[str]:
    if report["refused"]["reasons"]:
        yield "<h2>Refused at submit</h2>"
        rows = ((row["code"], row["path"], row["against"], row["draft"]) for row in report["refused"]["reasons"])
        yield _table("Submissions that are refused", ("code", "where", "before", "in the draft"), rows, texts=2)


def _quotes(report: Json) -> Iterator[str]:
    if not report["differences"]:
        return
    yield "<h2>Submissions that would go another way</h2>"
    rows = (
        (
            row["quote_id"] + (f" round {row['round']}" if row["round"] > 1 else ""),
            f"{row['by']}, {row['at'][:10]}",
            _list([*map(sentence, row["changes"]), *refusals(row)]),
            _list(reasons(change) for change in row["changes"]),
        )
        for row in report["differences"]
    )
    heads = ("quote", "submitted", "what changes", "by which rule")
    yield _table("Each with what changes and why", heads, rows, texts=4)
    if report["unlisted"]:
        yield f"<p>{report['unlisted']:,} more are counted above and not listed here.</p>"


def _unread(report: Json) -> Iterator[str]:
    if report["unread"]:
        yield "<h2>Could not be read</h2>"
        rows = ((row["where"], row["code"], row["path"], row["message"]) for row in report["unread"])
        yield _table("Left out of everything above", ("where", "code", "field", "what is wrong"), rows, texts=4)
