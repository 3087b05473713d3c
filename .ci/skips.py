"""Fail when a test was skipped that is not on the short list: `skips.py ALLOWED REPORT...`.

ALLOWED holds one `test-id: reason` a line; REPORT is pytest's JUnit XML.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree


def skipped(report: Path) -> list[str]:
    """Ids (`package.module::test`) of the tests that `report` says were skipped."""
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return [
        f"{case.get('classname')}::{case.get('name')}"
        for case in cases
        if case.find("skipped") is not None
    ]


def main(allowed_file: str, *reports: str) -> int:
    """Return 1, naming them, when tests were skipped without a reason on the list."""
    lines = Path(allowed_file).read_text().splitlines()
    allowed = {line.split(": ")[0] for line in lines if line and not line.startswith("#")}
    surprises = [name for report in reports for name in skipped(Path(report))]
    surprises = [name for name in surprises if name not in allowed]
    for name in surprises:
        print(f"skipped without a reason in {allowed_file}: {name}")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
