"""Setup of the tests of operations, API and CLI: real judging and real subscribers."""

from dataclasses import dataclass
from uuid import UUID

from app.clock import now, uuid7
from app.db.lanes import lane_of
from app.db.tables.notices import NoticeRow
from app.judging.judge import Judge
from app.operations.access.permissions import Actor, Role, Via
from app.operations.subscribers.models import NewSubscriber, SubscriberWithSecret
from app.operations.subscribers.subscribers import add_subscriber
from app.operations.subscribers.validation import UrlRules
from app.zeus.wire import decode, encode
from tests.forwarding.delivery_setup import OPTIONS, DeliverySetup

NAME, TELNO, EMAIL = "コンビニ　タロウ", "0312345678", "taro@example.com"
PERSONAL = (NAME, TELNO, EMAIL)
SOURCE = "192.0.2.10"
ORDER_NO = "1234-56789-01234"
VIEWER = Actor("mori", Role.VIEWER, Via.API)
OPERATOR = Actor("sato", Role.OPERATOR, Via.API)
ADMIN = Actor("suzuki", Role.ADMIN, Via.API)
RULES = UrlRules(OPTIONS.allow_http, OPTIONS.networks)
CALL_VALUES = {
    "clientip": "2012000001",
    "money": "5400",
    "username": NAME,
    "telno": TELNO,
    "email": EMAIL,
    "sendid": "A-1001",
    "sendpoint": "",
    "order_no": ORDER_NO,
    "pay_cvs": "D001",
    "pay_no1": "1234567890123",
    "pay_no2": "",
    "pay_limit": "20261231",
    "status": "01",
    "error_code": "",
}


@dataclass(frozen=True)
class OperationsSetup(DeliverySetup):
    """A database with calls, orders and subscribers."""

    async def call(self, *statuses: str, **values: str) -> list[UUID]:
        """Record one unjudged call per status, with changed `values`. Return the notices' ids."""
        return [
            await self.raw_call(encode({**CALL_VALUES, **values, "status": status}))
            for status in statuses
        ]

    async def raw_call(self, query: bytes, *, headers: bytes = b"", body: bytes = b"") -> UUID:
        """Record a call with this query. Return its id."""
        notice_id = uuid7()
        order_no = decode(query, body).values.get("order_no", "")
        async with self.sessions.begin() as session:
            session.add(
                NoticeRow(
                    id=notice_id,
                    lane=lane_of(order_no),
                    received_at=now(),
                    source=SOURCE,
                    method="GET",
                    target=b"/zeus/notify/secret-part-of-the-path?" + query,
                    headers=headers or b"x-forwarded-for: 198.51.100.7\r\naccept: */*\r\n",
                    body=body,
                )
            )
        return notice_id

    async def judge(self, *ip_codes: str) -> None:
        """Judge all recorded calls."""
        judge = Judge(self.sessions, ip_codes, lambda: None)
        while await judge.judge_batch():
            pass

    async def judged(self, *statuses: str, **values: str) -> list[UUID]:
        """Record and judge one call per status. Return the notices' ids."""
        ids = await self.call(*statuses, **values)
        await self.judge()
        return ids

    async def add(
        self, name: str = "shop", url: str | None = "https://shop.example/hooks", **values: object
    ) -> SubscriberWithSecret:
        """Add a subscriber as an administrator does."""
        return await add_subscriber(
            self.sessions,
            self.vault,
            NewSubscriber.model_validate({"name": name, "url": url, **values}),
            RULES,
            ADMIN,
        )
