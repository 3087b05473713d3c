"""The figures of a line come from what the page wrote down."""

import math

from bench.network.lines import LINES
from bench.network.measure import figures, longest_gap, table_head, table_row

NOTES = {
    "received": [[1000 + 40 * i, i] for i in range(50)] + [[3500 + 40 * i, i] for i in range(25)],
    "delays": [[1000 + 40 * i, 50 + i] for i in range(50)],
}


def test_pictures_gaps_and_delays_within_the_time_that_counts():
    row = figures(NOTES, 1000, 2960)
    assert row == {"p50_ms": 74.5, "p95_ms": 96.5, "fps": 25.5, "gap_ms": 40}
    assert longest_gap(NOTES, 1000, 4460) == 540
    assert longest_gap(NOTES, 1000, 9000) == 9000 - 4460  # What is missing at the end counts.


def test_no_picture_at_all_is_one_long_gap():
    row = figures({"received": [], "delays": []}, 0, 10_000)
    assert (row["fps"], row["gap_ms"]) == (0.0, 10_000)
    assert math.isnan(row["p50_ms"])


def test_the_table_says_what_was_measured_and_what_went_wrong():
    row = table_row("venue", {"line": LINES["venue"].describe(), "p50_ms": 1.5})
    assert "3 Mbit/s, 25 ms, 2 % loss, 20 ms jitter, 500 ms queue" in row
    assert len(row) == len(table_head())
    assert table_row("thin", {"error": "No Chromium."}).endswith("No Chromium.")
    cut = table_row(
        "cut", {"line": "cut", "picture_after_ms": 900, "page_said": "The line is cut."}
    )
    assert cut.splitlines()[1].endswith("900 ms; meanwhile the page said: The line is cut.")
