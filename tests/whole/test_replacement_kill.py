"""A worker is killed in the middle of a replacement: another one goes on, and nothing is done twice."""

from __future__ import annotations

import pytest

from starter.replacement_desk import ReplacementDesk
from tests.whole.test_kill import PATIENCE, Workers, house, place, workers
from tests.workflows.house import ADMIN, House, until
from tests.workflows.pending import pending

__all__ = ["house", "place", "workers"]
pytestmark = [pytest.mark.xdist_group("kill"), pytest.mark.timeout(180)]


async def test_a_killed_worker_leaves_nothing_half_done(house: House, workers: Workers) -> None:
    desk = ReplacementDesk(house.desk)
    states = await pending(house, 200)
    begun = await desk.replace(ADMIN, "director", "farid")

    async def done() -> int:
        return (await desk.operation(begun.operation_id)).stored.done

    await until(done, lambda seen: seen > 20)
    await workers.kill()
    assert await done() < 200, "it was killed in the middle"
    await workers.start()
    over = await until(
        lambda: desk.operation(begun.operation_id), lambda seen: seen.stored.state == "done", patience=PATIENCE
    )
    assert (over.stored.total, over.stored.done, over.rounds) == (200, 200, {"replaced": 200})
    for state in states:
        assert (await house.kinds(state.quote_id))["replaced"] == 1
