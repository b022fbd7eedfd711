"""Points as lines and as a Markdown table."""

from collections.abc import Sequence

from bench.measure import Point

_HEADER = (
    "work",
    "nodes",
    "in flight",
    "per second",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "leader CPU µs",
    "all nodes CPU µs",
    "worker CPU µs",
    "RSS MB",
    "disk bytes",
)


def line(point: Point) -> str:
    """Return a point as one line of text."""
    return "  ".join(f"{name} {cell}" for name, cell in zip(_HEADER, _cells(point), strict=True))


def table(points: Sequence[Point]) -> str:
    """Return points as a Markdown table. CPU and disk are per execution, disk also per node; RSS is
    the largest node's.
    """
    rows = [_HEADER, tuple("---" for _ in _HEADER), *(_cells(point) for point in points)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cells(point: Point) -> tuple[str, ...]:
    return (
        point.workload,
        str(point.nodes),
        str(point.in_flight),
        f"{point.per_second:,.0f}",
        f"{point.p50_ms:.1f}",
        f"{point.p95_ms:.1f}",
        f"{point.p99_ms:.1f}",
        f"{point.leader_cpu_us:,.0f}",
        f"{point.nodes_cpu_us:,.0f}",
        f"{point.worker_cpu_us:,.0f}",
        f"{point.resident_mb:.0f}",
        f"{point.disk_bytes:,.0f}",
    )
