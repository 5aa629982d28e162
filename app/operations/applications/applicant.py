"""Applicant of a process, built from the settings."""

from app.applications.apply import Applicant
from app.applications.request import RequestRules
from app.applications.sending.client import ZeusClient
from app.crypto.reference import ReferenceKeys
from app.db.engine import Sessions
from app.operations.access.generated_keys import secret_keys_of
from app.settings import Settings


def applicant_of(settings: Settings, sessions: Sessions) -> Applicant | None:
    """Return the applicant, or None without RELAY_APPLICATION_URL.

    The event loop must be running. Raise WrongSettings without secret keys.
    """
    if settings.application_url is None:
        return None
    client = ZeusClient(
        settings.application_url,
        networks=settings.application_networks,
        total_s=settings.application_timeout.total_seconds(),
    )
    keys = ReferenceKeys.derived_from(secret_keys_of(settings))
    return Applicant(
        sessions,
        client,
        keys,
        RequestRules.of(settings),
        answer_within=settings.application_timeout,
    )
