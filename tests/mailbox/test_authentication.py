"""Who is believed: valid signatures of named domains, and nothing that only looks like them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.mailbox.authentication import (
    SIZE_LIMIT,
    Belief,
    BeliefReason,
    BeliefRules,
    belief_of,
)
from app.mailbox.message import texts_of
from tests.mailbox.debians_dkim import DebiansDkim, can_run, debians_dkim
from tests.mailbox.signing import Records, Signer, rsa

ZEUS = Signer("zeus.example", rsa())
STRANGER = Signer("stranger.example", rsa())
FORWARDER = Signer("forwarder.example", rsa())
MAIL = (
    b"From: Zeus <info@zeus.example>\r\n"
    b"To: shop@shop.example\r\n"
    b"Subject: =?ISO-2022-JP?B?GyRCRn42YkIuSnMbKEI=?=\r\n"
    b"Date: Fri, 27 Nov 2026 10:00:00 +0900\r\n"
    b"\r\n"
    b"first  line \r\n"
    b"second\tline\r\n"
    b"\r\n"
    b"\r\n"
)
needs_dkimpy = pytest.mark.skipif(
    not can_run(), reason="needs python3-dkim and python3-authres of Debian"
)


@pytest.fixture
def records() -> Records:
    signers = (ZEUS, STRANGER, FORWARDER)
    return Records({signer.name: [signer.record()] for signer in signers})


@pytest.fixture
def rules(records: Records) -> BeliefRules:
    return BeliefRules.of(["Zeus.example"], ["forwarder.example"], ["mx.shop.example"], records)


@pytest.fixture(scope="module")
def dkimpy() -> Iterator[DebiansDkim]:
    with debians_dkim() as running:
        yield running


def believed(reason: BeliefReason) -> Belief:
    return Belief(True, reason)


def refused(why: str) -> Belief:
    return Belief(False, why)


def wrong(what: str) -> Belief:
    return Belief(False, f"signature_not_valid: {what}")


@needs_dkimpy
@pytest.mark.parametrize("header_form", ["simple", "relaxed"])
@pytest.mark.parametrize("body_form", ["simple", "relaxed"])
@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"x", b" \t \r\n \r\n\r\n", MAIL.split(b"\r\n\r\n")[1]]
)
async def test_signatures_of_another_program_are_valid(
    rules: BeliefRules, dkimpy: DebiansDkim, header_form: str, body_form: str, body: bytes
) -> None:
    raw = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    signed = dkimpy.sign(raw, "zeus.example", ZEUS.pem(), (header_form, body_form))

    assert await belief_of(signed, rules) == believed(BeliefReason.DKIM)
    unix = signed.replace(b"\r\n", b"\n")
    assert await belief_of(unix, rules) == believed(BeliefReason.DKIM)
    assert await belief_of(signed + b"more", rules) == wrong("body altered")


@needs_dkimpy
async def test_another_program_agrees_with_our_signer(dkimpy: DebiansDkim) -> None:
    keys = {ZEUS.name: ZEUS.record().decode()}

    assert dkimpy.verifies(ZEUS.sign(MAIL), keys)
    assert not dkimpy.verifies(ZEUS.sign(MAIL).replace(b"first", b"worst"), keys)


async def test_a_signature_by_ed25519_is_valid(rules: BeliefRules, records: Records) -> None:
    signer = Signer("zeus.example", Ed25519PrivateKey.generate(), "ed")
    records.known[signer.name] = [signer.record()]

    assert await belief_of(signer.sign(MAIL), rules) == believed(BeliefReason.DKIM)
    altered = signer.sign(MAIL).replace(b"Fri", b"Sat")
    assert await belief_of(altered, rules) == wrong("signature")


async def test_a_mail_may_come_from_a_subdomain_of_the_signing_domain(rules: BeliefRules) -> None:
    mail = MAIL.replace(b"info@zeus.example", b"info@mail.zeus.example")

    assert await belief_of(ZEUS.sign(mail), rules) == believed(BeliefReason.DKIM)


@pytest.mark.parametrize(
    ("sender", "why"),
    [
        (b"info@evil.example", "other_sender"),
        (b"info@zeus.example.evil.example", "other_sender"),
        (b"info@notzeus.example", "other_sender"),
        (b"info@example", "no_sender"),
        (b'"info@zeus.example" <x@evil.example>', "other_sender"),
        (b"info@zeus.example <x@evil.example>", "no_sender"),
        (b"x@evil.example, info@zeus.example", "no_sender"),
        (b"info@zeus.example, x@evil.example", "no_sender"),
        (b"<x@evil.example> <info@zeus.example>", "no_sender"),
        (b"x@evil.example (info@zeus.example)", "other_sender"),
        (b"(x@evil.example) info@zeus.example (", "no_sender"),
        (b"x@evil.example@zeus.example", "no_sender"),
        (b'"x" <x@evil.example>\0<info@zeus.example>', "no_sender"),
        (b"group: info@zeus.example;", "no_sender"),
        (b"", "no_sender"),
    ],
)
async def test_the_sender_must_be_beyond_doubt(
    rules: BeliefRules, records: Records, sender: bytes, why: str
) -> None:
    mail = MAIL.replace(b"Zeus <info@zeus.example>", sender)

    assert await belief_of(ZEUS.sign(mail), rules) == refused(why)
    assert records.asked == [], "nobody asks for keys of a stranger's choice"


@pytest.mark.parametrize(
    "added",
    [
        b"From: x@evil.example\r\n",
        b"from : info@zeus.example\r\n",
        b"Subject: another\r\n",
        b"Content-Type: text/html\r\n",
        b"Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit\r\n",
    ],
)
async def test_a_field_that_was_added_to_a_signed_mail_is_not_believed(
    rules: BeliefRules, added: bytes
) -> None:
    mail = MAIL.replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain\r\n\r\n", 1)
    signed = ZEUS.sign(mail)

    assert await belief_of(signed, rules) == believed(BeliefReason.DKIM)
    assert await belief_of(added + signed, rules) == refused("field_twice")
    below = signed.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1)
    assert (await belief_of(below, rules)).believed is False


async def test_altered_mails_are_not_believed(rules: BeliefRules) -> None:
    signed = ZEUS.sign(MAIL)
    altered = {
        signed.replace(b"second", b"2nd"): "body altered",
        signed[:-20]: "body altered",
        signed.replace(b"Subject: =?", b"Subject: x=?"): "signature",
        signed.replace(b"info@zeus", b"post@zeus"): "signature",
        re.sub(rb"b=[A-Za-z0-9+/]{4}", b"b=AAAA", signed): "signature",
        re.sub(rb" b=[^\r]*", b" b=!", signed): "malformed",
        signed.replace(b"s=test", b"s=other"): "no key",
        signed.replace(b"h=from", b"h=to:from"): "signature",
    }

    for raw, what in altered.items():
        assert raw != signed
        assert await belief_of(raw, rules) == wrong(what)


async def test_only_signatures_of_the_named_domain_count(
    rules: BeliefRules, records: Records
) -> None:
    assert await belief_of(STRANGER.sign(MAIL), rules) == refused("unsigned")
    assert await belief_of(MAIL, rules) == refused("unsigned")
    assert records.asked == []
    both = STRANGER.sign(ZEUS.sign(MAIL))
    assert await belief_of(both, rules) == believed(BeliefReason.DKIM)


async def test_a_signature_must_cover_what_is_judged(rules: BeliefRules) -> None:
    needed = wrong("does not cover From and Subject")

    assert await belief_of(ZEUS.sign(MAIL, ["from", "date"]), rules) == needed
    assert await belief_of(ZEUS.sign(MAIL, ["subject", "date"]), rules) == needed
    for part in (0, 5, 10_000):
        assert await belief_of(ZEUS.sign(MAIL, part=part), rules) == refused("body_part_signed")


async def test_old_and_weak_signatures_are_refused(rules: BeliefRules, records: Records) -> None:
    now, passed = int(datetime.now(UTC).timestamp()), wrong("expired")

    assert await belief_of(ZEUS.sign(MAIL, tags=f" x={now - 1};"), rules) == passed
    assert await belief_of(ZEUS.sign(MAIL, tags=" x=soon;"), rules) == passed
    fresh = ZEUS.sign(MAIL, tags=f" x={now + 600};")
    assert await belief_of(fresh, rules) == believed(BeliefReason.DKIM)
    old = ZEUS.sign(MAIL, algorithm="rsa-sha1")
    assert await belief_of(old, rules) == wrong("algorithm")
    assert await belief_of(ZEUS.sign(MAIL, tags=" v=1;"), rules) == refused("unsigned")
    stranger = ZEUS.sign(MAIL, tags=" i=@evil.example;")
    assert await belief_of(stranger, rules) == wrong("malformed")


@pytest.mark.parametrize(
    ("found", "what"),
    [
        ([], "no key"),
        ([b"something else"], "no key"),
        ([b"v=DKIM1; p="], "the key was revoked"),
        ([b"v=DKIM1; p=AAAA"], "the key cannot be read"),
        ([b"v=DKIM2; p=AAAA"], "no key"),
        ([b"k=rsa; k=rsa; p=AAAA"], "malformed"),
        ([ZEUS.record("t=y;")], "the key is only a test"),
        ([ZEUS.record("h=sha1;")], "the key does not allow SHA-256"),
        ([ZEUS.record("s=tlsrpt;")], "the key is not for mail"),
        ([ZEUS.record("t=s;")], None),
        ([ZEUS.record("h=sha1:sha256; s=email; n=note;")], None),
        ([STRANGER.record()], "signature"),
        ([ZEUS.record(), STRANGER.record()], "several keys"),
        ([b"v=spf1 -all", ZEUS.record()], None),
    ],
)
async def test_keys_are_used_as_their_owner_allows(
    rules: BeliefRules, records: Records, found: list[bytes], what: str | None
) -> None:
    records.known[ZEUS.name] = found
    answer = wrong(what) if what else believed(BeliefReason.DKIM)

    assert await belief_of(ZEUS.sign(MAIL), rules) == answer


async def test_short_keys_are_refused(rules: BeliefRules, records: Records) -> None:
    signer = Signer("zeus.example", rsa(1024))
    records.known[signer.name] = [signer.record()]
    assert await belief_of(signer.sign(MAIL), rules) == believed(BeliefReason.DKIM)
    records.known[signer.name] = [b"v=DKIM1; p=" + KEY_OF_768_BITS]
    answer = await belief_of(signer.sign(MAIL), rules)
    assert answer == wrong("the key is too short or too long")


KEY_OF_768_BITS = (
    b"MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAK7iiXSZW6aAZDKFp6EaMiX680BhZekwpIz2mZUm9MW0xhYHbQq7"
    b"W7qcn1XWP4pNCSiJ0KGH6DU2xXCjMNm14PmsmLew1zYhkSOLP9wnnxVSgMqng6a+yg+F0Yz9D0qNlQIDAQAB"
)


async def test_without_an_answer_of_dns_the_question_stays_open(
    rules: BeliefRules, records: Records
) -> None:
    records.fails = True

    assert await belief_of(ZEUS.sign(MAIL), rules) == Belief(None, "dns_failed")
    assert await belief_of(MAIL, rules) == refused("unsigned")
    altered = ZEUS.sign(MAIL).replace(b"second", b"2nd")
    assert await belief_of(altered, rules) == wrong("body altered"), "that needs no key"


async def test_without_a_domain_nothing_is_believed(records: Records) -> None:
    rules = BeliefRules.of([], ["forwarder.example"], ["mx.shop.example"], records)

    assert await belief_of(ZEUS.sign(MAIL), rules) == refused("no_domains")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"no field\r\n" + MAIL,
        MAIL.replace(b"\r\nTo:", b"\r\nto whom it may concern\r\nTo:"),
        b"X: y\r\n" * 100_000 + MAIL,
    ],
)
async def test_messages_without_a_clean_header_are_not_believed(
    rules: BeliefRules, raw: bytes
) -> None:
    assert (await belief_of(ZEUS.sign(raw) if raw else raw, rules)).believed is False


async def test_a_very_large_message_is_not_believed(rules: BeliefRules) -> None:
    assert await belief_of(MAIL + b"x" * SIZE_LIMIT, rules) == refused("too_large")


PASS = b"Authentication-Results: mx.shop.example; dkim=pass header.d=zeus.example\r\n"


@pytest.mark.parametrize(
    "field",
    [
        b"mx.shop.example; dkim=pass header.d=zeus.example",
        b"MX.Shop.Example 1;\r\n spf=fail smtp.mailfrom=x@y.example;\r\n"
        b"\tdkim=pass (2048-bit key; zeus) header.d=Zeus.Example header.i=@zeus.example",
        b"mx.shop.example; dkim=pass header.i=@zeus.example header.s=x header.b=a/b+c",
        b'mx.shop.example; dkim=fail header.d=zeus.example; dkim="pass" header.d="zeus.example"',
        b"mx.shop.example; dmarc=pass (p=reject) header.from=zeus.example",
        b"mx.shop.example (our; server); dkim/1=pass header.d=zeus.example",
    ],
)
async def test_the_topmost_results_of_an_own_server_are_believed(
    rules: BeliefRules, field: bytes
) -> None:
    raw = b"Received: by mx.shop.example\r\nAuthentication-Results: " + field + b"\r\n" + MAIL

    assert await belief_of(raw, rules) == believed(BeliefReason.RESULTS)


@pytest.mark.parametrize(
    "field",
    [
        b"mx.shop.example; none",
        b"mx.shop.example; dkim=fail header.d=zeus.example",
        b"mx.shop.example; dkim=pass header.d=evil.example",
        b"mx.shop.example; dkim=pass header.d=zeus.example.evil.example",
        b"mx.shop.example; dkim=pass header.d=evil.example header.d=zeus.example",
        b"mx.shop.example; dkim=pass",
        b"mx.shop.example; spf=pass smtp.mailfrom=info@zeus.example",
        b"mx.shop.example; dmarc=pass header.from=evil.example",
        b"mx.shop.example; dkim=fail (dkim=pass header.d=zeus.example)",
        b'mx.shop.example; spf=fail reason="; dkim=pass header.d=zeus.example"',
        b'mx.shop.example; spf=fail reason="\\"; dkim=pass header.d=zeus.example;"',
        b"mx.shop.example; dkim=neutral (dkim=pass header.d=zeus.example; dkim=pass",
        b"other.example; dkim=pass header.d=zeus.example",
        b"mx.shop.example.evil.example; dkim=pass header.d=zeus.example",
        b"(mx.shop.example) evil.example; dkim=pass header.d=zeus.example",
        b"dkim=pass header.d=zeus.example",
        b"; dkim=pass header.d=zeus.example",
        b"",
    ],
)
async def test_other_results_are_not_believed(rules: BeliefRules, field: bytes) -> None:
    raw = b"Authentication-Results: " + field + b"\r\n" + MAIL

    assert await belief_of(raw, rules) == refused("unsigned")
    below = raw.replace(MAIL, PASS + MAIL)
    assert await belief_of(below, rules) == refused("unsigned"), "a lower one is the sender's"


async def test_results_do_not_help_another_sender_or_a_part_of_the_body(
    rules: BeliefRules,
) -> None:
    stranger = MAIL.replace(b"info@zeus.example", b"info@evil.example")

    assert await belief_of(PASS + stranger, rules) == refused("other_sender")
    assert await belief_of(PASS + ZEUS.sign(MAIL, part=5), rules) == refused("body_part_signed")


def attached(raw: bytes, *, sender: bytes = b"clerk@shop.example", above: bytes = b"") -> bytes:
    return (
        above + b"From: " + sender + b"\r\nSubject: Fwd\r\nContent-Type: multipart/mixed;"
        b" boundary=xx\r\n\r\n--xx\r\nContent-Type: text/plain\r\n\r\nsee below\r\n"
        b"--xx\r\nContent-Type: message/rfc822\r\n\r\n" + raw + b"\r\n--xx--\r\n"
    )


TEXT = "コンビニ決済 入金速報通知\r\n\r\n■ オーダNo : 1234\r\n■ 払込金額 : ¥5,400\r\n"
ZEUS_MAIL = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + TEXT.encode()


async def test_an_attached_mail_is_believed_by_its_own_signature_alone(rules: BeliefRules) -> None:
    [by_signature] = texts_of(attached(ZEUS.sign(ZEUS_MAIL)))
    assert await belief_of(by_signature.raw, rules) == believed(BeliefReason.DKIM)

    for results in (PASS, PASS.replace(b":", b" \t:", 1), PASS.lower(), b"X: y\n" + PASS):
        [by_results] = texts_of(attached(results + ZEUS_MAIL, above=PASS))
        assert by_results.from_domain == "zeus.example"
        answer = await belief_of(by_results.raw, rules)
        assert answer == refused("unsigned"), "its sender wrote these results"


async def test_text_that_somebody_quotes_is_not_believed(rules: BeliefRules) -> None:
    clerk = MAIL.replace(b"info@zeus.example", b"clerk@stranger.example")
    quoting = clerk.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + TEXT.replace("■", "> ■").encode()
    [quoted] = texts_of(STRANGER.sign(quoting))

    assert "オーダNo" in quoted.text
    assert await belief_of(quoted.raw, rules) == refused("other_sender")


@needs_dkimpy
async def test_a_named_forwarder_is_believed_by_its_seal(
    rules: BeliefRules, dkimpy: DebiansDkim
) -> None:
    seen = b"Authentication-Results: mx.forwarder.example; dkim=pass header.d=zeus.example\r\n"
    footed = MAIL + b"-- \r\nforwarded\r\n"
    sealed = dkimpy.seal(
        seen + footed, "forwarder.example", FORWARDER.pem(), "mx.forwarder.example"
    )
    assert sealed.startswith(b"ARC-Seal")
    assert await belief_of(sealed, rules) == believed(BeliefReason.ARC)

    again = b"Authentication-Results: b.example; arc=pass\r\n" + sealed
    twice = dkimpy.seal(again, "forwarder.example", FORWARDER.pem(), "b.example")
    assert twice.count(b"ARC-Seal") == 2
    assert await belief_of(twice, rules) == believed(BeliefReason.ARC)

    by_stranger = dkimpy.seal(again, "stranger.example", STRANGER.pem(), "b.example")
    answer = await belief_of(by_stranger, rules)
    assert answer == wrong("ARC not sealed by a named forwarder")


@needs_dkimpy
async def test_altered_chains_are_not_believed(rules: BeliefRules, dkimpy: DebiansDkim) -> None:
    seen = b"Authentication-Results: mx.forwarder.example; dkim=pass header.d=zeus.example\r\n"
    pem, server = FORWARDER.pem(), "mx.forwarder.example"
    sealed = dkimpy.seal(seen + MAIL, "forwarder.example", pem, server)
    keys = {FORWARDER.name: FORWARDER.record().decode()}
    assert dkimpy.verifies_chain(sealed, keys)
    altered = [
        sealed.replace(b"second", b"2nd"),
        sealed.replace(b"Subject: =?", b"Subject: x=?"),
        sealed.replace(b"dkim=pass", b"dkim=PASS", 1),
        sealed.replace(b"cv=none", b"cv=pass"),
        sealed.replace(b"i=1", b"i=2"),
        sealed.replace(b"ARC-Seal:", b"X-Seal:"),
        sealed[sealed.index(b"ARC-Message") :],
        sealed[: sealed.index(b"ARC-Message")] + sealed,
    ]
    for raw in altered:
        assert raw != sealed
        assert (await belief_of(raw, rules)).believed is False

    failed = seen.replace(b"dkim=pass", b"dkim=fail")
    told = dkimpy.seal(failed + MAIL, "forwarder.example", pem, server)
    assert (await belief_of(told, rules)).believed is False
    stranger = dkimpy.seal(seen + MAIL, "stranger.example", STRANGER.pem(), server)
    assert (await belief_of(stranger, rules)).believed is False


@needs_dkimpy
async def test_a_silent_name_server_leaves_a_chain_open(
    rules: BeliefRules, records: Records, dkimpy: DebiansDkim
) -> None:
    seen = b"Authentication-Results: mx.forwarder.example; dkim=pass header.d=zeus.example\r\n"
    pem, server = FORWARDER.pem(), "mx.forwarder.example"
    sealed = dkimpy.seal(seen + MAIL, "forwarder.example", pem, server)
    records.fails = True

    assert await belief_of(sealed, rules) == Belief(None, "dns_failed")


async def test_a_list_that_changes_subject_and_body_is_not_believed(rules: BeliefRules) -> None:
    signed = ZEUS.sign(MAIL)
    mangled = signed.replace(b"Subject: ", b"Subject: [list] ") + b"_______\r\nlist footer\r\n"

    assert await belief_of(mangled, rules) == wrong("body altered")
