"""Head of an answer: any pieces, informational answers before it, and its limits."""

import pytest

from app.network.http.answer_head import LONGEST_HEAD, MOST_INFORMATIONAL, AnswerHead
from app.network.http.failures import EndlessHead


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 1_000])
def test_a_head_may_arrive_in_any_pieces(cut: int) -> None:
    answer = (
        b"\r\nHTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 103 Hints\n\n"
        b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\nRetry-After: 8\r\n"
    )
    head = AnswerHead()
    for start in range(0, len(answer), cut):
        head.feed(answer[start : start + cut])
    assert (head.status, head.retry_after) == (503, "7")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MOST_INFORMATIONAL + 1),
        b"HTTP/1.1 103 Hints\r\nX: " + b"x" * LONGEST_HEAD,
        (b"HTTP/1.1 103 Hints\r\nX: " + b"x" * (LONGEST_HEAD // 10) + b"\r\n\r\n") * 11,
        b"nonsense" * LONGEST_HEAD,
    ],
)
def test_a_head_without_an_end_is_an_error(answer: bytes) -> None:
    with pytest.raises(EndlessHead):
        AnswerHead().feed(answer)


def test_the_allowed_number_of_informational_answers_is_ignored() -> None:
    head = AnswerHead()
    head.feed(b"HTTP/1.1 100 Continue\r\n\r\n" * MOST_INFORMATIONAL + b"HTTP/1.1 200 OK\r\n\r\n")
    assert head.status == 200
