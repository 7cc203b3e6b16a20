"""The commands about versions of policies, as the page says, at a running API."""

import re
import shlex
from pathlib import Path

from tests.starter.api.conftest import HOSPITAL
from tests.starter.listening import run

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/policies-test.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)
TEXT = (HOSPITAL / "policy.yaml").read_text(encoding="utf-8")


async def test_the_commands_of_the_page_work(address: str) -> None:
    (commands,) = [block for block in BLOCKS if "--as" in block]
    told = []
    for line in commands.splitlines():
        done = await run(address, *shlex.split(line)[1:])
        assert (done.returncode, done.stderr) == (0, ""), line + done.stderr
        told.append(done.stdout)
    published, versions, _, same, _, back = told
    assert published == "policy standard is published as version 2\n"
    assert [line.split()[0] for line in versions.splitlines()] == ["standard@2", "standard@1"]
    assert same == "they mean the same\n"
    assert back == "policy standard is as it was in version 1; this is version 3\n"


async def test_what_is_shown_is_the_text_that_was_published(address: str, tmp_path: Path) -> None:
    stricter = tmp_path / "stricter.yaml"
    stricter.write_text(TEXT.replace("max_discount > 5", "max_discount > 9"), encoding="utf-8")
    await run(address, "policy", "publish", str(stricter), "--as", "ada")
    newest = await run(address, "policy", "show", "standard", "--as", "ada")
    assert newest.stdout == stricter.read_text(encoding="utf-8")
    told = await run(address, "policy", "diff", str(HOSPITAL / "policy.yaml"), "standard@2", "--as", "ada")
    assert told.stdout.splitlines()[0] == "1 change: outcomes can change"
    assert "max_discount > 5 is now max_discount > 9 (met less often)" in told.stdout
    back = await run(address, "policy", "rollback", "standard", "--to", "2", "--as", "ada")
    assert (back.returncode, back.stderr.partition(":")[0]) == (1, "wrong_state")
    unknown = await run(address, "policy", "show", "standard@9", "--as", "ada")
    assert (unknown.returncode, unknown.stderr.partition(":")[0]) == (1, "unknown_policy")


async def test_two_files_are_compared_without_an_api(tmp_path: Path) -> None:
    calm = tmp_path / "calm.yaml"
    calm.write_text(TEXT.replace("reason: Deal of", "reason: A deal of"), encoding="utf-8")
    told = await run("http://127.0.0.1:1", "policy", "diff", str(HOSPITAL / "policy.yaml"), str(calm))
    assert told.stdout.splitlines()[0] == "1 change: cosmetic only"
    calm.write_text(TEXT.replace("step: 2", "step: two"), encoding="utf-8")
    wrong = await run("http://127.0.0.1:1", "policy", "diff", str(HOSPITAL / "policy.yaml"), str(calm))
    assert wrong.returncode == 1
    assert f"{calm}:24" in wrong.stderr
