"""Erasing the personal data of an order, which cannot be undone."""

from http import HTTPStatus

from starlette.responses import Response

from app.console.labels import _
from app.console.messages import Said
from app.console.visit import Visit, order_path
from app.operating.erasure import erase_order


async def erase(visit: Visit) -> Response:
    """Erase it if the box was ticked: a browser demands that, and so do we."""
    order_no = visit.named("order_no")
    back = order_path(order_no)
    if not visit.form.ticked("understood"):
        text = visit.translated(_("Tick the box first: what is erased cannot be brought back."))
        return visit.page(
            "trouble.html", HTTPStatus.UNPROCESSABLE_ENTITY, title=visit.translated(_("It was not done")), text=text, back=back
        )
    erased = await erase_order(visit.parts.sessions, visit.actor, order_no)
    return visit.go(back, Said.ERASED_IN_PART if erased.unjudged else Said.ERASED)
