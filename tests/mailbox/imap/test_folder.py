"""A folder of a real Dovecot: messages by UID, marks, news, and failures as sentences."""

import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.mailbox.imap.address import folder_argument
from app.mailbox.imap.failures import MailboxFailed
from app.mailbox.imap.folder import (
    MESSAGE_LIMIT,
    WINDOW,
    FolderTop,
    MailFolder,
    MessageTooLarge,
)
from app.mailbox.imap.sign_in import open_folder
from tests.mailbox.dovecot import Dovecot


def message(number: int, body: bytes = b"text") -> bytes:
    return b"Subject: %d\r\n\r\n%s\r\n" % (number, body)


@pytest.fixture
def folder(dovecot: Dovecot) -> Iterator[MailFolder]:
    opened = open_folder(dovecot.address())
    yield opened
    opened.close()


def test_messages_come_by_uid_and_as_they_were_sent(dovecot: Dovecot, folder: MailFolder) -> None:
    # IMAP cannot carry NUL: Dovecot sends 80 instead, as its documentation says.
    sent = [message(1), message(2, b"\xff" * 900_000), message(3, b"")]
    dovecot.deliver(*sent)

    assert folder.top() == FolderTop(3, 3)
    assert folder.sizes(1) == {uid: len(raw) for uid, raw in enumerate(sent, 1)}
    assert [folder.message(uid) for uid in (1, 2, 3)] == sent
    assert folder.message(4) is None
    assert dovecot.flags() == ["", "", ""], "reading alone marks nothing"


def test_an_empty_folder_has_nothing(folder: MailFolder) -> None:
    assert folder.top() == FolderTop(0, 0)
    assert folder.sizes(1) == {}
    assert folder.next_uid(1, folder.top()) is None


def test_the_next_uid_is_found_behind_a_gap(dovecot: Dovecot, folder: MailFolder) -> None:
    dovecot.deliver(*map(message, range(3 * WINDOW)))
    folder.top()
    dovecot.remove(f"1:{2 * WINDOW + 7}")
    top = folder.top()

    assert top == FolderTop(WINDOW - 7, 3 * WINDOW)
    assert folder.next_uid(1, top) == folder.next_uid(300, top) == 2 * WINDOW + 8
    assert folder.next_uid(2 * WINDOW + 50, top) == 2 * WINDOW + 50
    assert folder.next_uid(3 * WINDOW + 1, top) is None


def test_marked_messages_are_seen_and_nothing_is_deleted(
    dovecot: Dovecot, folder: MailFolder
) -> None:
    dovecot.deliver(message(1), message(2), message(3))
    folder.top()
    folder._client.uid("STORE", "3", "+FLAGS.SILENT", r"(\Deleted)")  # of somebody else
    folder.mark([1, 3])

    assert dovecot.flags() == ["", "S", "ST"]


@pytest.mark.parametrize(
    ("can_move", "left"), [(True, [""]), (False, ["", "S"])], ids=["MOVE", "COPY alone"]
)
def test_moved_messages_are_in_the_other_folder(
    dovecot: Dovecot, can_move: bool, left: list[str]
) -> None:
    open_and_create(dovecot, "Zeus 済 & more")
    folder = open_folder(dovecot.address(done="Zeus 済 & more"))
    dovecot.deliver(message(1), message(2))
    folder.top()
    if not can_move:
        folder._client.capabilities = ("IMAP4REV1",)
    folder.mark([2])
    folder.close()

    other = open_folder(dovecot.address(folder="Zeus%20%E6%B8%88%20%26%20more"))
    assert [other.message(uid) for uid in other.sizes(1)] == [message(2)]
    assert dovecot.flags() == left
    other.close()


def open_and_create(dovecot: Dovecot, name: str) -> None:
    folder = open_folder(dovecot.address())
    kind, _ = folder._client.create(folder_argument(name))
    assert kind == "OK"
    folder.close()


def test_a_large_message_is_not_read_to_its_end(dovecot: Dovecot, folder: MailFolder) -> None:
    dovecot.deliver(message(1, b"x" * 70 + b"\r\n" + b"y" * 50 * 1024 * 1024))
    folder.top()
    began = time.monotonic()
    with pytest.raises(MessageTooLarge):
        folder.message(1)

    assert folder.sizes(1)[1] > 5 * MESSAGE_LIMIT
    assert time.monotonic() - began < 30


def test_news_is_heard_while_waiting(dovecot: Dovecot, folder: MailFolder) -> None:
    assert folder.can_idle
    folder.top()
    while folder.begin_idle():  # the server may tell once more what was there
        folder.end_idle()
        folder.top()
    assert not folder.hears_news(0.1)
    threading.Timer(0.2, dovecot.deliver, [message(1), message(2), message(3)]).start()

    assert folder.hears_news(20)
    folder.end_idle()
    assert folder.top().count >= 1


def test_news_before_waiting_is_not_missed(dovecot: Dovecot, folder: MailFolder) -> None:
    folder.top()
    dovecot.deliver(message(1))

    assert folder.begin_idle() or folder.hears_news(10)
    folder.end_idle()
    assert folder.top() == FolderTop(1, 1)


def test_a_server_that_goes_away_is_a_failure(dovecot: Dovecot, folder: MailFolder) -> None:
    folder.begin_idle()
    dovecot.stop()  # ends connections after itself, with BYE

    assert folder.hears_news(10)
    with pytest.raises(MailboxFailed, match="the mail server"):
        folder.end_idle()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"password": "wrong"}, "the mail server refused user and password"),
        ({"user": "nobody@shop.example"}, "the mail server refused user and password"),
        ({"user": "ゼウス"}, "the mail server refused user and password"),
        ({"folder": "Missing"}, "the folder of the mailbox cannot be opened"),
        ({"folder": 'x" (y\\'}, "the folder of the mailbox cannot be opened"),
        ({"done": "Missing"}, "the folder for read messages does not exist"),
        ({"host": "127.0.0.1"}, r"the certificate of the mail server is not valid \(IP address"),
        ({"host": "mail.invalid"}, "the name of the mail server was not found"),
        ({"port": 1}, r"the mail server cannot be reached \(ConnectionRefusedError\)"),
        ({"tls": None}, "the mail server did not answer in time"),
    ],
)
def test_failures_are_sentences(dovecot: Dovecot, change: dict[str, object], sentence: str) -> None:
    address = replace(dovecot.address(), **change)  # type: ignore[arg-type]
    with pytest.raises(MailboxFailed, match=sentence) as failed:
        open_folder(address, command_s=4)

    assert "shop" not in str(failed.value) + failed.value.remedy


def test_an_unknown_authority_and_a_port_without_tls_are_told(dovecot: Dovecot) -> None:
    address = replace(dovecot.address(), tls=ssl.create_default_context())
    with pytest.raises(MailboxFailed, match="certificate of the mail server is not valid"):
        open_folder(address)
    with pytest.raises(MailboxFailed, match="the mail server does not speak TLS"):
        open_folder(replace(dovecot.address(), port=dovecot.port), command_s=4)
