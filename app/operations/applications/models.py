"""Values of applications: the request, the application as shops and operators see it, the list."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, WithJsonSchema

from app.applications.request import CUSTOMER_FIELDS
from app.applications.states import ApplicationState, TestKind
from app.events.types import OrderState
from app.operations.models import Line, Moment, Page, Value
from app.zeus.application import MONEY_RANGE
from app.zeus.error_codes import Retry, WhoCanAct
from app.zeus.stores import BY_SLUG, STORES

_EXAMPLE: dict[str, Any] = {
    "money": 5400,
    "store": "seven_eleven",
    "customer": {
        "name": "コンビニ タロウ",
        "telno": "03-1234-5678",
        "email": "taro@example.com",
    },
    "sendid": "A-1001",
}


_MONEY = WithJsonSchema(
    {"type": "integer", "minimum": MONEY_RANGE.start, "maximum": MONEY_RANGE.stop - 1}
)
_STORE = WithJsonSchema({"type": "string", "enum": [*BY_SLUG, *STORES]})
_CUSTOMER = WithJsonSchema(
    {
        "type": "object",
        "required": sorted(CUSTOMER_FIELDS),
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "description": "In kana, up to 20 characters."},
            "telno": {"type": "string"},
            "email": {"type": "string"},
        },
    }
)


def _text(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", "null"], **schema})


class NewApplication(Value):
    """Request for a payment slip.

    Every field is checked by the rules of Zeus, and all faults are told at once.
    """

    # The rules are checked by `check_request`, so that one answer has all the faults.
    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "required": ["money", "store", "customer"],
            "additionalProperties": False,
            "examples": [_EXAMPLE],
        },
    )

    money: Annotated[Any, _MONEY] = None
    """Yen, as a whole number."""
    store: Annotated[Any, _STORE] = None
    """Store chain at which the customer pays, by name or code."""
    customer: Annotated[Any, _CUSTOMER] = None
    """Customer. Hiragana and half-width kana become full-width katakana; kanji are refused."""
    sendid: Annotated[Any, _text(maxLength=25)] = None
    """The shop's own number of the purchase. Zeus repeats it in every call."""
    sendpoint: Annotated[Any, _text(maxLength=50)] = None
    """The shop's own value in place of the relay's signed reference."""
    clientip: Annotated[Any, _text(pattern="^[0-9]{10}$")] = None
    """IPコード. Missing: the only one of RELAY_IP_CODES."""
    test: Annotated[Any, _text(enum=[*TestKind, None])] = None
    """Kind of a test application. It needs RELAY_TEST_ID."""
    replaces: Annotated[Any, _text(format="uuid")] = None
    """Id of an earlier application of the same purchase whose slip may still be paid."""


class StoreOfApplication(Value):
    """Store chain at which the customer pays."""

    code: Annotated[str, Field(examples=["D001"])]
    name: Annotated[str | None, Field(examples=["セブン-イレブン"])]


class SlipNumber(Value):
    """Number that the customer needs to pay, with the label that the store chain uses."""

    label: Annotated[str, Field(examples=["払込票番号"])]
    value: Annotated[str, Field(examples=["1234567890123"])]


class MessageText(Value):
    """Text for the customer."""

    ja: str
    en: str


class ApplicationProblem(Value):
    """Error that Zeus answered."""

    zeus_code: Annotated[str | None, Field(examples=["0008"])]
    """Error code of Zeus, a string whose leading zeros count. None if Zeus named a parameter."""
    field: Annotated[str | None, Field(examples=["/customer/name"])]
    """JSON pointer to the field of the request that Zeus refused, if it named one."""
    who_can_act: WhoCanAct
    retry: Retry
    message: MessageText


class OrderOfApplication(Value):
    """Order that calls made for the slip."""

    state: OrderState


class Application(Value):
    """Application for a payment slip, with what came of it."""

    id: UUID
    state: ApplicationState
    money: Annotated[int, Field(examples=[5400])]
    """Yen."""
    currency: Literal["JPY"] = "JPY"
    store: StoreOfApplication
    order_no: Annotated[str | None, Field(examples=["1234-56789-01234"])]
    payment_numbers: list[SlipNumber] | None
    """Numbers to pay with; None without a slip, or when there is nothing to pay any more."""
    payment_deadline: Annotated[str | None, Field(examples=["2026-12-31"])]
    """Last day to pay, in Japan."""
    deadline_at: Moment | None
    """End of that day in Japan."""
    deadline_assumed: bool
    """True, since Zeus tells no time of day; False without a deadline."""
    redirect_url: Annotated[str | None, Field(examples=["https://pay.example/1"])]
    """Page for the customer to go to (セブン-イレブン); None as with `payment_numbers`."""
    error: ApplicationProblem | None
    message: MessageText
    """Text for the customer: how to pay, or what to do now."""
    sendid: str | None
    sendpoint: str
    clientip: Annotated[str, Field(examples=["2012000001"])]
    test: TestKind | None
    replaces: UUID | None
    created_at: Moment
    created_by: Annotated[str, Field(examples=["shop"])]
    """Name of the token that applied."""
    sent_at: Moment | None
    answered_at: Moment | None
    called_at: Moment | None
    """Time of the first call about the slip."""
    resolved_at: Moment | None
    """Time at which an unknown outcome became known."""
    resolved_by: Annotated[str | None, Field(examples=["call"])]
    """`call`, `answer`, or the name of the operator who resolved it."""
    customer: dict[str, Any] | None
    """Customer as sent; each value is `***` unless requested. None once erased."""
    order: OrderOfApplication | None


class ApplicationPage(Page[Application]):
    """Applications, the newest first."""


class ApplicationResolution(Value):
    """Outcome of an unknown application, as an operator found it in Zeus's console."""

    model_config = ConfigDict(extra="forbid")

    order_no: Annotated[
        Line | None, Field(pattern=r"^[0-9A-Za-z.-]{1,50}$", examples=["1234-56789-01234"])
    ] = None
    """Order number of the slip, if Zeus made one."""
    outcome: Literal["failed"] | None = None
    """`failed` if Zeus made no slip."""
