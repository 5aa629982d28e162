"""Output of `zeus-relay subscribers`: fields, rows and secrets."""

import typer

from app.cli.output import print_fields, print_json
from app.events.signature import PUBLIC_PREFIX
from app.operations.subscribers.models import Subscriber, SubscriberWithSecret
from app.operations.subscribers.test_webhook import Trial


def print_subscriber(subscriber: Subscriber, *, as_json: bool) -> None:
    """Print a subscriber as fields, or as JSON."""
    if as_json:
        print_json(subscriber)
    else:
        print_fields(subscriber_fields(subscriber))


def print_with_secret(subscriber: SubscriberWithSecret, *, as_json: bool) -> None:
    """Print a subscriber with its new secret, public key or token."""
    if as_json:
        print_json(subscriber)
        return
    shown = (
        "public key"
        if subscriber.secret.startswith(PUBLIC_PREFIX)
        else "token"
        if subscriber.feed
        else "secret"
    )
    print_fields({**subscriber_fields(subscriber), shown: subscriber.secret})
    if not subscriber.secret.startswith(PUBLIC_PREFIX):
        typer.echo("The secret is not shown again.", err=True)


def subscriber_row(subscriber: Subscriber) -> tuple[object, ...]:
    """Return a subscriber's row of the list."""
    state = (
        f"{subscriber.state} ({subscriber.pause_reason})"
        if subscriber.pause_reason
        else subscriber.state.value
    )
    return (
        subscriber.name,
        state,
        subscriber.event_types or "all",
        subscriber.customer,
        "(polls)" if subscriber.feed else subscriber.url,
    )


def subscriber_fields(subscriber: Subscriber) -> dict[str, object]:
    """Return the fields of a subscriber that `show` prints."""
    fields: dict[str, object] = dict(
        zip(("name", "state", "events", "customer", "url"), subscriber_row(subscriber), strict=True)
    )
    fields["tests"] = subscriber.test
    if not subscriber.feed:
        fields |= {"in sequence": subscriber.ordered, "max in flight": subscriber.max_in_flight}
    if subscriber.timeout_ms is not None:
        fields["timeout"] = f"{subscriber.timeout_ms / 1000:g} s"
    if subscriber.rate_limit is not None:
        fields["rate limit"] = f"{subscriber.rate_limit} a second"
    if subscriber.header_names:
        fields["headers"] = subscriber.header_names
    if subscriber.private_ca:
        fields["authority"] = "private"
    if subscriber.client_certificate_expires_at:
        fields["certificate until"] = subscriber.client_certificate_expires_at
    return {**fields, "declared": subscriber.declared, "created": subscriber.created_at}


def result_fields(result: Trial) -> dict[str, object]:
    """Return the fields of a test webhook's result."""
    attempt = result.attempt
    if attempt is None:
        return {
            "webhook-id": result.event_id,
            "state": result.state,
            "attempt": "none yet; is a worker running?",
        }
    return {
        "webhook-id": result.event_id,
        "state": result.state,
        "outcome": attempt.outcome,
        "status": attempt.http_status,
        "duration": f"{attempt.duration_ms} ms",
        "answer": attempt.excerpt,
    }
