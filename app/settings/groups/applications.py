"""Settings of applications to Zeus, and of the references in them."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from app.settings.kinds import Duration, Networks
from app.settings.validators import WebUrl


class ApplicationSettings(BaseModel):
    """Settings of applications: where they are sent, and how long an answer may take."""

    application_url: WebUrl | None = Field(
        None,
        description="URL that applications for payment slips are posted to. Unset: the relay "
        "applies for none. http:// only to this machine and to RELAY_APPLICATION_NETWORKS, for a "
        "simulator.",
        examples=["https://linkpt.cardservice.co.jp/cgi-bin/cvs.cgi"],
    )
    application_networks: Networks = Field(
        [],
        description="CIDRs beside this machine that http:// applications may be sent to, for a "
        "simulator.",
        examples=["172.16.0.0/12"],
    )
    application_timeout: Annotated[
        Duration, Field(ge=timedelta(seconds=1), le=timedelta(minutes=5))
    ] = Field(
        timedelta(seconds=40),
        description="Time for the answer to an application. After it, the outcome is unknown and "
        "the application is never sent again.",
        examples=["40s"],
    )
    application_due: Annotated[Duration, Field(ge=timedelta(seconds=1))] = Field(
        timedelta(minutes=30),
        description="Time after which a review asks for the outcome of an unknown application, "
        "and for the missing 01 call of an accepted one.",
        examples=["30m"],
    )
    test_id: Annotated[str, Field(pattern=r"^[0-9]{1,8}$")] | None = Field(
        None,
        description="Test ID (testid) from Zeus's console, up to 8 digits. Applications can be "
        "marked as tests only with it.",
        examples=["12345678"],
    )
    require_reference: bool = Field(
        False,
        description="Quarantine calls whose sendpoint is not a reference of this relay. Only when "
        "all applications go through it.",
        examples=["true"],
    )
    support_contact: Annotated[str, Field(max_length=200)] | None = Field(
        None,
        description="Telephone number or address that the messages to customers name for help.",
        examples=["0120-000-000"],
    )
