"""Declared subscribers: apply RELAY_SUBSCRIBERS, for sites that configure by environment."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.crypto.vault import KeyMissing, Vault
from app.db.engine import Sessions
from app.db.tables.subscribers import SubscriberRow
from app.events.signature import new_private_key
from app.logs import get_logger
from app.operations.access.audit import write_entry
from app.operations.access.permissions import SERVICE, Action
from app.operations.errors import NameTaken, NotAcceptable
from app.operations.subscribers.connection import connection_columns
from app.operations.subscribers.declared_fields import Wanted, read_declaration, wrong_declaration
from app.operations.subscribers.rows import insert_subscriber, subscriber_row, update_subscriber
from app.operations.subscribers.secrets import (
    DEFAULT_OVERLAP,
    insert_secret,
    replace_secret,
    valid_secrets,
)
from app.operations.subscribers.validation import UrlRules
from app.settings import DeclaredSubscriber, WrongSettings, variable_of

_LOCK_KEY = 7_236_405_902

log = get_logger("operating")


async def apply_declared(
    sessions: Sessions, vault: Vault, declared: Sequence[DeclaredSubscriber], rules: UrlRules
) -> int:
    """Create or change every declared subscriber, found by its name. Return the number of changes.

    Never remove, pause or resume one. A changed secret is a rotation: the earlier one stays valid
    for a day. A lock lets processes that start together apply one after the other. Raise
    WrongSettings for an invalid declaration, before anything is changed.
    """
    declarations = [read_declaration(subscriber, vault, rules) for subscriber in declared]
    async with sessions.begin() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        changed = [wanted.name for wanted in declarations if await _apply(session, vault, wanted)]
        for name in changed:
            await write_entry(session, SERVICE, Action.SUBSCRIBER_DECLARED, f"subscriber:{name}")
    for name in changed:
        log.info("declared_subscriber_applied", subscriber=name)
    return len(changed)


async def _apply(session: AsyncSession, vault: Vault, wanted: Wanted) -> bool:
    if wanted.feed:
        await _check_token(session, wanted)
    try:
        row = await insert_subscriber(
            session, name=wanted.name, **wanted.columns, **_connection(vault, None, wanted)
        )
    except NameTaken:
        return await _change(
            session, vault, await subscriber_row(session, wanted.name, lock=True), wanted
        )
    if not wanted.feed:
        await insert_secret(session, vault, row.id, wanted.secret or new_private_key())
    return True


async def _check_token(session: AsyncSession, wanted: Wanted) -> None:
    """Raise WrongSettings if another subscriber has the token: it must identify one subscriber."""
    same = (
        SubscriberRow.feed_hash == wanted.columns["feed_hash"],
        SubscriberRow.name != wanted.name,
    )
    if await session.scalar(select(SubscriberRow.id).where(*same)):
        raise wrong_declaration(wanted.name, "token", "another subscriber has it")


async def _change(session: AsyncSession, vault: Vault, row: SubscriberRow, wanted: Wanted) -> bool:
    """Change an existing subscriber to match its declaration. Return True if it differed."""
    if wanted.feed and not row.feed:
        raise wrong_declaration(
            row.name,
            "feed",
            "a subscriber with this name gets webhooks; remove it, or use another name",
        )
    values = {**wanted.columns, **_connection(vault, row, wanted)}
    differs = any(getattr(row, field) != value for field, value in values.items())
    rotated = not wanted.feed and await _rotate_if_new(session, vault, row, wanted.secret)
    if differs or rotated:
        await update_subscriber(session, row.id, values)
    return differs or rotated


def _connection(vault: Vault, row: SubscriberRow | None, wanted: Wanted) -> dict[str, Any]:
    try:
        return connection_columns(vault, row, wanted.options, expired_too=True)
    except NotAcceptable as error:
        # The declaration was checked before, so a stored value is the one that cannot be kept.
        raise wrong_declaration(wanted.name, error.field, str(error)) from None


async def _rotate_if_new(
    session: AsyncSession, vault: Vault, row: SubscriberRow, secret: str | None
) -> bool:
    """Make `secret` the current one unless it already is. None stands for any key pair.

    Return True if it changed. Raise WrongSettings if no key opens the current secret.
    """
    valid = await valid_secrets(session, row.id)
    try:
        if valid and (
            valid[0].public_key is not None
            if secret is None
            else vault.open(valid[0].sealed) == secret
        ):
            return False
    except KeyMissing:
        raise WrongSettings(
            f"{variable_of('secret_keys')}: no key opens the secret of the subscriber {row.name}; "
            "add the key that sealed it"
        ) from None
    await replace_secret(session, vault, row.id, secret or new_private_key(), DEFAULT_OVERLAP)
    return True
