"""Segments: the years of one multi-year line stay together unless the split is by segment (``spec/orders.md`` 2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date

from domain.order.parts import Identity, Part
from domain.quote import Kind, Quote, QuoteLine

MultiYear = tuple[str, str, str | None, Kind]
"""What the segments of one multi-year line have in common: product, family, group, kind."""


def multi_year(line: QuoteLine) -> MultiYear | None:
    """The multi-year line that ``line`` is a segment of; none when it is no segment, or a component of its parent."""
    if line.segment is None or line.component_of is not None:
        return None
    return line.product, line.family, line.group, line.kind


def leaders(quote: Quote, parts: Iterable[Part]) -> Callable[[Part], Part]:
    """The part whose order each of ``parts`` goes with, by the keys of which it is split.

    That is the part of the first segment (by its start, then by line) which goes to the same place: its first part
    there leads the first parts of later segments, its second the second ones; the last leads what is beyond. Parts
    that are in no segment lead themselves; components are found by the top of their bundle.
    """
    starts = {line.line_id: (line.start_date or date.max, number) for number, line in enumerate(quote.lines)}
    segments = [part for part in parts if part.line is part.bundle and multi_year(part.line) is not None]
    segments.sort(key=lambda part: (starts[part.line.line_id], part.place.order_date))
    first: dict[tuple[MultiYear | None, str | None], list[Part]] = defaultdict(list)
    position: dict[Identity, int] = {}
    seen: dict[tuple[str, str | None], int] = defaultdict(int)
    for part in segments:
        line_id, site = part.line.line_id, part.place.ship_to
        position[part.identity] = seen[line_id, site]
        seen[line_id, site] += 1
        leading = first[multi_year(part.line), site]
        if not leading or leading[0].line.line_id == line_id:
            leading.append(part)

    def leader(part: Part) -> Part:
        whole = multi_year(part.bundle)
        if whole is None or part.line.is_share:
            return part
        leading = first[whole, part.place.ship_to]
        ordinal = position[part.bundle.line_id, part.place.order_date, part.place.ship_to]
        return leading[min(ordinal, len(leading) - 1)]

    return leader
