"""Verbs on people and policies: publish, load a directory, delegate, deactivate. What waits is handed over at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from activities.store.record_entry import RecordEntry
from activities.store.work import Work
from activities.tokens import Identity
from domain.approvers import check_approvers
from domain.delegation import Delegation
from domain.people import read_directory
from domain.policy.check import check, check_document
from domain.policy.document import read_policy
from domain.policy.evaluate import compile_policy
from domain.policy.finding import Finding, refuse_errors
from domain.refusal import Refusal
from starter.change_of_people import PATIENCE, ChangeOfPeople
from starter.desk import Desk

EVERY = 1_000_000


class PeopleDesk:
    """Verbs on the directory and on policies."""

    def __init__(self, desk: Desk, *, patience: timedelta = PATIENCE) -> None:
        self._desk = desk
        self._change = ChangeOfPeople(desk, patience=patience)

    async def publish(
        self,
        who: Identity,
        document: Mapping[str, Any],
        text: str = "",
        *,
        key: str | None = None,
        must_prove: bool = False,
    ) -> int:
        """Publish a policy as the next version of its name; open rounds keep theirs. The same ``key`` twice is once.

        ``must_prove`` refuses what :func:`check` calls an error, as every door does; stories also tell what happens
        under a policy that gets stuck. Codes: those of ``read_policy``, ``unknown_approver``, those of the errors.
        """
        policy = read_policy(document)
        compile_policy(policy)
        at = self._desk.clock.now()
        async with self._desk.database.work() as work:
            directory = await self._desk.knowledge.directory(work)
            check_approvers(policy, directory)
            if must_prove:
                refuse_errors(await asyncio.to_thread(check, policy, directory, on=at.date()))
            if key is not None and not await work.idempotency.claim(f"publish/{policy.policy}/{key}"):
                return await self._published(work, who, policy.policy)
            version = await work.policies.publish(policy.policy, text, document, who.user, at)
            entry = RecordEntry(
                kind="policy_published", at=at, by=who.user, policy=policy.policy, policy_version=version
            )
            await work.record.append([entry])
            return version

    async def check(self, document: Mapping[str, Any]) -> tuple[Finding, ...]:
        """What is wrong with a policy and the people it would ask; nothing is written."""
        async with self._desk.reading() as work:
            directory = await self._desk.knowledge.directory(work)
        on = self._desk.clock.now().date()
        return await asyncio.to_thread(check_document, document, directory, on=on)

    async def rollback(
        self, who: Identity, name: str, to: int, comment: str | None = None, *, key: str | None = None
    ) -> int:
        """Publish the text of version ``to`` again, as the next version, and record why; open rounds keep theirs.

        It is checked as anything that is published: the directory may no longer know an approver of then. The same
        ``key`` twice is once. Codes: ``unknown_policy``, ``wrong_state``, those of :meth:`publish`.
        """
        at = self._desk.clock.now()
        async with self._desk.database.work() as work:
            if key is not None and not await work.idempotency.claim(f"rollback/{name}/{key}"):
                return await self._published(work, who, name)
            old = await work.policies.get(name, to)
            if to == await work.policies.newest_version(name):
                raise Refusal("wrong_state", f"version {to} is the newest: there is nothing to roll back", "to")
            document = {field: value for field, value in old.document.items() if field != "version"}
            policy = read_policy(document)
            compile_policy(policy)
            check_approvers(policy, await self._desk.knowledge.directory(work))
            version = await work.policies.publish(name, old.text, document, who.user, at)
            body = {"to": to} if comment is None else {"to": to, "comment": comment}
            entry = RecordEntry(
                kind="policy_rolled_back", at=at, by=who.user, policy=name, policy_version=version, body=body
            )
            await work.record.append([entry])
            return version

    async def load_directory(
        self, who: Identity, document: Mapping[str, Any], *, expected_version: int | None = None
    ) -> int:
        """Put ``document`` in the place of the whole directory; returns its version.

        Codes: those of ``read_directory``, ``stale`` (it is not at ``expected_version`` any more).
        """
        read_directory(document)
        at = self._desk.clock.now()
        async with self._desk.database.work() as work:
            version = await work.directory.replace_all(document, who.user, at, expected_version=expected_version)
            await work.record.append([self._change.entry("directory_loaded", who, {"version": version})])
            opened = await work.views.open_rounds(limit=EVERY)
            wanted = await self._change.noted(work, [(each.quote_id, each.round) for each in opened])
        await self._change.bring(wanted)
        return version

    async def delegate(self, who: Identity, delegation: Delegation, *, key: str | None = None) -> str:
        """Enter a delegation; what waits for ``of`` is handed over where it is in force. The same ``key`` is once.

        Codes: ``unknown_user``, ``delegation_loop``, ``in_the_past``, ``dates_out_of_order``, ``duplicate_id`` (that
        one has ended since).
        """
        at = self._desk.clock.now()
        async with self._desk.database.work() as work:
            if not who.is_admin:
                await self._desk.check_user(work, who)
            directory = await self._desk.knowledge.directory(work)
            directory.with_delegation(delegation, at)
            start, end = directory.window(delegation)
            body = delegation.model_dump(mode="json", by_alias=True, exclude_none=True)
            name = await work.directory.add_delegation(body, who.user, at, starts_at=start, ends_at=end, key=key)
            # Once more, with what others entered at this moment: together they may be a loop, and we hold the lock now.
            read_directory(await work.directory.load())
            await work.record.append([self._change.entry("delegation_entered", who, {"delegation": name, **body})])
            wanted = await self._change.noted(work, await work.rounds.involving(delegation.of, limit=EVERY))
        await self._change.bring(wanted)
        return name

    async def end_delegation(self, who: Identity, of: str) -> None:
        """End every delegation of ``of`` now. Code: ``unknown_user``."""
        at = self._desk.clock.now()
        async with self._desk.database.work() as work:
            directory = await self._desk.knowledge.directory(work)
            directory.without_delegations(of)
            for delegation in directory.delegations:
                if delegation.of == of and delegation.id is not None:
                    await work.directory.end_delegation(delegation.id, who.user, at)
            await work.record.append([self._change.entry("delegation_ended", who, {"of": of})])
            wanted = await self._change.noted(work, await work.rounds.involving(of, limit=EVERY))
        await self._change.bring(wanted)

    async def deactivate(self, who: Identity, user: str) -> None:
        """A user is no longer asked; what waits for them goes to whoever stands in. Code: ``unknown_user``."""
        async with self._desk.database.work() as work:
            directory = await self._desk.knowledge.directory(work)
            gone = directory.deactivated(user).users[user]
            await work.directory.put("user", user, gone.model_dump(mode="json", exclude_none=True), who.user)
            await work.record.append([self._change.entry("user_deactivated", who, {"user": user})])
            wanted = await self._change.noted(work, await work.rounds.involving(user, limit=EVERY))
        await self._change.bring(wanted)

    async def _published(self, work: Work, who: Identity, name: str) -> int:
        """The newest version that ``who`` published."""
        return next(each.version for each in await work.policies.all(name) if each.by == who.user)
