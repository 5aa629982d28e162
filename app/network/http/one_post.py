"""One POST on a connection of its own, for clients that send rarely."""

import ssl
from collections.abc import Mapping

from yarl import URL

from app.network.http.connection import Answer
from app.network.http.connection_pool import ConnectionPool, Destination
from app.network.http.request import USER_AGENT, PostUrl, post_head, post_request
from app.network.resolver import VettingResolver


async def post(
    url: URL,
    headers: Mapping[str, str],
    content: bytes,
    answer: Answer,
    *,
    resolver: VettingResolver,
    tls: ssl.SSLContext,
    seconds: float,
) -> None:
    """POST `content` to `url` and read into `answer`, which holds what came before a failure.

    `resolver` checks the addresses of names; literal ones are the caller's to check. Redirects are
    not followed. Raise OSError (TimeoutError after `seconds`), ssl.SSLError, DestinationRefused or
    HttpFailure.
    """
    to = PostUrl.of(url)
    authorization = {"Authorization": to.authorization} if to.authorization else {}
    given = {"Host": to.authority, "User-Agent": USER_AGENT, **authorization, **headers}
    request = post_request(post_head(to.target, given.items()), {}, content)
    destination = Destination(to.host, to.port, tls if to.is_tls else None, to.host)
    pool = ConnectionPool(resolver)
    try:
        await pool.exchange(destination, request, answer, connect_s=seconds, total_s=seconds)
    finally:
        pool.close()
