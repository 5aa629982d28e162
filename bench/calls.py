"""Calls that the bench sends: all 14 parameters as Zeus writes them, one order each.

The sendid is the order's number, as of shops that give one to each purchase.
"""

from app.zeus.wire import encode

NOTIFY_PATH = "/zeus/notify"
_MARK = b"ORDER-NO"
_VALUES = {
    "clientip": "2012000001",
    "money": "5400",
    "username": "コンビニ　タロウ",
    "telno": "0312345678",
    "email": "taro@example.com",
    "sendid": _MARK.decode(),
    "sendpoint": "ref-7",
    "order_no": _MARK.decode(),
    "pay_cvs": "D001",
    "pay_no1": "1234567890123",
    "pay_no2": "",
    "pay_limit": "20261231",
    "status": "01",
    "error_code": "",
}


class CallWriter:
    """Write requests that differ only in their order_no, cheaply enough for a load generator."""

    def __init__(self, path: str, prefix: str, *, keep_alive: bool) -> None:
        """Begin every order_no with `prefix`, so that several generators use different orders.

        Without `keep_alive` a request is what Zeus sends: HTTP/1.0, no Host, and the connection
        ends with the answer.
        """
        end = b" HTTP/1.1\r\nHost: relay.example\r\n\r\n" if keep_alive else b" HTTP/1.0\r\n\r\n"
        query, between, rest = encode(_VALUES).split(_MARK)
        self._prefix = prefix
        self._head = b"GET " + path.encode() + b"?" + query
        self._between = between
        self._tail = rest + end

    def order_no(self, number: int) -> str:
        """Return the order_no of the call with this number."""
        return f"{self._prefix}-{number}"

    def request(self, number: int) -> bytes:
        """Return the whole request about the order with this number."""
        order_no = self.order_no(number).encode()
        return self._head + order_no + self._between + order_no + self._tail
