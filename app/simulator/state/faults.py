"""Faults to order: what goes wrong with calls, answers and mails of the simulator."""

from ipaddress import ip_address
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

Seconds = Annotated[float, Field(ge=0, le=3600)]


class Strict(BaseModel):
    """A model that refuses unknown names, so that a typing error is told."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )


class CallFaults(Strict):
    """Faults of calls, each off by default."""

    times: int = Field(1, ge=1, le=10, description="Make each call so many times.")
    delay: Seconds = Field(0, description="Seconds of real time before a call.")
    drop_every: int = Field(0, ge=0, description="Lose every nth call; 0 loses none, 1 loses all.")
    swap_every: int = Field(
        0, ge=0, description="Make every nth call after the one that follows it, or a second later."
    )
    garble: bool = Field(False, description="Cut the query in the middle of its bytes.")
    slow: Seconds = Field(0, description="Seconds over which the request trickles out.")
    source: str | None = Field(None, description="An address of this machine to call from.")

    @field_validator("source")
    @classmethod
    def _is_address(cls, source: str | None) -> str | None:
        if source is not None and not (source.isascii() and ip_address(source)):
            raise ValueError("must be an IP address")
        return source


class AnswerFaults(Strict):
    """Faults of the answers of cvs.cgi, each off by default."""

    delay: Seconds = Field(
        0, description="Seconds of real time before the answer: 39 is in time, 41 is late."
    )
    half: bool = Field(False, description="Send half of the answer, then close.")
    html: bool = Field(False, description="Answer with an HTML page.")
    lost: bool = Field(False, description="Make the slip and close without an answer.")


class MailFaults(Strict):
    """Faults of mails, each off by default."""

    times: int = Field(1, ge=1, le=10, description="Send each mail so many times.")
    delay: Seconds = Field(0, description="Seconds of real time before a mail.")
    drop_every: int = Field(0, ge=0, description="Lose every nth mail; 0 loses none, 1 loses all.")


class Faults(Strict):
    """Faults to order."""

    calls: CallFaults = CallFaults()
    answers: AnswerFaults = AnswerFaults()
    mails: MailFaults = MailFaults()
