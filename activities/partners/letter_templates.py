"""Templates of letters: ours, and an installation's own in a folder, which come first and may be broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateSyntaxError,
    select_autoescape,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from activities.partners.letters import locale_of, one_line
from activities.partners.mail import KINDS

OURS = Path(__file__).parent / "templates"
OTHER = "news"
"""The template of a kind that has none of its own."""
PIECES = ("layout", "asking", "_")
"""How names of files begin that other templates are made of."""
SUBJECT = "Subject:"
FORMS = (".txt", ".html")


@dataclass(frozen=True, slots=True)
class Wording:
    """What a letter says. ``complaint``: what was wrong with the template that should have been taken."""

    subject: str
    text: str
    html: str | None
    complaint: str | None = None


class LetterTemplates:
    """Finds the template of a kind and locale and fills it in; no broken one of ``own`` ever stops a letter."""

    def __init__(self, own: Path | None = None) -> None:
        self._own = own
        ours = FileSystemLoader(OURS)
        self._ours = _environment(ours)
        # Own pieces (layout.html) also change the letters for which there is no own template.
        self._mixed = _environment(ChoiceLoader([FileSystemLoader(own), ours])) if own is not None else self._ours

    def word(self, kind: str, locale: str | None, given: Mapping[str, Any]) -> Wording:
        """The letter of that kind in that locale."""
        name = kind if kind in KINDS else OTHER
        if self._own is None:
            return _fill(self._ours, name, f"{name}.html", given)
        try:
            found = self._own_name(name, locale)
            html = f"{found or name}.html"
            return _fill(self._mixed, found or name, html if found is None or self._has(html) else None, given)
        except Exception as error:  # whatever it is: the letter matters more than its looks
            plain = _fill(self._ours, name, f"{name}.html", given)
            return Wording(plain.subject, plain.text, plain.html, f"own template of {name}: {_told(error)}")

    def _own_name(self, kind: str, locale: str | None) -> str | None:
        """The own template nearest to the locale; none where we have to help out."""
        names = [kind]
        if locale:
            found = locale_of(locale)
            names = [f"{kind}.{found}", f"{kind}.{found.language}", kind]
        return next((name for name in dict.fromkeys(names) if self._has(f"{name}.txt")), None)

    def _has(self, name: str) -> bool:
        return self._own is not None and (self._own / name).is_file()

    def complaints(self, samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
        """What is wrong with the own templates, each filled in with every sample of its kind."""
        if self._own is None:
            return
        if not self._own.is_dir():
            yield f"{self._own} is no folder: all letters are written with our templates"
            return
        for path in sorted(self._own.iterdir()):
            if path.is_file() and not path.name.startswith((".", *PIECES)):
                yield from self._complaints_about(path, samples)
        if any(path.name.startswith(PIECES) for path in self._own.iterdir()):
            for kind, givens in samples.items():
                yield from (f"{kind}: {told}" for given in givens if (told := self._trial(kind, given)))

    def _complaints_about(self, path: Path, samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
        kind, *rest = path.name.split(".")
        if path.suffix not in FORMS or kind not in samples or len(rest) > 2:
            yield f"{path.name}: is never used; name it KIND.txt, KIND.LOCALE.txt or the same with .html"
            return
        if len(rest) == 2 and str(locale_of(rest[0], "root")) != rest[0]:
            yield f"{path.name}: {rest[0]} is no locale as it is written here, such as de or de_AT"
            return
        if path.suffix == ".html" and len(rest) == 2 and not path.with_suffix(".txt").is_file():
            yield f"{path.name}: is never used without {path.with_suffix('.txt').name}"
            return
        for given in samples[kind]:
            try:
                self._try(path, given)
            except Exception as error:
                yield f"{path.name}: {_told(error)}"
                return

    def _try(self, path: Path, given: Mapping[str, Any]) -> None:
        filled = self._mixed.get_template(path.name).render(given)
        if path.suffix == ".txt":
            _split(filled, path.name)

    def _trial(self, kind: str, given: Mapping[str, Any]) -> str | None:
        try:
            _fill(self._mixed, kind, f"{kind}.html", given)
        except Exception as error:
            return _told(error)
        return None


def _environment(loader: Any) -> Environment:
    """Undefined names are errors; values in HTML are escaped; templates see nothing but what they are given."""
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["quoted"] = _quoted
    return environment


def _fill(environment: Environment, name: str, html: str | None, given: Mapping[str, Any]) -> Wording:
    subject, text = _split(environment.get_template(f"{name}.txt").render(given), f"{name}.txt")
    return Wording(subject, text, environment.get_template(html).render(given) if html is not None else None)


def _split(filled: str, name: str) -> tuple[str, str]:
    """The subject, on one line whatever is in it, and the text below."""
    first, _, text = filled.lstrip().partition("\n")
    subject = one_line(first.removeprefix(SUBJECT))
    if not first.startswith(SUBJECT) or not subject:
        raise ValueError(f"{name} must begin with a line {SUBJECT} and what the letter is about")
    return subject, text.strip() + "\n"


def _quoted(text: str) -> str:
    return "\n".join(f"  > {line}" for line in text.splitlines())


def _told(error: Exception) -> str:
    place = f"line {error.lineno}: " if isinstance(error, TemplateSyntaxError) else ""
    return one_line(f"{type(error).__name__}: {place}{error}")[:500]
