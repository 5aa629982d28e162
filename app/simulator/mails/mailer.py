"""Mailer of the simulator: which mails follow from an order's state, sent and kept."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.simulator.mails.delivery import deliver
from app.simulator.mails.dkim_key import DkimKey
from app.simulator.mails.message import MailDraft, message_bytes
from app.simulator.mails.texts import (
    KIND_OF_STATUS,
    call_failed_mail,
    customer_mail,
    merchant_mail,
)
from app.simulator.state.mail_settings import CustomerForm
from app.simulator.state.sent_mails import SentMail, SentMails
from app.simulator.state.settings import SimulatorSettings
from app.simulator.state.store import Slip
from app.zeus.mails import MailKind

_FORM_OF_STATUS: Mapping[str, CustomerForm] = {
    "01": CustomerForm.SLIP,
    "04": CustomerForm.RECEIPT,
    "11": CustomerForm.RECEIPT,
}
_DROPPED: Mapping[str, Any] = {"delivered": False, "error": None, "reason": "dropped"}
_THREADS = 4


class Mailer:
    """Sends mails under the settings of the moment, keeps them, and counts for the faults."""

    def __init__(self, mails: SentMails) -> None:
        self._mails = mails
        self._made = 0
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="mail")
        self._key: DkimKey | None = None

    def reset(self) -> None:
        """Count from the beginning."""
        self._made = 0

    def close(self) -> None:
        """Give up what waits for a thread."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def dkim_key(self) -> DkimKey:
        """Return the key of this simulator: the one it kept, or a new one."""
        if self._key is None:
            kept = self._mails.dkim_key()
            self._key = DkimKey(kept)
            if kept is None:
                self._mails.keep_dkim_key(self._key.pem())
        return self._key

    async def tell_state(
        self, slip: Slip, at: datetime, settings: SimulatorSettings, *, lost: bool = False
    ) -> None:
        """Mail merchant and customer about the state of an order; `lost` drops these mails."""
        status = slip.state.status
        kind, form = KIND_OF_STATUS.get(status or ""), _FORM_OF_STATUS.get(status or "")
        merchant = settings.mails.merchant
        if kind and merchant:
            draft = merchant_mail(kind, slip.values, at, merchant)
            await self._send(slip.order_no, kind, draft, at, settings, lost=lost)
        if form and form in settings.mails.customer:
            draft = customer_mail(form, slip.values)
            await self._send(slip.order_no, form, draft, at, settings, lost=lost)

    async def tell_lost_call(
        self, slip: Slip, status: str, at: datetime, settings: SimulatorSettings
    ) -> None:
        """Mail the merchant that a call was not answered with 200."""
        if merchant := settings.mails.merchant:
            fields = settings.mails.call_failed_fields
            draft = call_failed_mail(slip.values, status, at, merchant, fields=fields)
            await self._send(slip.order_no, MailKind.CALL_FAILED, draft, at, settings)

    async def _send(
        self,
        order_no: str,
        kind: str,
        draft: MailDraft,
        at: datetime,
        settings: SimulatorSettings,
        *,
        lost: bool = False,
    ) -> None:
        faults = settings.faults.mails
        self._made += 1
        lost = lost or (faults.drop_every > 0 and self._made % faults.drop_every == 0)
        key = self.dkim_key() if settings.mails.dkim else None
        await asyncio.sleep(faults.delay)
        for _ in range(faults.times):
            message = message_bytes(draft, settings.mails, at, key)
            outcome = _DROPPED if lost else await self._deliver(message, draft, settings)
            number = self._mails.next_number(order_no)
            told = (draft.recipient, draft.subject, draft.text)
            self._mails.add(order_no, SentMail(number, kind, *told, message, at, outcome))

    async def _deliver(
        self, message: bytes, draft: MailDraft, settings: SimulatorSettings
    ) -> Mapping[str, Any]:
        loop = asyncio.get_running_loop()
        if not settings.mails.smtp and not settings.mails.maildir:
            return asdict(deliver(message, draft.recipient, settings.mails))
        done = await loop.run_in_executor(
            self._threads, deliver, message, draft.recipient, settings.mails
        )
        return asdict(done)
