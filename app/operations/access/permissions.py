"""Permissions: roles, actions, and the one table that says which role an action or a read needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.operations.errors import NotAllowed


class Role(StrEnum):
    """Role of a token.

    Of the first three, each includes the rights of the one before it. The others are for systems,
    and each does one thing alone.
    """

    VIEWER = "viewer"
    """Reads, with personal values masked."""
    OPERATOR = "operator"
    """Also releases, retries, pauses and the like, and may look at personal values."""
    ADMIN = "admin"
    """Also manages subscribers, their secrets, and tokens; reads the audit."""
    APPLICANT = "applicant"
    """Applies for payment slips and reads applications."""
    MAILER = "mailer"
    """Hands in mails."""

    def includes(self, needed: "Role") -> bool:
        """Return True if this role is `needed` or a higher one."""
        return needed is self or _RANKS.get(self, -1) >= _RANKS.get(needed, len(_RANKS))


_RANKS: Mapping[Role, int] = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}


class Via(StrEnum):
    """Interface that an operator used."""

    API = "api"
    CLI = "cli"
    CONSOLE = "console"
    SERVICE = "service"
    """No operator: the service acted by itself, as its settings say."""


class Action(StrEnum):
    """Action that leaves an entry in the audit."""

    NOTICE_RELEASED = "notice.released"
    NOTICE_DISMISSED = "notice.dismissed"
    SAMPLE_RELEASED = "sample.released"
    SAMPLE_DISMISSED = "sample.dismissed"
    REVIEW_SETTLED = "review.settled"
    REVIEW_NOTED = "review.noted"
    ORDER_UNWANTED = "order.unwanted"
    ORDER_WANTED = "order.wanted"
    WEBHOOK_RETRIED = "webhook.retried"
    WEBHOOK_DISMISSED = "webhook.dismissed"
    WEBHOOKS_RECOVERED = "webhooks.recovered"
    RECOVERY_CANCELLED = "recovery.cancelled"
    ORDERS_RECONCILED = "orders.reconciled"
    APPLICATION_SENT = "application.sent"
    APPLICATION_RESOLVED = "application.resolved"
    MAIL_HANDED_IN = "mail.handed_in"
    MAIL_HEALED = "mail.healed"
    MAIL_DISMISSED = "mail.dismissed"
    SUBSCRIBER_PAUSED = "subscriber.paused"
    SUBSCRIBER_RESUMED = "subscriber.resumed"
    SUBSCRIBER_TESTED = "subscriber.tested"
    SPOOL_DRAINED = "spool.drained"
    PERSONAL_DATA_SEEN = "personal_data.seen"
    SUBSCRIBER_ADDED = "subscriber.added"
    SUBSCRIBER_CHANGED = "subscriber.changed"
    SUBSCRIBER_REMOVED = "subscriber.removed"
    SUBSCRIBER_DECLARED = "subscriber.declared"
    ORDER_ERASED = "order.erased"
    SECRETS_RESEALED = "secrets.resealed"
    SECRET_ROTATED = "secret.rotated"  # noqa: S105 - the name of an action
    TOKEN_CREATED = "token.created"  # noqa: S105
    TOKEN_REVOKED = "token.revoked"  # noqa: S105


class Read(StrEnum):
    """Kind of read that leaves no entry in the audit."""

    RECORDS = "records"
    """Orders, notices, webhooks, subscribers and settings, with personal values masked."""
    APPLICATIONS = "applications"
    """Applications, with personal values masked."""
    TOKENS = "tokens"
    AUDIT = "audit"


_FOR_ADMINS = frozenset[Action | Read](
    {
        Read.TOKENS,
        Read.AUDIT,
        Action.SUBSCRIBER_ADDED,
        Action.SUBSCRIBER_CHANGED,
        Action.SUBSCRIBER_REMOVED,
        Action.SUBSCRIBER_DECLARED,
        Action.ORDER_ERASED,
        Action.SECRETS_RESEALED,
        Action.SECRET_ROTATED,
        Action.TOKEN_CREATED,
        Action.TOKEN_REVOKED,
    }
)
ROLE_OF: Mapping[Action | Read, Role] = {
    **dict.fromkeys((*Action, *Read), Role.OPERATOR),
    Read.RECORDS: Role.VIEWER,
    Read.APPLICATIONS: Role.VIEWER,
    **dict.fromkeys(_FOR_ADMINS, Role.ADMIN),
}
"""Role that an action or a read needs: the only such table, used by API, console and CLI."""

ALSO_FOR: Mapping[Action | Read, Role] = {
    Action.APPLICATION_SENT: Role.APPLICANT,
    Read.APPLICATIONS: Role.APPLICANT,
    Action.MAIL_HANDED_IN: Role.MAILER,
}
"""Role of systems that may do this too."""


def allows(role: Role, what: Action | Read) -> bool:
    """Return True if `role` may act or read so."""
    return role.includes(ROLE_OF[what]) or role is ALSO_FOR.get(what)


@dataclass(frozen=True, slots=True)
class Operator:
    """Owner of a valid token: the token's name and role.

    `feed` is the id of the subscriber if the token is a feed token. It may only read its feed.
    """

    name: str
    role: Role
    feed: UUID | None = None

    def via(self, interface: Via) -> "Actor":
        """Return the operator as an actor that uses this interface."""
        return Actor(self.name, self.role, interface)


@dataclass(frozen=True, slots=True)
class Actor:
    """Operator or service that acts: a name for the audit, a role, and the interface."""

    name: str
    role: Role
    via: Via

    def demand(self, action: Action) -> None:
        """Raise NotAllowed if the actor's role is too low for the action."""
        if not allows(self.role, action):
            raise NotAllowed(ROLE_OF[action])


SERVICE = Actor("zeus-relay", Role.ADMIN, Via.SERVICE)
"""Actor of what the service does by itself."""
