"""Settings of the simulator's mails: to whom, by which way, in which form."""

import re
from enum import StrEnum
from typing import Literal

from pydantic import Field, field_validator

from app.simulator.state.faults import Strict


class CustomerForm(StrEnum):
    """A kind of mail to the customer. Its words are the simulator's own."""

    SLIP = "slip"
    """How to pay, after an accepted application."""
    RECEIPT = "receipt"
    """The payment arrived."""


Charset = Literal["iso-2022-jp", "shift_jis", "euc-jp", "utf-8"]
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"@]{1,64}@[0-9A-Za-z.-]{1,250}", re.ASCII)
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+):([0-9]{1,5})")


class MailSettings(Strict):
    """Mails as the merchant agreed them with Zeus, and where the simulator delivers them."""

    smtp: str | None = Field(
        None, description="The SMTP server that gets the mails, as `host:port`."
    )
    maildir: str | None = Field(
        None, description="The Maildir that gets the mails. Fixed at the start."
    )
    merchant: str | None = Field(
        "merchant@example.com",
        description="The merchant's address; without one the merchant gets no mail.",
    )
    customer: tuple[CustomerForm, ...] = Field(
        tuple(CustomerForm), description="The mails that customers get: `slip`, `receipt`."
    )
    call_failed_fields: bool = Field(
        True, description="CGI送信エラー通知 names the order and has the fields of other mails."
    )
    sender: str = Field("no-reply@simulator.example", description="The sender's address.")
    charset: Charset = Field("iso-2022-jp", description="The charset of mails.")
    dkim: bool = Field(True, description="Sign mails by DKIM for the sender's domain.")
    selector: str = Field(
        "simulator", pattern=r"^[0-9A-Za-z-]{1,63}$", description="The DKIM selector."
    )

    @property
    def smtp_address(self) -> tuple[str, int] | None:
        """Return host and port of the SMTP server."""
        found = _SERVER.fullmatch(self.smtp or "")
        return (found[1].strip("[]"), int(found[2])) if found else None

    @property
    def domain(self) -> str:
        """Return the sender's domain, for which mails are signed."""
        return self.sender.rpartition("@")[2]

    @field_validator("smtp")
    @classmethod
    def _is_server(cls, text: str | None) -> str | None:
        found = _SERVER.fullmatch(text or "")
        if text and (found is None or not 0 < int(found[2]) < 65536):
            raise ValueError("must be host:port")
        return text or None

    @field_validator("merchant", "sender")
    @classmethod
    def _is_address(cls, text: str | None) -> str | None:
        if text is not None and not is_address(text):
            raise ValueError("must be a mail address")
        return text


def is_address(text: str) -> bool:
    """Tell whether `text` is a mail address that needs no quoting; Zeus takes more than these."""
    return text.isascii() and _ADDRESS.fullmatch(text) is not None
