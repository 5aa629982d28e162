"""Mails of a worker, built from the settings."""

from collections.abc import Callable
from functools import partial

from app.db.engine import Sessions
from app.db.singleton_lock import SingletonLock
from app.judging.policy import Policy
from app.mailbox.authentication import BeliefRules, belief_of
from app.mailbox.healing import HealingRules
from app.mailbox.imap.from_settings import mailbox_address_of
from app.mailbox.intake import keep_mail
from app.mailbox.judging import MailJudge
from app.mailbox.matching import Matching, MatchingRules
from app.mailbox.positions import Positions
from app.mailbox.reader import LOCK_KEY, MailboxReader
from app.network.text_records import TextRecordResolver
from app.settings import Settings
from app.worker.mail_loop import MailLoop


def mail_loop(
    settings: Settings, sessions: Sessions, policy: Policy, on_events: Callable[[], None]
) -> MailLoop:
    """Return the loop that reads and matches mails. `policy` is the one that judges calls."""
    rules = BeliefRules.of(
        settings.mail_domains,
        settings.mail_forwarders,
        settings.mail_authserv_ids,
        TextRecordResolver(),
    )
    judge = MailJudge(partial(belief_of, rules=rules), policy.ip_codes)
    healing = HealingRules(policy, settings.notify_path, settings.retry_schedule[0])
    matching = Matching(
        sessions, MatchingRules(settings.mail_mode, settings.mail_grace, healing), on_events
    )
    return MailLoop(sessions, judge, matching)


def mailbox_reader(settings: Settings, sessions: Sessions, url: str) -> MailboxReader | None:
    """Return the reader of the mailbox, or None if none is set. Raise WrongSettings."""
    address = mailbox_address_of(settings)
    if address is None:
        return None

    async def keep(raw: bytes) -> None:
        async with sessions.begin() as session:
            await keep_mail(session, raw, "mailbox")

    lock = SingletonLock(url, LOCK_KEY, application="zeus-relay mailbox")
    return MailboxReader(address, Positions(sessions), lock, keep)
