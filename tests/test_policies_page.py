"""``docs/policies.md`` is run from the top to the bottom, in one folder, as a reader would."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/policies.md"
BLOCK = re.compile(r"^```(yaml|json|sh)\n(.*?)^```", re.M | re.S)


def test_every_block_of_the_page_works(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 12
    for kind, text in blocks:
        if kind == "sh":
            done = subprocess.run(
                ["bash", "-eu"],
                input=text,
                cwd=tmp_path,
                env={"PATH": path},
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
            assert done.returncode == 0, text + done.stdout + done.stderr
            continue
        head, _, body = text.partition("\n")
        (tmp_path / head.lstrip("#/ ")).write_text(body if kind == "json" else text, encoding="utf-8")
    assert "discount-manager" in (tmp_path / "replay.html").read_text(encoding="utf-8")
