"""What templates are given of a letter: texts for the reader's locale and time zone, none of them over several lines
but comments."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency

from activities.partners.mail import ASKING, Ask, Letter

DEFAULT_LOCALE = "en_GB"
MONEY = "#,##0.00\xa0¤¤"
"""The amount as the locale writes numbers, then the ISO code: a bare $ means many currencies."""


@lru_cache(maxsize=256)
def locale_of(name: str | None, default: str = DEFAULT_LOCALE) -> Locale:
    """The locale that a directory names (``de``, ``de-AT``, ``pt_BR``); the default where it is none."""
    try:
        return Locale.parse((name or default).strip().replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale.parse(default)


def variables(letter: Letter, *, url: str | None = None, default_locale: str = DEFAULT_LOCALE) -> dict[str, Any]:
    """The variables of the templates (``docs/messages.md`` has the list)."""
    locale = locale_of(letter.locale, default_locale)
    title = one_line(letter.title)
    return {
        "kind": letter.kind,
        "asks_for_decision": letter.kind in ASKING,
        "language": str(locale).replace("_", "-"),
        "to": {"id": letter.to, "name": one_line(letter.name)},
        "quote": {
            "id": letter.quote_id,
            "title": title,
            "is_change": letter.is_change,
            "what": "change" if letter.is_change else "quote",
            "name": f"{letter.quote_id} {title}".strip(),
            "round": letter.round,
            "customer": one_line(letter.customer_name or letter.customer_id),
            "customer_id": letter.customer_id,
            "net_total": _money(letter, locale),
            "currency": letter.currency,
        },
        "submitter": _person(letter, letter.submitter),
        "at": _when(letter.at, letter, locale),
        "time_zone": letter.time_zone,
        "asks": [_ask(ask, letter, locale) for ask in letter.asks],
        "comment": _paragraphs(letter.comment),
        "outcome_reason": _paragraphs(letter.outcome_reason),
        "note": {
            "by": _person(letter, letter.note.by),
            "comment": _paragraphs(letter.note.comment),
            "rule": letter.note.rule,
            "instead_of": _person(letter, letter.note.instead_of),
        },
        "url": url,
        "api_option": f" --api {url}" if url else "",
    }


def _ask(ask: Ask, letter: Letter, locale: Locale) -> dict[str, Any]:
    return {
        "id": ask.approval_id,
        "rule": ask.rule,
        "approver": ask.approver,
        "reason": one_line(ask.reason) if ask.reason else None,
        "on_behalf_of": _person(letter, ask.on_behalf_of),
        "since": _when(ask.since, letter, locale),
        "due": _when(ask.due_at, letter, locale),
        "others": [_person(letter, person) for person in ask.waiting_for if person != letter.to],
    }


def _person(letter: Letter, person: str | None) -> dict[str, str] | None:
    return None if person is None else {"id": person, "name": one_line(letter.name_of(person))}


def _money(letter: Letter, locale: Locale) -> str:
    # Not rounded: what is asked about is shown to the last digit.
    return format_currency(
        letter.net_total, letter.currency, format=MONEY, locale=locale, decimal_quantization=False
    ).replace("\xa0", " ")


def _when(moment: datetime | None, letter: Letter, locale: Locale) -> str | None:
    if moment is None:
        return None
    try:
        local, zone = moment.astimezone(ZoneInfo(letter.time_zone)), letter.time_zone
    except (ZoneInfoNotFoundError, ValueError, OSError):
        local, zone = moment.astimezone(ZoneInfo("UTC")), "UTC"
    day, hour = format_date(local, "full", locale=locale), format_time(local, "short", locale=locale)
    return f"{day}, {hour} ({zone})"


def _paragraphs(text: str | None) -> str | None:
    """A text of several lines, without blank ones and without characters that do something else than show."""
    if text is None:
        return None
    return "\n".join(line for each in text.splitlines() if (line := one_line(each))) or None


def one_line(text: str) -> str:
    """The text on one line, in characters that can be seen."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
