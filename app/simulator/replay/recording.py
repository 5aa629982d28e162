"""Recording of an operational test: a JSON object a line, in the order of what happened."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from app.simulator.player.target import Method
from app.simulator.state.faults import Strict
from app.simulator.state.transitions import SlipAction


class RecordedApplication(Strict):
    """An application and its answer.

    `body` is the form as it was posted, escaped; characters that are not ASCII stand for their
    bytes in Shift_JIS. `answer` is the body of the answer as text, with its line ends.
    """

    type: Literal["application"]
    body: str = Field(repr=False)
    answer: str = Field(repr=False)


class RecordedAction(Strict):
    """What a person did at the till or in the sales console with the order of this number."""

    type: Literal["action"]
    order_no: str
    action: SlipAction


class RecordedWait(Strict):
    """Time that passed."""

    type: Literal["wait"]
    minutes: float = Field(gt=0, le=60 * 24 * 100)


class RecordedCall(Strict):
    """A call that came, and the HTTP status that it was answered with.

    `query` holds the parameters as they were sent, escaped, in the URL or in the body.
    """

    type: Literal["call"]
    query: str = Field(repr=False)
    method: Method = Method.GET
    http_version: str = "1.0"
    user_agent: bool = False
    answered: int = Field(200, ge=200, le=599)


class RecordedMail(Strict):
    """A mail that the merchant got."""

    type: Literal["mail"]
    subject: str
    text: str = Field(repr=False)


Recorded = RecordedApplication | RecordedAction | RecordedWait | RecordedCall | RecordedMail
_LINE: TypeAdapter[Recorded] = TypeAdapter(Annotated[Recorded, Field(discriminator="type")])


class UnreadableRecording(Exception):
    """The recording cannot be read; the text says where and why, but no value."""


def read_recording(path: Path) -> list[Recorded]:
    """Return what a recording holds; empty lines count for nothing.

    Raises:
        UnreadableRecording: the file or a line of it cannot be read.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableRecording(f"{path}: {type(error).__name__}") from None
    return [_recorded(line, number) for number, line in enumerate(lines, 1) if line.strip()]


def _recorded(line: str, number: int) -> Recorded:
    try:
        return _LINE.validate_json(line)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise UnreadableRecording(f"line {number}: {where or 'line'}: {fault['msg']}") from None
