"""Output of applications on the command line."""

import typer

from app.applications.states import ApplicationState
from app.cli.output import cell_of, print_fields, print_json
from app.operations.applications.models import Application

EXIT_CODES = {
    ApplicationState.ACCEPTED: 0,
    ApplicationState.SENDING: 3,
    ApplicationState.UNKNOWN: 3,
    ApplicationState.FAILED: 4,
    ApplicationState.REJECTED: 4,
    ApplicationState.NOT_SENT: 5,
}
"""Exit code of `zeus-relay apply` for each state. 1 and 2 are those of every command."""


def print_application(application: Application, *, as_json: bool) -> None:
    """Print an application with the text for its customer."""
    if as_json:
        print_json(application)
        return
    print_fields(_fields(application))
    for language, text in (("ja", application.message.ja), ("en", application.message.en)):
        typer.echo(f"\nFor the customer ({language})")
        for line in text.splitlines():
            typer.echo(f"  {cell_of(line)}")


def _fields(application: Application) -> dict[str, object]:
    error, order = application.error, application.order
    return {
        "id": application.id,
        "state": application.state,
        "money": f"{application.money:,} yen",
        "store": f"{application.store.code} {application.store.name or ''}",
        "order_no": application.order_no,
        "order": order.state if order else None,
        **{number.label: number.value for number in application.payment_numbers or ()},
        "deadline": application.payment_deadline,
        "redirect": application.redirect_url,
        **(
            {
                "error code": error.zeus_code,
                "error field": error.field,
                "who can act": error.who_can_act,
                "retry": error.retry,
            }
            if error
            else {}
        ),
        "sendid": application.sendid,
        "sendpoint": application.sendpoint,
        "IPコード": application.clientip,
        "test": application.test,
        "replaces": application.replaces,
        "created": application.created_at,
        "created by": application.created_by,
        "sent": application.sent_at,
        "answered": application.answered_at,
        "first call": application.called_at,
        "resolved": application.resolved_at,
        "resolved by": application.resolved_by,
        **{f"customer {name}": value for name, value in (application.customer or {}).items()},
    }
