"""Settings of the simulator, as options, as SIMULATOR_ variables, and through its API."""

from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app.simulator.player.orders import ALL_PARAMETERS, EXAMPLE_CLIENTIP
from app.simulator.player.target import Method, target_of
from app.zeus.application import FIELDS, Rule
from app.zeus.stores import STORES
from app.zeus.wire import Style

EXAMPLE_TEST_ID = "12345678"
ALL_FAULTS = "all"
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
        if source is not None:
            ip_address(source)
        return source


class AnswerFaults(Strict):
    """Faults of the answers of cvs.cgi, each off by default."""

    delay: Seconds = Field(
        0, description="Seconds of real time before the answer: 39 is in time, 41 is late."
    )
    half: bool = Field(False, description="Send half of the answer, then close.")
    html: bool = Field(False, description="Answer with an HTML page.")
    lost: bool = Field(False, description="Make the slip and close without an answer.")


class Faults(Strict):
    """Faults to order."""

    calls: CallFaults = CallFaults()
    answers: AnswerFaults = AnswerFaults()


class SimulatorSettings(Strict):
    """What a merchant agreed with Zeus, and how the simulator behaves."""

    call_url: str | None = Field(
        None, description="The URL that is called; without one no call is made."
    )
    method: Method = Field(Method.GET, description="GET or POST.")
    parameters: tuple[str, ...] = Field(
        ALL_PARAMETERS, description="The parameters that calls carry."
    )
    style: Style = Field(Style.FULL, description="How calls escape their values.")
    retries: int = Field(0, ge=0, le=10, description="Retries after a timeout.")
    retry_after: Seconds = Field(0, description="Seconds between a timeout and its retry.")
    timeout: Annotated[float, Field(gt=0, le=120)] = Field(
        40.0, description="Seconds of patience, in real time."
    )
    user_agent: str | None = Field(None, description="The agent name of calls; none by default.")
    optional_statuses: bool = Field(False, description="Call for 02 and 03 too.")
    clientips: tuple[str, ...] = Field(
        (EXAMPLE_CLIENTIP,), description="The IPコード that may apply."
    )
    test_ids: tuple[str, ...] = Field(
        (EXAMPLE_TEST_ID,), description="The test IDs that are valid."
    )
    stores: tuple[str, ...] = Field(tuple(STORES), description="The stores in the contract.")
    maintenance: tuple[str, ...] = Field((), description="The stores that are in maintenance.")
    service_stopped: bool = Field(False, description="Applications fail with 800001.")
    deadline_days: int = Field(30, ge=2, le=59, description="Days until the payment deadline.")
    named_faults: tuple[str, ...] = Field(
        (),
        description="Faults that are answered with the parameter's name instead of 800000: parameters, rules, or `all`.",
    )
    unknown_clientip: Literal["800000", "800001"] = Field(
        "800000", description="The error code for an IPコード that is not in `clientips`."
    )
    invalid_testid: Literal["800000", "real"] = Field(
        "800000", description="An unknown test ID fails the application, or makes it a real one."
    )
    pay_no_cycle: int = Field(
        0, ge=0, le=10**9, description="Issue payment numbers again after so many; 0: random ones."
    )
    order_prefix: str = Field(
        "SIM", pattern=r"^SIM[0-9A-Za-z]{0,7}$", description="What order numbers begin with."
    )
    clock_speed: float = Field(
        1.0, gt=0, le=1_000_000, description="Simulated seconds in a real second."
    )
    anywhere: bool = Field(
        False, description="Call other machines too, not only this one. Fixed at the start."
    )
    faults: Faults = Faults()

    @field_validator("parameters")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in ALL_PARAMETERS]:
            raise ValueError(f"unknown parameters: {', '.join(unknown)}")
        return names

    @field_validator("call_url")
    @classmethod
    def _can_be_called(cls, url: str | None) -> str | None:
        if url:
            target_of(url)
        return url or None

    @field_validator("named_faults")
    @classmethod
    def _are_faults(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in {ALL_FAULTS, *FIELDS, *Rule}]:
            raise ValueError(f"neither a parameter nor a rule: {', '.join(unknown)}")
        return names

    @field_validator("stores", "maintenance")
    @classmethod
    def _are_stores(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [code for code in codes if code not in STORES]:
            raise ValueError(f"unknown stores: {', '.join(unknown)}")
        return codes

    @model_validator(mode="after")
    def _stays_on_this_machine(self) -> "SimulatorSettings":
        host = urlsplit(self.call_url).hostname if self.call_url else None
        if host and not self.anywhere and not is_loopback(host):
            raise ValueError(
                "the call URL is on another machine; start with --anywhere to allow it"
            )
        return self


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine by its name or its address; no name is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
