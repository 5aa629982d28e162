"""`zeus-relay subscribers`: the systems that receive webhooks."""

from datetime import timedelta
from typing import Annotated

import typer

from app.cli.context import FAILED, CommandContext, given, must_be_text, run
from app.cli.output import AsJson, print_fields, print_json, print_table
from app.cli.subscriber_options import (
    AttemptTimeout,
    CaFile,
    CertificateFile,
    Headers,
    MaxInFlight,
    Ordered,
    RateLimit,
    Without,
    connection_fields_of,
    pace_of,
)
from app.cli.subscriber_output import (
    print_subscriber,
    print_with_secret,
    result_fields,
    subscriber_fields,
    subscriber_row,
)
from app.operations.deliveries.models import WebhookState
from app.operations.subscribers import pause as pauses
from app.operations.subscribers import subscribers as operations
from app.operations.subscribers.models import (
    NewSubscriber,
    OfTests,
    SubscriberChange,
)
from app.operations.subscribers.rotation import Rotation, rotate_secret
from app.operations.subscribers.test_webhook import DEFAULT_WAIT_SECONDS, send_test
from app.settings import parse_duration

app = typer.Typer(help="Systems that receive webhooks.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(help="The subscriber's name.", callback=must_be_text, show_default=False)
]
Events = Annotated[
    str | None,
    typer.Option(
        "--events",
        help="Event types to send, separated by commas. (default: all)",
        show_default=False,
    ),
]
Tests = Annotated[
    OfTests | None,
    typer.Option("--test", help="Events of test orders. (default: exclude)", show_default=False),
]
Asymmetric = Annotated[
    bool,
    typer.Option(
        "--asymmetric",
        help="Sign with Ed25519; the subscriber gets a public key instead of a secret.",
    ),
]
Secret = Annotated[
    str | None,
    typer.Option("--secret", help="Your own signing secret, whsec_… (default: generated)"),
]


@app.command()
def add(
    name: Name,
    url: Annotated[
        str | None,
        typer.Argument(help="URL for webhooks; omit it with --feed.", show_default=False),
    ] = None,
    events: Events = None,
    customer: Annotated[
        bool,
        typer.Option(
            "--customer", help="Include the customer's name, telephone number and e-mail address."
        ),
    ] = False,
    test: Tests = None,
    feed: Annotated[
        bool,
        typer.Option(
            "--feed",
            help="For a system that cannot be called: it polls GET /v1/events with a token.",
        ),
    ] = False,
    secret: Secret = None,
    asymmetric: Asymmetric = False,
    header: Headers = None,
    ca: CaFile = None,
    client_certificate: CertificateFile = None,
    ordered: Ordered = None,
    max_in_flight: MaxInFlight = None,
    timeout: AttemptTimeout = None,
    rate_limit: RateLimit = None,
    as_json: AsJson = False,
) -> None:
    """Add a subscriber. Its signing secret, public key or token is shown only once."""
    asked: dict[str, object] = {
        "name": name,
        "url": url,
        "event_types": event_types_of(events),
        "customer": customer,
        "feed": feed,
    }
    asked |= connection_fields_of(header, ca, client_certificate) | pace_of(
        ordered, max_in_flight, timeout, rate_limit
    )
    asked |= {"test": test} if test else {}
    new = given(NewSubscriber, **asked, secret=secret, asymmetric=asymmetric)
    added = run(
        lambda context: operations.add_subscriber(
            context.sessions, context.vault, new, context.rules, context.actor
        )
    )
    print_with_secret(added, as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the subscribers."""
    found = run(lambda context: operations.list_subscribers(context.sessions))
    if as_json:
        print_json(found)
    elif not found.items:
        typer.echo("There are no subscribers; `zeus-relay subscribers add NAME URL` adds one.")
    else:
        print_table(
            ["NAME", "STATE", "EVENTS", "CUSTOMER", "URL"],
            [subscriber_row(subscriber) for subscriber in found.items],
        )


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a subscriber and its numbers of pending and dead webhooks."""
    found = run(lambda context: operations.show_subscriber(context.sessions, name))
    if as_json:
        print_json(found)
        return
    print_fields({**subscriber_fields(found), "pending": found.pending, "dead": found.dead})
    rows = [(secret.created_at, secret.expires_at, secret.public_key) for secret in found.secrets]
    print_table(["SECRET OF", "EXPIRES", "PUBLIC KEY"], rows)


@app.command("set")
def set_(
    name: Name,
    url: Annotated[
        str | None, typer.Option("--url", help="URL for webhooks.", show_default=False)
    ] = None,
    events: Annotated[
        str | None,
        typer.Option(
            "--events",
            help="Event types to send, separated by commas, or `all`.",
            show_default=False,
        ),
    ] = None,
    customer: Annotated[
        bool | None,
        typer.Option(
            "--customer/--no-customer",
            help="Include the customer's data in webhooks.",
            show_default=False,
        ),
    ] = None,
    test: Annotated[
        OfTests | None,
        typer.Option("--test", help="Events of test orders.", show_default=False),
    ] = None,
    header: Headers = None,
    ca: CaFile = None,
    client_certificate: CertificateFile = None,
    ordered: Ordered = None,
    max_in_flight: MaxInFlight = None,
    timeout: AttemptTimeout = None,
    rate_limit: RateLimit = None,
    without: Without = None,
    as_json: AsJson = False,
) -> None:
    """Change a subscriber; other fields stay. Given headers replace all earlier ones."""
    asked: dict[str, object] = {"url": url, "customer": customer, "test": test}
    asked |= connection_fields_of(header, ca, client_certificate, without)
    asked |= pace_of(ordered, max_in_flight, timeout, rate_limit)
    if events is not None:
        asked["event_types"] = None if events == "all" else event_types_of(events)
    change = given(SubscriberChange, **asked)
    print_subscriber(
        run(
            lambda context: operations.change_subscriber(
                context.sessions, context.vault, name, change, context.rules, context.actor
            )
        ),
        as_json=as_json,
    )


@app.command()
def pause(
    name: Name,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason",
            help="The reason, for other operators.",
            callback=must_be_text,
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pause a subscriber: its webhooks stay pending until it is resumed."""
    print_subscriber(
        run(lambda context: pauses.pause_subscriber(context.sessions, name, reason, context.actor)),
        as_json=as_json,
    )


@app.command()
def resume(name: Name, as_json: AsJson = False) -> None:
    """Resume a paused subscriber, starting with its pending webhooks."""
    print_subscriber(
        run(lambda context: pauses.resume_subscriber(context.sessions, name, context.actor)),
        as_json=as_json,
    )


@app.command("rotate-secret")
def rotate_secret_(
    name: Name,
    overlap: Annotated[
        str,
        typer.Option("--overlap", help="Time during which the earlier secret also signs, 0 to 7d."),
    ] = "24h",
    secret: Secret = None,
    asymmetric: Asymmetric = False,
    as_json: AsJson = False,
) -> None:
    """Replace a subscriber's signing secret, or the token of one that polls; shown only once."""
    try:
        hours = parse_duration(overlap) / timedelta(hours=1)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "must be a duration between 0 and 7d, such as 24h", param_hint="--overlap"
        ) from None
    rotation = given(Rotation, overlap_hours=hours, secret=secret, asymmetric=asymmetric)
    print_with_secret(
        run(
            lambda context: rotate_secret(
                context.sessions, context.vault, name, rotation, context.actor
            )
        ),
        as_json=as_json,
    )


@app.command("test")
def send_test_(
    name: Name,
    wait: Annotated[
        float, typer.Option("--wait", min=0, max=30, help="Seconds to wait for the first attempt.")
    ] = DEFAULT_WAIT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Send a test webhook and show the result.

    Exits with 1 unless it was delivered, or with --wait 0 unless it was enqueued.
    """
    result = run(lambda context: send_test(context.sessions, name, context.actor, wait))
    if as_json:
        print_json(result)
    else:
        print_fields(result_fields(result))
    if wait and result.state is not WebhookState.DELIVERED:
        raise typer.Exit(FAILED)


@app.command()
def remove(name: Name) -> None:
    """Remove a subscriber: erase URL and secrets, cancel pending webhooks. History stays."""

    async def action(context: CommandContext) -> bool:
        subscriber = await operations.show_subscriber(context.sessions, name)
        await operations.remove_subscriber(context.sessions, name, context.actor)
        return subscriber.declared

    if run(action):
        typer.echo(
            "RELAY_SUBSCRIBERS declares this subscriber: "
            "the next start adds it again unless you remove it there.",
            err=True,
        )
    typer.echo(f"removed {name}")


def event_types_of(text: str | None) -> list[str] | None:
    """Return the names in a list separated by commas, or None if none is given."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
