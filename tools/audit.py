"""Asks the vulnerability service about every locked version, and never says clean without having asked.

Exit 1 when a version has a known fault. Where the service cannot be reached it says so and exits 0: a machine without
that network must be able to run the checks, and must not be told more than is known.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the question."""

    text: str
    status: int


def judge(exit_status: int, report: str, complaint: str) -> Outcome:
    """What pip-audit's exit status, report and standard error amount to."""
    try:
        packages = json.loads(report)["dependencies"]
        asked = [package for package in packages if "vulns" in package]
        faults = [(package, fault) for package in asked for fault in package["vulns"]]
    except (ValueError, KeyError, TypeError):
        return not_run(_reason(exit_status, complaint))
    if faults:
        lines = [f"{p['name']} {p['version']}: {f['id']}, {_repaired(f['fix_versions'])}" for p, f in faults]
        return Outcome("\n".join(["dependency audit: known faults", *lines]), 1)
    unasked = [package["name"] for package in packages if "vulns" not in package]
    if not asked or unasked:
        return not_run(f"no answer about {len(unasked)} of {len(packages)} packages{_first(unasked)}")
    if exit_status != 0:
        return not_run(_reason(exit_status, complaint))
    return Outcome(f"dependency audit: {len(asked)} packages, no known faults", 0)


def not_run(reason: str) -> Outcome:
    """The question was not answered; that is no finding, and no clean bill either."""
    return Outcome(f"dependency audit: not run ({reason})", 0)


def _repaired(versions: list[str]) -> str:
    return f"repaired in {', '.join(versions)}" if versions else "not repaired yet"


def _first(names: list[str]) -> str:
    return f": {', '.join(sorted(names)[:3])}{', …' if len(names) > 3 else ''}" if names else ""


def _reason(exit_status: int, complaint: str) -> str:
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    told = lines[-1] if lines else f"pip-audit ended with status {exit_status}"
    return told if len(told) <= 160 else told[:159] + "…"


def ask(lock: Path) -> Outcome:
    """Put the question, bounded in time."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--no-deps", "--disable-pip"]
        command += ["--progress-spinner", "off", "--timeout", "10", "--format", "json", "--output", str(report)]
        environment = {**os.environ, "PIP_AUDIT_CACHE_DIR": scratch}
        try:
            asked = subprocess.run(
                command, capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False
            )
        except subprocess.TimeoutExpired:
            return not_run(f"the service did not answer within {PATIENCE} s")
        return judge(asked.returncode, report.read_text() if report.exists() else "", asked.stderr)


def main() -> int:
    """Print the answer."""
    outcome = ask(ROOT / "requirements.lock")
    print(outcome.text)
    return outcome.status


if __name__ == "__main__":
    sys.exit(main())
