"""Who may call, from the settings: at the start, and again on SIGHUP while calls come in."""

import ipaddress

from app.logs import get_logger
from app.receiving.sources import Door, Network, Sources
from app.settings import Settings, WrongSettings, load_settings, variable_of

log = get_logger("main")


def sources_of(settings: Settings) -> Sources:
    """The rules at the door; raises WrongSettings for a file that cannot be read. The text names no address: Zeus's are confidential."""
    listed = _listed(settings) if settings.allowed_sources_file else []
    return Sources((*settings.allowed_sources, *listed), tuple(settings.trusted_proxies), settings.source_mode == "observe")


def reload_sources(door: Door) -> None:
    """Read the settings again (.env and the file of sources can have changed) and let the new rules hold; wrong ones change nothing."""
    try:
        sources = sources_of(load_settings())
    except WrongSettings as error:
        log.error("sources_kept", wrong=sorted({line.partition(":")[0] for line in str(error).splitlines()}))
        return
    door.change(sources)
    log.info("sources_reloaded", allowed=len(sources.allowed), trusted_proxies=len(sources.trusted_proxies), observe=sources.observe)


def _listed(settings: Settings) -> list[Network]:
    variable = variable_of("allowed_sources_file")
    try:
        lines = settings.allowed_sources_file.read_text(encoding="utf-8").splitlines() if settings.allowed_sources_file else []
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSettings(f"{variable}: the file cannot be read ({type(error).__name__})") from None
    networks: list[Network] = []
    for number, line in enumerate(lines, 1):
        entry = line.partition("#")[0].strip()
        try:
            networks += [ipaddress.ip_network(entry)] if entry else []
        except ValueError:
            raise WrongSettings(f"{variable} line {number}: is not a CIDR such as 192.0.2.10/32") from None
    return networks
