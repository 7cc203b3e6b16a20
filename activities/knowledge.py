"""What every activity needs to know and what seldom changes: the directory and the policies, read once per version."""

from __future__ import annotations

from datetime import datetime

from activities.store.submissions import SubmissionFacts, read_submission
from activities.store.work import Work
from activities.tokens import Identity
from domain.approval.plan import Submission
from domain.people import Directory
from domain.policy.document import read_policy
from domain.policy.evaluate import CompiledPolicy, compile_policy
from domain.pricing import price
from domain.quote import read_quote
from domain.reading import read_model
from domain.refusal import Refusal
from domain.standing import status_before


class Knowledge:
    """A cache of the newest directory and of compiled policies; one for each process."""

    def __init__(self) -> None:
        self._directory: tuple[int, Directory] | None = None
        self._policies: dict[tuple[str, int], CompiledPolicy] = {}

    async def directory(self, work: Work, newest: int | None = None) -> Directory:
        """The directory as this transaction sees it; ``newest`` is its version, where this transaction has read it."""
        if work.directory.is_changing:
            # The number of a version that may yet be rolled back: the next one to bear it will say something else.
            return read_model(Directory, await work.directory.load())
        version = await work.directory.version() if newest is None else newest
        if self._directory is None or self._directory[0] != version:
            # What is stored was checked when it came in; a rule that came later must not take the directory away.
            self._directory = (version, read_model(Directory, await work.directory.load()))
        return self._directory[1]

    async def known_directory(self, work: Work) -> Directory | None:
        """The directory, if it is the newest that was read here: one statement, and none that needs a transaction."""
        return self.directory_of(await work.directory.version())

    def directory_of(self, version: int) -> Directory | None:
        """The directory of that version, if it is the one that was read here last."""
        return self._directory[1] if self._directory is not None and self._directory[0] == version else None

    async def check_user(self, work: Work, who: Identity, *, services: bool = False) -> None:
        """Refuse (``unknown_user``) somebody who is no active user now; ``services`` may come in where they say so."""
        if not (services and who.is_service) and not (await self.directory(work)).is_active(who.user):
            raise Refusal("unknown_user", f"{who.user} is no active user of the directory", "by")

    async def policy(
        self, work: Work, name: str, version: int | None = None, *, newest: int | None = None
    ) -> CompiledPolicy:
        """A version of a policy, or the newest, whose number may be known already. Code: ``unknown_policy``."""
        if version is None and newest is None:
            newest = await work.policies.newest_version(name)
        wanted = version or newest or 0
        found = self._policies.get((name, wanted))
        if found is None:
            published = await work.policies.get(name, version)
            found = compile_policy(read_policy(published.document))
            self._policies[name, published.version] = found
        return found

    async def submission(
        self,
        work: Work,
        quote_id: str,
        by: str,
        at: datetime,
        *,
        policy: str,
        comment: str | None = None,
        facts: SubmissionFacts | None = None,
    ) -> Submission:
        """The stored quote as ``by`` would submit it at ``at``; ``facts`` where this transaction has read them.

        Codes: ``unknown_quote``, ``unknown_policy``.
        """
        facts = facts or await read_submission(work.connection, quote_id, policy)
        compiled = await self.policy(work, policy, newest=facts.policy_version)
        directory = await self.directory(work, facts.directory_version)
        return _submission(facts, compiled, directory, by, at, comment)

    def known_submission(
        self, facts: SubmissionFacts, by: str, at: datetime, *, policy: str, comment: str | None = None
    ) -> Submission | None:
        """The same without asking anybody, where what was read here last is the newest by these ``facts``."""
        compiled, directory = (
            self._policies.get((policy, facts.policy_version)),
            self.directory_of(facts.directory_version),
        )
        if compiled is None or directory is None:
            return None
        return _submission(facts, compiled, directory, by, at, comment)


def _submission(
    facts: SubmissionFacts, policy: CompiledPolicy, directory: Directory, by: str, at: datetime, comment: str | None
) -> Submission:
    return Submission(
        price(read_quote(facts.content)),
        policy,
        directory,
        by,
        at,
        facts.editors,
        facts.earlier,
        comment,
        status_before(facts.stored.state, facts.earlier),
    )
