"""Error codes of a failed application: the failure, and who can act on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """An error code (manual, error code table).

    A string of four or six digits whose leading zeros count.

    `what` and `japanese` name the failure, `who` names who can act on it. Where the manual has no
    short Japanese name, it is ours.
    """

    code: str
    what: str
    japanese: str
    who: str


_DEVELOPER = "the merchant's developer"
_ANOTHER_STORE = "the customer picks another store"

ERROR_CODES: Final[Mapping[str, ErrorCode]] = MappingProxyType(
    {
        error.code: error
        for error in (
            ErrorCode(
                "800000",
                "a value outside Zeus's rules, or wrong settings",
                "システムエラー・設定不正",
                _DEVELOPER,
            ),
            ErrorCode(
                "800001",
                "the IPコード cannot be used now",
                "ゼウスサービス停止",
                "the merchant, with Zeus",
            ),
            ErrorCode(
                "800002",
                "the store is not available to this merchant",
                "利用不可コンビニ",
                f"{_ANOTHER_STORE}; the merchant, with Zeus",
            ),
            ErrorCode(
                "900000",
                "data or transport error between merchant and Zeus",
                "加盟店・ゼウス間のデータまたは通信エラー",
                "the customer enters the data again",
            ),
            ErrorCode(
                "0011",
                "setting error between Zeus and the collection agent",
                "ゼウス・収納代行会社間の設定エラー",
                "Zeus support",
            ),
            ErrorCode(
                "0008",
                "maintenance between the collection agent and the chain",
                "収納代行会社・コンビニ間のメンテナンス",
                _ANOTHER_STORE,
            ),
            ErrorCode(
                "0013",
                "maintenance between Zeus and the collection agent",
                "ゼウス・収納代行会社間のメンテナンス",
                "the customer tries later; Zeus support",
            ),
        )
    }
)


def error_of(code: str | None) -> ErrorCode | None:
    """Return the error with this `error_code`, or None.

    None if it is absent, empty (nothing failed), or not in the manual's table, which is an open
    set.
    """
    return ERROR_CODES.get(code) if code is not None else None


class WhoCanAct(StrEnum):
    """Who can end the cause of a failed application."""

    CUSTOMER = "customer"
    DEVELOPER = "developer"
    MERCHANT = "merchant"
    ZEUS_SUPPORT = "zeus_support"


class Retry(StrEnum):
    """When a new application can succeed."""

    NEVER = "never"
    """Not with this amount."""
    LATER = "later"
    OTHER_STORE = "other_store"
    AFTER_RESOLVING = "after_resolving"
    """After the one who can act has ended the cause."""


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """Advice about a failed application: who can act on it, and when a new one can succeed."""

    who_can_act: WhoCanAct
    retry: Retry


_DETAILS: Final[Mapping[str, ErrorDetails]] = {
    "800000": ErrorDetails(WhoCanAct.DEVELOPER, Retry.AFTER_RESOLVING),
    "800001": ErrorDetails(WhoCanAct.MERCHANT, Retry.AFTER_RESOLVING),
    "800002": ErrorDetails(WhoCanAct.CUSTOMER, Retry.OTHER_STORE),
    "900000": ErrorDetails(WhoCanAct.CUSTOMER, Retry.AFTER_RESOLVING),
    "0011": ErrorDetails(WhoCanAct.ZEUS_SUPPORT, Retry.AFTER_RESOLVING),
    "0008": ErrorDetails(WhoCanAct.CUSTOMER, Retry.OTHER_STORE),
    "0013": ErrorDetails(WhoCanAct.CUSTOMER, Retry.LATER),
}
_PARAMETER_DETAILS: Final[Mapping[str, ErrorDetails]] = {
    "username": ErrorDetails(WhoCanAct.CUSTOMER, Retry.AFTER_RESOLVING),
    "telno": ErrorDetails(WhoCanAct.CUSTOMER, Retry.AFTER_RESOLVING),
    "email": ErrorDetails(WhoCanAct.CUSTOMER, Retry.AFTER_RESOLVING),
    "pay_cvs": ErrorDetails(WhoCanAct.CUSTOMER, Retry.OTHER_STORE),
    "money": ErrorDetails(WhoCanAct.MERCHANT, Retry.NEVER),
}
"""Parameters whose value is not the developer's: the customer's own, the store, the amount."""


def error_details(error_code: str | None, parameter: str | None) -> ErrorDetails:
    """Return the advice for a failed application, by its error code or the parameter refused.

    The parameter counts where one is named, since it says more than a code. Codes are an open
    set: Zeus's support can explain one that is not in the manual, or a failure without a code.
    """
    if parameter is not None:
        developer = ErrorDetails(WhoCanAct.DEVELOPER, Retry.AFTER_RESOLVING)
        return _PARAMETER_DETAILS.get(parameter, developer)
    unknown = ErrorDetails(WhoCanAct.ZEUS_SUPPORT, Retry.AFTER_RESOLVING)
    return _DETAILS.get(error_code or "", unknown)
