"""The worker: the composition root. Builds stores, partners and activities, runs workflows, drains on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker, WorkerDeploymentConfig

from activities.approvals import ApprovalActivities
from activities.erp import ErpActivities
from activities.knowledge import Knowledge
from activities.orders import OrderActivities
from activities.partners.erp import Erp
from activities.partners.file_erp import FileErp
from activities.replacements import ReplacementActivities
from activities.store.work import Database
from activities.tokens import Tokens
from starter.answer_keeper import AnswerKeeper
from starter.change_keeper import ChangeKeeper
from starter.connection import connect
from starter.credit_watch import CreditWatch
from starter.desk import Desk
from starter.erp_watch import ErpWatch
from starter.ledger_watch import LedgerWatch
from starter.order_keeper import OrderKeeper
from starter.order_refresher import OrderRefresher
from starter.post_office import relay_of
from starter.record_keys import head_file, signing_key
from starter.record_signer import RecordSigner
from starter.round_refresher import RoundRefresher
from starter.run_keeper import RunKeeper
from starter.settings import Settings
from workflows.approver_replacement import ApproverReplacement
from workflows.order_batch import OrderBatch
from workflows.order_fulfilment import OrderFulfilment
from workflows.quote_approval import QuoteApproval
from workflows.split_order import SplitOrder

if TYPE_CHECKING:
    from collections.abc import Sequence

POLLERS = 20
AT_ONCE = 20
"""Workflow tasks in one process: more than its threads can be at work on."""
DRAIN = timedelta(seconds=15)
WORKFLOWS: Sequence[type] = (QuoteApproval, OrderFulfilment, OrderBatch, SplitOrder, ApproverReplacement)


def build_worker(
    client: Client,
    database: Database,
    tokens: Tokens,
    erp: Erp,
    *,
    task_queue: str,
    max_cached_workflows: int = 1000,
    deployment: WorkerDeploymentVersion | None = None,
    stories: bool = False,
    cut_off: timedelta | None = None,
    required: tuple[str, ...] = (),
    change_policy: str | None = None,
) -> Worker:
    """A worker with all workflows and activities.

    ``deployment`` turns on Worker Versioning (auto-upgrade). ``stories``: runs may be told what time it is; never where
    somebody's real quotes are. ``cut_off`` before its date an order stands fast; without the ``required`` data it is
    not activated. ``change_policy`` is the policy before operations on orders.
    """
    knowledge = Knowledge()
    approvals = ApprovalActivities(database, tokens, knowledge, stories=stories)
    orders = OrderActivities(
        database,
        tokens,
        knowledge,
        stories=stories,
        cut_off=cut_off,
        required=required,
        change_policy=change_policy,
    )
    replacements = ReplacementActivities(database, tokens, knowledge, stories=stories)
    partner = ErpActivities(database, erp)
    versioning = None
    if deployment is not None:
        versioning = WorkerDeploymentConfig(
            version=deployment,
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
        )
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=[
            approvals.open_round,
            approvals.record_decision,
            approvals.advance_round,
            approvals.recall_round,
            approvals.act_on_round,
            approvals.refresh_round,
            approvals.note_ignored,
            replacements.open_replacement,
            replacements.begin_replacement,
            replacements.replace_in_rounds,
            replacements.finish_replacement,
            replacements.cancel_replacement,
            orders.create_orders,
            orders.change_order,
            orders.advance_order,
            partner.send_order,
            partner.set_aside_order,
        ],
        max_cached_workflows=max_cached_workflows,
        # Twenty instead of five: with many clients the wait for a poller was most of an update's time.
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(POLLERS if max_cached_workflows else 5),
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(POLLERS),
        # What is taken and waits here runs into its time limit when many come at once; with the server it only waits.
        max_concurrent_workflow_tasks=AT_ONCE,
        graceful_shutdown_timeout=DRAIN,
        deployment_config=versioning,
    )


@asynccontextmanager
async def at_work(settings: Settings, client: Client) -> AsyncIterator[None]:
    """Everything one worker process does: workflows, activities, mail, the ear for the ERP, news of people."""
    if settings.database is None:
        raise SystemExit("no database: start the embedded one with countersign up, or set COUNTERSIGN_DATABASE")
    database = Database(settings.database.get_secret_value(), pool_size=POLLERS)
    tokens = Tokens(settings.signing_key())
    erp = FileErp(settings.erp_outbox_dir, settings.erp_inbox_dir)
    change_policy = settings.change_policy
    desk = Desk(
        client,
        database,
        tokens,
        settings.task_queue,
        settings.policy,
        cut_off=settings.cut_off,
        required=settings.activation_requires,
        change_policy=change_policy,
    )
    deployment = None
    if settings.deployment and settings.build_id:
        deployment = WorkerDeploymentVersion(deployment_name=settings.deployment, build_id=settings.build_id)
    worker = build_worker(
        client,
        database,
        tokens,
        erp,
        task_queue=settings.task_queue,
        deployment=deployment,
        stories=settings.stories,
        cut_off=settings.cut_off,
        required=settings.activation_requires,
        change_policy=change_policy,
    )
    loops = [
        asyncio.create_task(relay_of(settings, database).run()),
        asyncio.create_task(ErpWatch(desk, erp).run()),
        asyncio.create_task(RoundRefresher(desk).run()),
        asyncio.create_task(OrderRefresher(desk).run()),
        asyncio.create_task(ChangeKeeper(desk).run()),
        asyncio.create_task(CreditWatch(desk).run()),
        asyncio.create_task(LedgerWatch(desk, lead=settings.renewal_lead).run()),
        asyncio.create_task(AnswerKeeper(database).run()),
        asyncio.create_task(RecordSigner(database, signing_key(settings), head_file(settings)).run()),
    ]
    if not settings.stories:
        loops.append(asyncio.create_task(RunKeeper(desk).run()))
        loops.append(asyncio.create_task(OrderKeeper(desk).run()))
    try:
        async with worker:
            yield
    finally:
        for loop in loops:
            loop.cancel()
        for loop in loops:
            with contextlib.suppress(asyncio.CancelledError):
                await loop
        await database.close()


async def main() -> None:
    """Run until SIGTERM or Ctrl-C, then let running activities finish."""
    settings = Settings()
    stop = asyncio.Event()
    running = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(name, stop.set)
    client = await connect(settings)
    async with at_work(settings, client):
        print("worker ready", flush=True)
        await stop.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
