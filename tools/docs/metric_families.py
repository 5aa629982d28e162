"""The table of the metrics, made from the registry that the service exposes."""

from collections.abc import Iterator

from app import metrics
from tools.docs.japanese_metrics import METRICS
from tools.docs.tables import head, row

_ENDING = {"counter": "_total", "info": "_info"}
_STANDING = {family.name for gauge in metrics.STANDING for family in gauge.describe()}


def families() -> Iterator[tuple[str, str, bool, str]]:
    """Every metric: the name under which it is shown, its kind, whether every process shows it, and what it is."""
    metrics.expose_snapshot()
    for everywhere in (True, False):
        for family in metrics.registry.collect():
            if (family.name in _STANDING) is not everywhere:
                yield (
                    f"{family.name}{_ENDING.get(family.type, '')}",
                    family.type,
                    everywhere,
                    family.documentation,
                )


def metric_names() -> str:
    """Every metric, those of every process first."""
    rows = [
        row(f"`{name}`", kind, "every process" if everywhere else "operate, up", text)
        for name, kind, everywhere, text in families()
    ]
    return head("name", "kind", "shown by", "what it is") + "".join(rows)


def metric_names_in_japanese() -> str:
    """The same in Japanese; where a text is missing, in English."""
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
