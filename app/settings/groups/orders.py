"""Settings of judging: what calls mean for orders."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.settings.kinds import Duration
from app.settings.validators import IpCodes


class OrderSettings(BaseModel):
    """Settings of what calls mean for orders."""

    ip_codes: IpCodes = Field(
        [],
        description="The merchant's IPコード, 10 digits each. A call with any other one is "
        "quarantined. Unset: all are accepted.",
        examples=["2012000001"],
    )
    release_on: Literal["confirmed", "received"] = Field(
        "confirmed",
        description="Report of a payment that releases the goods with order.released: confirmed "
        "(05, 12) or received (04, 11), which the store can still take back.",
        examples=["received"],
    )
    expiry_grace: Duration = Field(
        timedelta(hours=24),
        description="Time after the last day to pay, by Japan's calendar, until an order without "
        "a payment is presumed expired.",
        examples=["24h"],
    )
    confirmation_due: Annotated[Duration, Field(ge=timedelta(seconds=1))] = Field(
        timedelta(days=10),
        description="Time in which a payment is usually confirmed. After it, a review asks why.",
        examples=["10d"],
    )
    sendid_scope: Literal["order", "none"] = Field(
        "order",
        description="What a sendid names. order: one purchase, so orders with the same one are "
        "related. none: something else.",
        examples=["none"],
    )
