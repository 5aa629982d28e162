"""Settings of Zeus's mails, the second source beside calls."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

from app.settings.kinds import Duration, Names
from app.settings.validators import MailboxUrl


class MailSourceSettings(BaseModel):
    """Settings of mails: the mailbox, which mails are believed, and what they may do."""

    mailbox_url: MailboxUrl | None = Field(
        None,
        description="Mailbox that gets Zeus's mails to the merchant, with user, server and "
        "folder. An @ in the user is written %40. Unset: no mailbox is read; mails can still be "
        "handed in.",
        examples=["imaps://shop%40shop.example@imap.example/INBOX"],
    )
    mailbox_password: SecretStr | None = Field(
        None, description="Password of the mailbox.", examples=["correct-horse-battery-staple"]
    )
    mailbox_password_file: Path | None = Field(
        None,
        description="File with the password of the mailbox, instead of RELAY_MAILBOX_PASSWORD.",
        examples=["/run/secrets/mailbox"],
    )
    mailbox_done: str = Field(
        "seen",
        description="What happens to a read message: seen marks it; anything else is the folder "
        "that it is moved to.",
        examples=["Zeus/read"],
    )
    mail_mode: Literal["off", "observe", "heal"] = Field(
        "observe",
        description="What a mail does whose call has not come. observe opens a review, heal makes "
        "up for the call, off does nothing.",
        examples=["heal"],
    )
    mail_domains: Names = Field(
        [],
        description="Domains whose mails are believed if a DKIM signature of theirs is valid. "
        "Zeus tells the domain of its mails.",
        examples=["zeus.example"],
    )
    mail_forwarders: Names = Field(
        [],
        description="Domains of forwarders whose ARC seal is believed when they say that the "
        "mail was valid on arrival.",
        examples=["forwarder.example"],
    )
    mail_authserv_ids: Names = Field(
        [],
        description="Names of your own mail servers in Authentication-Results. The topmost header "
        "is believed if it has one of them.",
        examples=["mx.shop.example"],
    )
    mail_grace: Annotated[Duration, Field(ge=timedelta(seconds=1))] = Field(
        timedelta(minutes=15),
        description="Time in which the call of a mail may still come. After it, the call counts "
        "as lost.",
        examples=["15m"],
    )

    @property
    def reads_mailbox(self) -> bool:
        """Return True if a worker reads a mailbox and acts on its mails."""
        return self.mail_mode != "off" and self.mailbox_url is not None
