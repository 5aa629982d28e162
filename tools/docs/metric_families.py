"""Table of metrics, generated from the registry that the service exposes."""

from collections.abc import Iterator

from app import metrics
from app.operations.monitoring import snapshot_gauges
from tools.docs.japanese_metrics import METRICS
from tools.docs.tables import head, row

_ENDING = {"counter": "_total", "info": "_info"}
_SNAPSHOT = {family.name for gauge in snapshot_gauges.GAUGES for family in gauge.describe()}


def families() -> Iterator[tuple[str, str, bool, str]]:
    """Yield each metric: exposed name, kind, if every process exposes it, and help text."""
    snapshot_gauges.expose()
    for everywhere in (True, False):
        for family in metrics.registry.collect():
            if (family.name in _SNAPSHOT) is not everywhere:
                yield (
                    f"{family.name}{_ENDING.get(family.type, '')}",
                    family.type,
                    everywhere,
                    family.documentation,
                )


def metric_names() -> str:
    """Return the table of metrics, those of every process first."""
    rows = [
        row(f"`{name}`", kind, "every process" if everywhere else "operate, up", text)
        for name, kind, everywhere, text in families()
    ]
    return head("name", "kind", "exposed by", "meaning") + "".join(rows)


def metric_names_in_japanese() -> str:
    """Return the table in Japanese; a text without a translation stays in English."""
    rows = [
        row(
            f"`{name}`",
            kind,
            "全プロセス" if everywhere else "`operate`、`up`",
            METRICS.get(name, text),
        )
        for name, kind, everywhere, text in families()
    ]
    return head("名前", "型", "出力するプロセス", "内容") + "".join(rows)
