"""Checks that requirements.lock can be trusted: everything hashed, no address, and the project's needs met."""

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
# Options that would fetch from elsewhere, any scheme, and anything that looks like a place on a disk.
ADDRESS = re.compile(r"(^\s*-(?!-hash=)|--(?!hash=)[a-z]|://|\bfile:|@|(^|\s)[./~]|\\\\|[A-Za-z]:\\)")


@dataclass(frozen=True, slots=True)
class Locked:
    """One requirement of the lock with the line it stands on."""

    line: int
    requirement: Requirement
    hashes: int


def problems(lock: str, project: str) -> Iterator[str]:
    """Everything that is wrong with the lock text for the given pyproject text, a sentence each."""
    for number, text in enumerate(lock.splitlines(), 1):
        if ADDRESS.search(text):
            yield f"line {number}: an address, a path or an option does not belong in the lock: {text.strip()}"
    locked: dict[str, Locked] = {}
    for number, entry in _entries(lock):
        try:
            requirement = Requirement(HASH.sub("", entry).strip())
        except InvalidRequirement:
            yield f"line {number}: not a requirement: {entry.split()[0]}"
            continue
        found = Locked(number, requirement, len(HASH.findall(entry)))
        locked[canonicalize_name(requirement.name)] = found
        if found.hashes == 0:
            yield f"line {number}: {requirement.name} has no hash"
        if not re.fullmatch(r"==[^,*]+", str(requirement.specifier)):
            yield f"line {number}: {requirement.name} is not pinned to one version"
    for wanted in _direct(project):
        hit = locked.get(canonicalize_name(wanted.name))
        if hit is None:
            yield f"pyproject.toml asks for {wanted.name}, which is not in the lock: run make lock"
        elif not all(wanted.specifier.contains(pin.version, prereleases=True) for pin in hit.requirement.specifier):
            yield f"line {hit.line}: {hit.requirement} does not satisfy {wanted} of pyproject.toml: run make lock"


def _entries(lock: str) -> Iterator[tuple[int, str]]:
    """The requirements with their continuation lines joined, each with its first line's number."""
    begun, parts = 0, []
    for number, text in enumerate(lock.splitlines(), 1):
        line = text.split(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        begun = begun or number
        parts.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            yield begun, " ".join(parts)
            begun, parts = 0, []
    if parts:
        yield begun, " ".join(parts)


def _direct(project: str) -> list[Requirement]:
    table = tomllib.loads(project)["project"]
    extras = table.get("optional-dependencies", {}).values()
    return [Requirement(text) for group in (table.get("dependencies", []), *extras) for text in group]


def main() -> int:
    """Print what is wrong; 0 when nothing is."""
    found = list(problems((ROOT / "requirements.lock").read_text(), (ROOT / "pyproject.toml").read_text()))
    for problem in found:
        print(f"requirements.lock: {problem}")
    if not found:
        print("requirements.lock: every requirement pinned and hashed, no addresses")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
