"""The page of messages names what there is: kinds, reasons, settings, variables; and its example template works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from activities.partners.letter_press import LetterPress
from activities.partners.letter_samples import sample
from activities.partners.letter_templates import OURS, LetterTemplates
from activities.partners.letters import variables
from activities.partners.mail import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "messages.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_on_the_page_and_has_both_templates(kind: str) -> None:
    assert f"`{kind}`" in PAGE.split("## Why")[0]
    assert (OURS / f"{kind}.txt").is_file()
    assert (OURS / f"{kind}.html").is_file()


def test_every_variable_is_on_the_page() -> None:
    given = variables(sample("request"))
    table = PAGE.split("| variable |")[1]
    names = [*given, *given["asks"][0], *given["quote"], *given["note"]]
    assert not [name for name in names if not re.search(rf"[`.]{name}[`.]", table)]


def test_the_template_on_the_page_works(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```\n(Subject: .*?)^```", PAGE, re.M | re.S)
    (tmp_path / "request.de.txt").write_text(example, encoding="utf-8")
    press = LetterPress(LetterTemplates(tmp_path))
    assert press.complaints() == []
    wording = press.word(sample("request").model_copy(update={"locale": "de-AT"}))
    assert wording.subject == "Bitte entscheiden: Q-1001 Pumps for St. Anna"
    assert "- Line discount above 25 %, bis Mittwoch, 25. November 2026" in wording.text
