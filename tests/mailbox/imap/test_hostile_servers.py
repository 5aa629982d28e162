"""Servers that are no mail servers, or bad ones: each command ends in time, with a sentence."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from app.mailbox.imap.address import read_address
from app.mailbox.imap.failures import MailboxFailed
from app.mailbox.imap.sign_in import open_folder

SECONDS = 2.0
GREETING = b"* OK hello\r\n"
Serve = Callable[[socket.socket], None]


@contextmanager
def serving(serve: Serve) -> Iterator[int]:
    """Run a server within this block; yield its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    serve(connection)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def saying(*texts: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        for text in texts:
            connection.sendall(text)
        while connection.recv(4096):
            pass

    return serve


def one_byte_at_a_time(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"*")
        time.sleep(0.2)


def flooding(line: bytes, greeting: bytes = GREETING) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.sendall(greeting)
        while True:
            connection.sendall(line * 1_000)

    return serve


def answering(answers: dict[bytes, bytes]) -> Serve:
    """Answer each command by its name; `TAG` stands for its tag."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        received = b""
        while data := connection.recv(4096):
            received += data
            while b"\r\n" in received:
                line, _, received = received.partition(b"\r\n")
                tag, _, command = line.partition(b" ")
                name = max(filter(command.startswith, answers), key=len)
                connection.sendall(answers[name].replace(b"TAG", tag))

    return serve


CAPABLE = b"* CAPABILITY IMAP4rev1\r\nTAG OK x\r\n"
SIGNED_IN = {b"CAPABILITY": CAPABLE, b"LOGIN": b"TAG OK x\r\n", b"": b"TAG OK x\r\n"}


@pytest.mark.parametrize(
    ("serve", "sentence"),
    [
        (silent, "did not answer in time"),
        (one_byte_at_a_time, "did not answer in time"),
        (saying(b""), "did not answer in time"),
        (saying(b"220 mail ESMTP\r\n"), "ended the connection"),
        (saying(b"* BYE too many\r\n"), "ended the connection"),
        (saying(b"\0\xff\r\n" * 10), "ended the connection"),
        (saying(b"* OK no line ends \n"), "ended the connection"),
        (flooding(b"x" * 1_000, b""), "ended the connection"),
        (flooding(b"* OK still here\r\n"), "ended the connection|did not answer in time"),
        (flooding(b"* 1 FETCH (FLAGS ())\r\n"), "ended the connection|did not answer in time"),
        (saying(GREETING, b"* CAPABILITY {999999999}\r\n"), "ended the connection"),
        (answering({b"": b"TAG BAD what\r\n"}), "ended the connection"),
        (answering({b"": b"WRONG OK x\r\n"}), "ended the connection"),
        (answering({**SIGNED_IN, b"LOGIN": b"TAG NO x\r\n"}), "refused user and password"),
        (answering({**SIGNED_IN, b"LOGIN": b"* BYE x\r\n"}), "ended the connection"),
        (answering({**SIGNED_IN, b"SELECT": b"TAG NO x\r\n"}), "cannot be opened"),
        (answering({**SIGNED_IN, b"SELECT": b"TAG OK [READ-ONLY] x\r\n"}), "may only be read"),
        (answering({**SIGNED_IN, b"SELECT": b"TAG OK x\r\n"}), "no UIDVALIDITY"),
    ],
)
def test_a_bad_server_is_a_failure_in_time(serve: Serve, sentence: str) -> None:
    began = time.monotonic()
    with serving(serve) as port:
        address = read_address(f"imap://shop@127.0.0.1:{port}/INBOX", "secret")
        with pytest.raises(MailboxFailed, match=sentence) as failed:
            open_folder(address, command_s=SECONDS)

    assert time.monotonic() - began < 4 * SECONDS
    assert failed.value.remedy
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b'* 1 FETCH (UID 1 BODY[] "a\\"b")\r\nTAG OK x\r\n', b'a"b'),
        (b"* 1 FETCH (UID 1 BODY[] NIL)\r\nTAG OK x\r\n", b""),
        (b"* 1 FETCH (BODY[]<0> {3}\r\nabc UID 1)\r\nTAG OK x\r\n", b"abc"),
        (
            b"* 2 FETCH (UID 2 BODY[] {1}\r\nx)\r\n* 1 FETCH (UID 1 BODY[] {1}\r\ny)\r\n"
            b"TAG OK x\r\n",
            b"y",
        ),
        (b"* 1 FETCH (FLAGS (\\Seen))\r\nTAG OK x\r\n", None),
        (b"TAG OK x\r\n", None),
    ],
)
def test_messages_are_read_in_every_form_of_an_answer(
    answer: bytes, expected: bytes | None
) -> None:
    select = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG OK [READ-WRITE] x\r\n"
    with serving(answering({**SIGNED_IN, b"SELECT": select, b"UID FETCH": answer})) as port:
        folder = open_folder(read_address(f"imap://shop@127.0.0.1:{port}/INBOX", "x"))
        assert folder.uidvalidity == 7
        assert folder.message(1) == expected
        folder.close()
