"""Of calls that share a line the worst is told, and each one's share."""

from bench.network.measure import table_row
from bench.network.shared import shared_row


def test_the_worst_of_each_and_all_the_shares():
    calls = [
        {"p50_ms": 100.0, "p95_ms": 180.0, "fps": 20.0, "gap_ms": 90},
        {"p50_ms": 120.0, "p95_ms": 150.0, "fps": 12.5, "gap_ms": 300},
    ]
    row = shared_row(calls, [900.0, 1100.0], [700.4, 1300.0], [400, 900])
    assert row["line"] == "4 calls, 4 Mbit/s, 30 ms"
    worst = {"p50_ms": 120.0, "p95_ms": 180.0, "fps": 12.5, "gap_ms": 300, "begin_gap_ms": 900}
    assert {name: row[name] for name in worst} == worst
    assert (row["kbps_up"], row["kbps_down"]) == (2000, 2000)
    assert (row["shares_up"], row["shares_down"]) == ([0.9, 1.1], [0.7, 1.3])
    assert table_row("shared", row).endswith("of its share, up [0.9, 1.1], down [0.7, 1.3]")
