"""Setup of the tests of mails: messages that an own server vouches for, and real matching."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from time import monotonic
from typing import Any

from app.clock import now
from app.judging.judge import Judge
from app.judging.policy import Policy
from app.mailbox.authentication import Belief, BeliefRules, belief_of
from app.mailbox.healing import HealingRules
from app.mailbox.intake import KeptMail, keep_mail
from app.mailbox.judging import MailJudge
from app.mailbox.matching import MailMode, Matching, MatchingRules
from app.zeus.mails import MailFacts, MailKind, write_mail
from app.zeus.parameters import deadline_of
from app.zeus.stores import STORES
from tests.operations.operations_setup import CALL_VALUES, ORDER_NO, OperationsSetup

CLIENTIP = CALL_VALUES["clientip"]
KINDS = {kind.status.value: kind for kind in MailKind if kind.status}
PATH = "/zeus/notify"


class NoRecords:
    """A name server that knows nothing."""

    async def texts(self, name: str) -> Sequence[bytes]:
        """Return no record."""
        return ()


RULES = BeliefRules.of(["zeus.example"], [], ["mx.shop.example"], NoRecords())


def facts(status: str = "04", **values: Any) -> MailFacts:
    """Return the facts of a mail about the call of CALL_VALUES with this status."""
    usual = MailFacts(
        KINDS[status],
        clientip=CLIENTIP,
        occurred_at=now(),
        money=5400,
        telno=CALL_VALUES["telno"],
        email=CALL_VALUES["email"],
        order_no=ORDER_NO,
        store=STORES["D001"].name,
        pay_no1=CALL_VALUES["pay_no1"],
        pay_limit=deadline_of(CALL_VALUES["pay_limit"]),
    )
    return replace(usual, **values)


def message(
    told: MailFacts, *, believed: bool = True, message_id: str = "1", text: str = ""
) -> bytes:
    """Return a message that our own server vouches for, if it is to be `believed`."""
    mail = EmailMessage()
    if believed:
        mail["Authentication-Results"] = "mx.shop.example; dkim=pass header.d=zeus.example"
    mail["From"] = "notice@zeus.example"
    mail["To"] = "shop@shop.example"
    mail["Subject"] = f"コンビニ決済 {told.kind}"
    mail["Message-ID"] = f"<{message_id}@zeus.example>"
    mail.set_content(text or write_mail(told))
    return mail.as_bytes()


@dataclass(frozen=True)
class MailSetup(OperationsSetup):
    """A database with calls and mails."""

    policy: Policy = field(default_factory=lambda: Policy(frozenset({CLIENTIP})))

    async def mail(self, status: str = "04", *, sent: str = "1", **values: Any) -> KeptMail:
        """Keep the mail about a status."""
        return await self.keep(message(facts(status, **values), message_id=sent))

    async def keep(self, raw: bytes) -> KeptMail:
        """Keep a message."""
        async with self.sessions.begin() as session:
            return await keep_mail(session, raw, "import")

    async def read(self) -> None:
        """Read all kept mails."""
        judge = MailJudge(self._believe, self.policy.ip_codes)
        while True:
            async with self.sessions.begin() as session:
                if not await judge.judge_batch(session):
                    return

    async def _believe(self, raw: bytes) -> Belief:
        return await belief_of(raw, RULES)

    async def judge(self, *ip_codes: str) -> None:
        """Judge all recorded calls."""
        judge = Judge(self.sessions, self.policy, lambda: None)
        while await judge.judge_batch():
            pass

    def matching(
        self,
        mode: MailMode = "heal",
        grace: timedelta = timedelta(0),
        clock: Callable[[], float] = monotonic,
    ) -> Matching:
        """Return a matching of mails whose calls have had their time at once."""
        rules = MatchingRules(mode, grace, HealingRules(self.policy, PATH))
        return Matching(self.sessions, rules, lambda: None, clock)

    async def match(
        self,
        mode: MailMode = "heal",
        grace: timedelta = timedelta(0),
    ) -> None:
        """Read all mails and match them."""
        await self.read()
        matching = self.matching(mode, grace)
        while await matching.run_pass():
            pass

    async def states(self) -> list[str]:
        """Return the states of all mails in the sequence of their arrival."""
        return [row.state for row in await self.rows("SELECT state FROM mails ORDER BY id")]

    async def events(self) -> list[tuple[str, str | None]]:
        """Return type and source of all events."""
        rows = await self.rows(
            "SELECT type, data ->> 'source' AS source FROM events ORDER BY position"
        )
        return [(row.type, row.source) for row in rows]
