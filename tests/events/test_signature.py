"""Signatures: the specification's own examples, and refusal of anything altered, late or signed by
another.
"""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from app.events.payload import body
from app.events.signature import (
    check_secret,
    new_private_key,
    new_secret,
    public_key_of,
    signed_headers,
)

# Examples of the specification's reference libraries: the same id, time and body signed in both
# ways.
EXAMPLE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
EXAMPLE_AT = datetime.fromtimestamp(1614265330, UTC)
EXAMPLE_BODY = b'{"test": 2432232314}'
EXAMPLES = {
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=": (
        "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
    ),
}
EVENT = body(
    "payment.received",
    datetime.now(UTC),
    '{"order_no":"1234-56789-01234","store":"セブン-イレブン"}',
)


@pytest.mark.parametrize("key", EXAMPLES)
def test_the_examples_of_the_specification_come_out(key: str) -> None:
    assert signed_headers(EXAMPLE_ID, EXAMPLE_AT, EXAMPLE_BODY, [key]) == {
        "webhook-id": EXAMPLE_ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": EXAMPLES[key],
    }


def test_one_header_carries_both_versions() -> None:
    headers = signed_headers(EXAMPLE_ID, EXAMPLE_AT, EXAMPLE_BODY, list(EXAMPLES))
    assert " ".join(EXAMPLES.values()) == headers["webhook-signature"]


def verify_asymmetric(public_key: str, headers: dict[str, str], sent: bytes) -> None:
    """Verify as a subscriber with a general cryptographic library does. Raises InvalidSignature."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + sent
    versions = dict(signature.split(",") for signature in headers["webhook-signature"].split(" "))
    key.verify(base64.b64decode(versions["v1a"]), content)


def test_the_public_key_verifies_and_nothing_that_was_changed_passes() -> None:
    private = new_private_key()
    public = public_key_of(private)
    assert public is not None
    assert public.startswith("whpk_")
    headers = signed_headers("msg-1", datetime.now(UTC), EVENT, [private])
    verify_asymmetric(public, headers, EVENT)
    other = public_key_of(new_private_key())
    assert other is not None
    later = str(int(headers["webhook-timestamp"]) + 1)
    for key, sent_headers, sent in (
        (public, headers, EVENT.replace(b"1234-", b"1235-")),
        (public, {**headers, "webhook-id": "msg-2"}, EVENT),
        (public, {**headers, "webhook-timestamp": later}, EVENT),
        (other, headers, EVENT),
    ):
        with pytest.raises(InvalidSignature):
            verify_asymmetric(key, sent_headers, sent)


def test_the_official_library_passes_over_the_version_it_does_not_know() -> None:
    secret, private = new_secret(), new_private_key()
    headers = signed_headers("msg-1", datetime.now(UTC), EVENT, [private, secret])
    assert "payment.received" == Webhook(secret).verify(EVENT, headers)["type"]
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(EVENT, headers)


def test_the_official_library_rejects_a_changed_late_or_early_webhook() -> None:
    secret = new_secret()
    now = datetime.now(UTC)
    headers = signed_headers("msg-1", now, EVENT, [secret])
    for number in range(0, len(EVENT), 17):
        changed = EVENT[:number] + bytes([EVENT[number] ^ 1]) + EVENT[number + 1 :]
        with pytest.raises((WebhookVerificationError, UnicodeDecodeError)):
            Webhook(secret).verify(changed, headers)
    for minutes in (-6, 6):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(
                EVENT, signed_headers("msg-1", now + timedelta(minutes=minutes), EVENT, [secret])
            )


@pytest.mark.parametrize(
    "secret",
    [new_secret(), new_private_key(), "whsec_" + "A" * 32, *EXAMPLES],
    ids=lambda secret: secret.partition("_")[0],
)
def test_secrets_of_either_kind_are_taken(secret: str) -> None:
    check_secret(secret)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsk_",
        "hunter2",
        "whsec_" + "A" * 28,
        "whsec_" + "A" * 92,
        "whsk_" + "A" * 32,
        "whpk_" + "A" * 43 + "=",
        "whsk_あ",
        "A" * 32,
    ],
)
def test_a_wrong_secret_is_rejected_without_being_quoted(secret: str) -> None:
    with pytest.raises(ValueError) as refused:
        check_secret(secret)
    assert not secret[6:] or secret not in str(refused.value)
    assert public_key_of(new_secret()) is None
