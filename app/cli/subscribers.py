"""`zeus-relay subscribers`: the systems that get webhooks."""

from datetime import timedelta
from typing import Annotated

import typer

from app.cli.context import FAILED, Desk, given, must_be_text, run
from app.cli.output import AsJson, print_fields, print_json, print_table
from app.operating import subscribers as operating
from app.operating.outbound import WebhookState
from app.operating.rotation import Rotation, rotate_secret
from app.operating.subscribers import NewSubscriber, Subscriber, SubscriberWithSecret
from app.operating.trial import DEFAULT_WAIT_SECONDS, Trial, send_test
from app.settings import parse_duration

app = typer.Typer(help="The systems that get webhooks.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The subscriber's name.", callback=must_be_text, show_default=False)]
Events = Annotated[
    str | None, typer.Option("--events", help="The types of events it gets, with commas. (default: all)", show_default=False)
]
Secret = Annotated[str | None, typer.Option("--secret", help="A signing secret of your own, whsec_…  (default: one is made)")]


@app.command()
def add(
    name: Name,
    url: Annotated[str, typer.Argument(help="Where webhooks are sent.", show_default=False)],
    events: Events = None,
    customer: Annotated[bool, typer.Option("--customer", help="Send the customer's name, telephone number and e-mail address.")] = False,
    secret: Secret = None,
    as_json: AsJson = False,
) -> None:
    """Add a subscriber. Its signing secret is shown this once."""
    new = given(NewSubscriber, name=name, url=url, event_types=event_types_of(events), customer=customer, secret=secret)
    added = run(lambda desk: operating.add_subscriber(desk.sessions, desk.vault, new, desk.rules, desk.actor))
    _print_with_secret(added, as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the subscribers."""
    found = run(lambda desk: operating.list_subscribers(desk.sessions))
    if as_json:
        print_json(found)
    elif not found.items:
        typer.echo("There are no subscribers; `zeus-relay subscribers add NAME URL` adds one.")
    else:
        print_table(["NAME", "STATE", "EVENTS", "CUSTOMER", "URL"], [_row(subscriber) for subscriber in found.items])


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a subscriber and what is owed to it."""
    found = run(lambda desk: operating.show_subscriber(desk.sessions, name))
    if as_json:
        print_json(found)
        return
    print_fields({**_fields(found), "pending": found.pending, "dead": found.dead})
    print_table(["SECRET OF", "EXPIRES"], [(secret.created_at, secret.expires_at) for secret in found.secrets])


@app.command()
def pause(
    name: Name,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why, for others to read.", callback=must_be_text, show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold what is owed to a subscriber until it is resumed."""
    _print(run(lambda desk: operating.pause_subscriber(desk.sessions, name, reason, desk.actor)), as_json=as_json)


@app.command()
def resume(name: Name, as_json: AsJson = False) -> None:
    """Send again, beginning with what was held."""
    _print(run(lambda desk: operating.resume_subscriber(desk.sessions, name, desk.actor)), as_json=as_json)


@app.command("rotate-secret")
def rotate_secret_(
    name: Name,
    overlap: Annotated[str, typer.Option("--overlap", help="How long the earlier secret signs as well, 0 to 7d.")] = "24h",
    secret: Secret = None,
    as_json: AsJson = False,
) -> None:
    """Give a subscriber a new signing secret, shown this once."""
    try:
        hours = parse_duration(overlap) / timedelta(hours=1)
    except (ValueError, OverflowError):
        raise typer.BadParameter("must be a duration between 0 and 7d, such as 24h", param_hint="--overlap") from None
    rotation = given(Rotation, overlap_hours=hours, secret=secret)
    _print_with_secret(run(lambda desk: rotate_secret(desk.sessions, desk.vault, name, rotation, desk.actor)), as_json=as_json)


@app.command("test")
def send_test_(
    name: Name,
    wait: Annotated[float, typer.Option("--wait", min=0, max=30, help="Seconds to wait for the first attempt.")] = DEFAULT_WAIT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Send a test webhook and tell what came of it. Exits with 1 unless it was delivered, or with --wait 0 owed."""
    trial = run(lambda desk: send_test(desk.sessions, name, desk.actor, wait))
    if as_json:
        print_json(trial)
    else:
        print_fields(_trial_fields(trial))
    if wait and trial.state is not WebhookState.DELIVERED:
        raise typer.Exit(FAILED)


@app.command()
def remove(name: Name) -> None:
    """Forget a subscriber's URL and secrets and cancel what is owed to it. Its history stays."""

    async def action(desk: Desk) -> bool:
        subscriber = await operating.show_subscriber(desk.sessions, name)
        await operating.remove_subscriber(desk.sessions, name, desk.actor)
        return subscriber.declared

    if run(action):
        typer.echo("RELAY_SUBSCRIBERS declares it: the next start adds it again unless it is taken out there.", err=True)
    typer.echo(f"removed {name}")


def event_types_of(text: str | None) -> list[str] | None:
    """The names in a list with commas, None for none given."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _print(subscriber: Subscriber, *, as_json: bool) -> None:
    if as_json:
        print_json(subscriber)
    else:
        print_fields(_fields(subscriber))


def _print_with_secret(subscriber: SubscriberWithSecret, *, as_json: bool) -> None:
    if as_json:
        print_json(subscriber)
        return
    print_fields({**_fields(subscriber), "secret": subscriber.secret})
    typer.echo("The secret is not shown again.", err=True)


def _row(subscriber: Subscriber) -> tuple[object, ...]:
    state = f"{subscriber.state} ({subscriber.pause_reason})" if subscriber.pause_reason else subscriber.state.value
    return subscriber.name, state, subscriber.event_types or "all", subscriber.customer, subscriber.url


def _fields(subscriber: Subscriber) -> dict[str, object]:
    fields: dict[str, object] = dict(zip(("name", "state", "events", "customer", "url"), _row(subscriber), strict=True))
    return {**fields, "declared": subscriber.declared, "created": subscriber.created_at}


def _trial_fields(trial: Trial) -> dict[str, object]:
    attempt = trial.attempt
    if attempt is None:
        return {"webhook-id": trial.event_id, "state": trial.state, "attempt": "none yet; is a worker running?"}
    return {
        "webhook-id": trial.event_id,
        "state": trial.state,
        "outcome": attempt.outcome,
        "status": attempt.http_status,
        "duration": f"{attempt.duration_ms} ms",
        "answer": attempt.excerpt,
    }
