"""The metrics page, in Prometheus' text format."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from antiphon.telemetry.slots import Sample, read

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class _Shared(Collector):
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterator[Family]:
        families: dict[str, list[Sample]] = {}
        for sample in read(self._directory):
            families.setdefault(sample.entry.name, []).append(sample)
        for name in sorted(families):
            yield _family(families[name])


def _family(samples: Iterable[Sample]) -> Family:
    samples = list(samples)
    first = samples[0].entry
    labels = list(first.labels)
    if first.kind == "histogram":
        histogram = HistogramMetricFamily(first.name, first.help, labels=labels)
        for sample in samples:
            histogram.add_metric(list(sample.entry.labels.values()), *_buckets(sample))
        return histogram
    family = (CounterMetricFamily if first.kind == "counter" else GaugeMetricFamily)(
        first.name, first.help, labels=labels
    )
    for sample in samples:
        family.add_metric(list(sample.entry.labels.values()), sample.numbers[0])
    return family


def _buckets(sample: Sample) -> tuple[list[tuple[str, float]], float]:
    total = 0.0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip([*map(str, sample.entry.bounds), "+Inf"], sample.numbers, strict=False):
        total += count
        buckets.append((bound, total))
    return buckets, sample.numbers[-1]


def page(directory: Path) -> bytes:
    """All workers' metrics as one page."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Shared(directory))
    return generate_latest(registry)
