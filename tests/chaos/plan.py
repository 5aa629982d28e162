"""Effort of a run, and the description of a line of the table."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from tests.chaos.load import Answer

if TYPE_CHECKING:
    from tests.chaos.site import Site


@dataclass(frozen=True, slots=True)
class Effort:
    """`rate` calls a second for at least `seconds`.

    An outage lasts `outage_s`, with `calm_s` before and after it.
    """

    rate: int
    seconds: float
    outage_s: float
    calm_s: float
    patience_s: float
    """Longest time of draining, judging and delivering after the last answer."""
    orders: int
    """Orders of the lines that the simulator plays."""
    overload_s: float
    """Seconds of the load that is too much."""
    backlog: int
    """Webhooks that wait for a subscriber before it is resumed."""
    noise_s: float
    """A p99 below this says nothing, since it is one of too few answers."""


FULL = Effort(
    rate=200,
    seconds=30,
    outage_s=15,
    calm_s=5,
    patience_s=180,
    orders=3_000,
    overload_s=60,
    backlog=100_000,
    noise_s=0,
)
SHORT = Effort(
    rate=100,
    seconds=6,
    outage_s=3,
    calm_s=1,
    patience_s=90,
    orders=45,
    overload_s=6,
    backlog=4_000,
    noise_s=0.05,
)


class Front(Enum):
    """Proxy between the caller and the receivers.

    Without one, each receiver gets a share of the calls.
    """

    NONE = "none"
    NGINX = "nginx"
    CADDY = "caddy"


class Database(Enum):
    """Connection to Postgres."""

    PLAIN = "plain"
    STANDBY = "a primary with a synchronous standby, both in the URL"
    NETWORK = "across a network of its own"
    POOLER = "through PgBouncer in transaction mode"


class Felt(Enum):
    """Required effect of an outage. An outage without effect proves nothing."""

    NOTHING = "nothing"
    SPOOLED = "spooled"
    HELD = "held"
    RESENT = "sent again by the proxy"


@dataclass(frozen=True, slots=True)
class OwnPlay:
    """Calls that a line makes by itself, and what it looks at besides what every line does."""

    play: Callable[["Site"], Awaitable[list[Answer]]]
    find: Callable[["Site", Sequence[Answer]], Awaitable[list[str]]] | None = None


async def _nothing(site: "Site") -> None:
    """Cause no outage."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: its installation, and `inject`, which begins and ends the outage."""

    name: str
    outage: str
    inject: Callable[["Site"], Awaitable[None]] = _nothing
    front: Front = Front.NONE
    receivers: int = 2
    together: bool = False
    """Whether one `zeus-relay up` stands for receivers and workers."""
    subscribers: int = 1
    database: Database = Database.PLAIN
    felt: Felt = Felt.NOTHING
    small_spool: bool = False
    """Whether the spool lies on a small tmpfs, which fills up within two seconds."""
    server_options: tuple[str, ...] = ()
    allowed: str | None = None
    """The allowed sources, if not all addresses of this machine are allowed."""
    slowest_s: float = 10.0
    """Upper limit of every answer, in seconds."""
    piped_logs: bool = False
    """Whether every call is logged, through a pipe with a reader that can stop."""
    timers: bool = False
    """Whether deadlines are over and payments overdue at once, and many orders are called about
    that nobody pays, or only later."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings of its own, named without the prefix."""
    own: OwnPlay | None = None

    @property
    def needs_root(self) -> bool:
        """Whether the line mounts something or makes a network."""
        return self.small_spool or self.database is Database.NETWORK
