"""Settings of the simulator, as options, as SIMULATOR_ variables, and through its API."""

from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from app.simulator.player.orders import ALL_PARAMETERS, EXAMPLE_CLIENTIP
from app.simulator.player.target import Method, target_of
from app.simulator.state.faults import Faults, Seconds, Strict
from app.simulator.state.mail_settings import MailSettings
from app.zeus.application import FIELDS, Rule
from app.zeus.stores import STORES
from app.zeus.wire import Style

EXAMPLE_TEST_ID = "12345678"
ALL_FAULTS = "all"
ClientIp = Annotated[str, Field(pattern=r"^[0-9]{1,10}$")]
TestId = Annotated[str, Field(pattern=r"^[0-9]{1,8}$")]


class ClockSettings(Strict):
    """Settings of the simulated clock."""

    speed: float = Field(1.0, gt=0, le=1_000_000, description="Simulated seconds in a real second.")


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
    user_agent: str | None = Field(
        None,
        pattern=r"^[!-~]([ -~]{0,198}[!-~])?$",
        description="The agent name of calls; none by default.",
    )
    optional_statuses: bool = Field(False, description="Call for 02 and 03 too.")
    clientips: tuple[ClientIp, ...] = Field(
        (EXAMPLE_CLIENTIP,), description="The IPコード that may apply."
    )
    test_ids: tuple[TestId, ...] = Field(
        (EXAMPLE_TEST_ID,), description="The test IDs that are valid."
    )
    stores: tuple[str, ...] = Field(tuple(STORES), description="The stores in the contract.")
    maintenance: tuple[str, ...] = Field((), description="The stores that are in maintenance.")
    service_stopped: bool = Field(False, description="Applications fail with 800001.")
    deadline_days: int = Field(30, ge=2, le=59, description="Days until the payment deadline.")
    named_faults: tuple[str, ...] = Field(
        (),
        description="Parameters and rules whose faults are answered by name, not by 800000; "
        "or `all`.",
    )
    unknown_clientip: Literal["800000", "800001"] = Field(
        "800000", description="The error code for an IPコード that is not in `clientips`."
    )
    invalid_testid: Literal["800000", "real"] = Field(
        "800000", description="An unknown test ID fails the application, or makes it a real one."
    )
    named_fault_text: str = Field(
        "パラメータエラー {name}",
        pattern=r"^[^\r\n]{0,100}\{name\}[^\r\n]{0,100}$",
        description="The answer that names a parameter; `{name}` stands for it.",
    )
    failed_order_no: bool = Field(
        True, description="A failed application gets an order number, a call for 02 and a mail."
    )
    shift_jis: Literal["cp932", "shift_jis"] = Field(
        "cp932", description="The characters that applications may have: `shift_jis` has fewer."
    )
    pay_after_reversal: bool = Field(
        True, description="A slip can be paid again after its payment was taken back."
    )
    pay_no_cycle: int = Field(
        0, ge=0, le=10**9, description="Issue payment numbers again after so many; 0: random ones."
    )
    order_prefix: str = Field(
        "SIM", pattern=r"^SIM[0-9A-Za-z]{0,7}$", description="What order numbers begin with."
    )
    clock: ClockSettings = ClockSettings()
    anywhere: bool = Field(
        False,
        description="Call and mail other machines too, not only this one. Fixed at the start.",
    )
    mails: MailSettings = MailSettings()
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

    @field_validator("named_fault_text")
    @classmethod
    def _is_shift_jis(cls, text: str) -> str:
        try:
            text.encode("cp932")
        except UnicodeEncodeError:
            raise ValueError("must be written in Shift_JIS") from None
        return text

    @field_validator("stores", "maintenance")
    @classmethod
    def _are_stores(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [code for code in codes if code not in STORES]:
            raise ValueError(f"unknown stores: {', '.join(unknown)}")
        return codes

    @model_validator(mode="after")
    def _stays_on_this_machine(self) -> "SimulatorSettings":
        called = urlsplit(self.call_url).hostname if self.call_url else None
        mailed = self.mails.smtp_address[0] if self.mails.smtp_address else None
        for what, host in (("call URL", called), ("SMTP server", mailed)):
            if host and not self.anywhere and not is_loopback(host):
                raise ValueError(
                    f"the {what} is on another machine; start with --anywhere to allow it"
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
