"""Subscribers declared in RELAY_SUBSCRIBERS, for sites that configure everything by environment."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.tables import SubscriberRow
from app.forwarding.secrets import KeyMissing, Vault
from app.logs import get_logger
from app.operating.access import SERVICE, Action
from app.operating.audit import write_entry
from app.operating.checks import UrlRules, check_event_types, check_name, check_signing_secret, check_subscriber_url
from app.operating.refusals import NameTaken, NotAcceptable
from app.operating.secrets import DEFAULT_OVERLAP, insert_secret, replace_secret, valid_secrets
from app.operating.subscriber_rows import insert_subscriber, subscriber_row, update_subscriber
from app.settings import DeclaredSubscriber, WrongSettings, variable_of

_LOCK_KEY = 7_236_405_902

log = get_logger("operating")


async def apply_declared(sessions: Sessions, vault: Vault, declared: Sequence[DeclaredSubscriber], rules: UrlRules) -> int:
    """Make every declared subscriber as it is declared, found by its name, and return how many were new or differed.

    Never removes, pauses or resumes one. A changed secret is a rotation: the earlier one stays valid for a day. Processes that start
    at once take turns. Raises WrongSettings for a declaration that cannot be used, before anything is changed.
    """
    for subscriber in declared:
        _check(subscriber, rules)
    async with sessions.begin() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        changed = [subscriber.name for subscriber in declared if await _apply(session, vault, subscriber)]
        for name in changed:
            await write_entry(session, SERVICE, Action.SUBSCRIBER_DECLARED, f"subscriber:{name}")
    for name in changed:
        log.info("declared_subscriber_applied", subscriber=name)
    return len(changed)


def _check(declared: DeclaredSubscriber, rules: UrlRules) -> None:
    try:
        check_name(declared.name)
        check_subscriber_url(declared.url, rules)
        check_event_types(declared.events)
        check_signing_secret(declared.secret.get_secret_value())
    except NotAcceptable as refused:
        raise WrongSettings(f"{variable_of('subscribers')}: [{declared.name}] {refused.field}: {refused}") from None


async def _apply(session: AsyncSession, vault: Vault, declared: DeclaredSubscriber) -> bool:
    values = {"url": declared.url, "event_types": check_event_types(declared.events), "customer": declared.customer, "declared": True}
    values |= {"feed": False, "feed_hash": None}
    secret = declared.secret.get_secret_value()
    try:
        row = await insert_subscriber(session, name=declared.name, **values)
    except NameTaken:
        row = await subscriber_row(session, declared.name, lock=True)
    else:
        await insert_secret(session, vault, row.id, secret)
        return True
    differs = any(getattr(row, field) != value for field, value in values.items())
    rotated = await _rotate_if_new(session, vault, row, secret)
    if differs or rotated:
        await update_subscriber(session, row.id, values)
    return differs or rotated


async def _rotate_if_new(session: AsyncSession, vault: Vault, row: SubscriberRow, secret: str) -> bool:
    valid = await valid_secrets(session, row.id)
    try:
        if valid and vault.open(valid[0].sealed) == secret:
            return False
    except KeyMissing:
        raise WrongSettings(
            f"{variable_of('secret_keys')}: no key opens the secret of the subscriber {row.name}; add the key it was sealed with"
        ) from None
    await replace_secret(session, vault, row.id, secret, DEFAULT_OVERLAP)
    return True
