"""The documents say what is true: codes, links, and commands that work."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from starter.api.problems import STATUS_OF_CODE

ROOT = Path(__file__).parents[1]
ROOMS = ("domain", "activities", "workflows", "starter")
RAISERS = ("Refusal", "Problem", "problem_error")
CODE = re.compile(r"[a-z][a-z0-9]+(_[a-z0-9]+)*")
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def codes_raised() -> Iterator[tuple[str, str]]:
    """Every literal code that our own rooms refuse with, and where."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISERS:
                    literal = node.args[0] if node.args else None
                    if isinstance(literal, ast.Constant) and CODE.fullmatch(str(literal.value)):
                        yield str(literal.value), str(path.relative_to(ROOT))


def documented_codes() -> dict[str, int]:
    rows = re.findall(r"^\| `([a-z0-9_]+)` \| (\d{3}) \|", (ROOT / "docs/errors.md").read_text(encoding="utf-8"), re.M)
    return {code: int(status) for code, status in rows}


def test_every_code_is_in_the_table_of_errors() -> None:
    known = documented_codes()
    missing = sorted({f"{code} ({where})" for code, where in codes_raised() if code not in known})
    assert not missing


def test_every_status_in_the_table_is_the_one_the_api_answers_with() -> None:
    told = {code: status for code, status in documented_codes().items() if status != STATUS_OF_CODE.get(code, 422)}
    assert not told


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def blocks(document: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", document.read_text(encoding="utf-8"), re.M | re.S)


def test_readme_opens_with_the_two_commands_and_they_are_targets() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "make demo" in blocks(ROOT / "README.md")[0]
    for target in set(re.findall(r"make (\w+)", readme)) - {"run"} | {"run"}:
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_commands_without_a_server_work_as_the_readme_says() -> None:
    (block,) = [each for each in blocks(ROOT / "README.md") if "countersign preview" in each]
    executable = shutil.which("countersign", path=str(ROOT / ".venv/bin")) or shutil.which("countersign")
    assert executable is not None
    for line in block.strip().splitlines():
        command = line.replace(".venv/bin/countersign", executable).split()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout
