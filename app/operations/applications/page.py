"""Result page of an application, for the customer."""

from datetime import date
from types import MappingProxyType
from typing import Final
from uuid import UUID

from app.applications.customer_messages import Message
from app.applications.result_page import PageLanguage, ResultView, content_policy, result_page
from app.db.engine import Sessions
from app.operations.applications.applications import show_application
from app.operations.applications.models import Application

PAGE_HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": content_policy(),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
)
"""HTTP headers that go with the page."""


async def show_result_page(
    sessions: Sessions,
    application_id: UUID,
    language: PageLanguage,
    *,
    support: str | None = None,
) -> str:
    """Return the page of an application as it is now. Raise ApplicationNotFound."""
    application = await show_application(sessions, application_id, support=support)
    return result_page(view_of(application, support), language)


def view_of(application: Application, support: str | None) -> ResultView:
    """Return what the page shows of an application."""
    numbers, deadline = application.payment_numbers, application.payment_deadline
    return ResultView(
        state=application.state,
        store_code=application.store.code,
        money=application.money,
        message=Message(application.message.ja, application.message.en),
        numbers=None if numbers is None else [(one.label, one.value) for one in numbers],
        deadline=None if deadline is None else date.fromisoformat(deadline),
        redirect_url=application.redirect_url,
        is_test=application.test is not None,
        support=support,
    )
