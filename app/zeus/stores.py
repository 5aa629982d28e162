"""Store chains, and their names for the payment numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Store:
    """A store chain (manual, store table).

    The labels are the chain's names for 払込用番号1 and 払込用番号2; `pay_no2_label` is None if the
    chain has only one number.
    `slug` is its name in requests to the relay; Zeus does not know it.
    """

    code: str
    name: str
    slug: str
    pay_no1_label: str
    pay_no2_label: str | None = None


STORES: Final[Mapping[str, Store]] = MappingProxyType(
    {
        store.code: store
        for store in (
            Store("D001", "セブン-イレブン", "seven_eleven", "払込票番号"),
            Store("D002", "ローソン", "lawson", "受付番号", "確認番号"),
            Store("D030", "ファミリーマート", "familymart", "注文番号", "企業コード"),
            Store("D015", "セイコーマート", "seicomart", "お支払受付番号"),
            Store("D050", "ミニストップ", "ministop", "受付番号", "確認番号"),
            Store("D060", "デイリーヤマザキ", "daily_yamazaki", "オンライン決済番号"),
        )
    }
)


BY_SLUG: Final[Mapping[str, Store]] = MappingProxyType(
    {store.slug: store for store in STORES.values()}
)


def store_of(code: str | None) -> Store | None:
    """Return the store with this `pay_cvs` code, or None.

    Codes are an open set: an unknown one is no error.
    """
    return STORES.get(code) if code is not None else None
