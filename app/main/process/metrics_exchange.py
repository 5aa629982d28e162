"""Metrics of two processes as one text: the second asks the first for its samples."""

import json
from collections.abc import Iterator

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from app.metrics import registry

_CREATED = "_created"
Labels = tuple[tuple[str, str], ...]


def own_samples() -> bytes:
    """Return every sample of this process, as JSON."""
    return json.dumps(
        [
            (family.name, sample.name, sample.labels, sample.value)
            for family in registry.collect()
            for sample in family.samples
        ]
    ).encode()


def exposition_with(samples: bytes) -> bytes:
    """Return the metrics of this process and of another one that has the same metrics.

    Values add up: each gauge is set in one of the two only. What says something about the program
    itself stays, and so do the times at which metrics were made.
    """
    return generate_latest(_Both(samples))


class _Both(Collector):
    def __init__(self, samples: bytes) -> None:
        self._others: dict[str, dict[tuple[str, Labels], float]] = {}
        for family, name, labels, value in json.loads(samples):
            self._others.setdefault(family, {})[name, _key(labels)] = value

    def collect(self) -> Iterator[Metric]:
        for family in registry.collect():
            others = dict(self._others.get(family.name, {}))
            samples = []
            for sample in family.samples:
                other = others.pop((sample.name, _key(sample.labels)), 0.0)
                adds_up = family.type != "info" and not sample.name.endswith(_CREATED)
                samples.append(sample._replace(value=sample.value + other * adds_up))
            samples += [
                Sample(name, dict(labels), value) for (name, labels), value in others.items()
            ]
            family.samples = samples
            yield family


def _key(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))
