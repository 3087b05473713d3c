"""Two processes train as one with the doubled batch does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.two_processes import STEPS

ROOT = Path(__file__).parents[2]


def trained(dataset: Path, run: Path, processes: int, batch: int) -> list[dict[str, Any]]:
    """What each process wrote."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone",
               f"--nproc-per-node={processes}", "-m", "tests.training.two_processes",
               str(dataset), str(run), str(batch)]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(Path(f"{run}-{rank}.json").read_text()) for rank in range(processes)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_learn_as_one_with_the_doubled_batch(
    juggler: Path,
    tmp_path: Path,
) -> None:
    first, second = trained(juggler, tmp_path / "two", 2, 4)
    [alone] = trained(juggler, tmp_path / "one", 1, 8)
    # The two drew other pictures, and still hold the very same weights.
    assert first["losses"][0]["pixels"] != second["losses"][0]["pixels"]
    assert first["weights"] == second["weights"]
    assert first["seen"] == alone["seen"] == 8 * (STEPS - 1) + 2  # One step sees whole pictures.
    # BatchNorm sees half as many pictures in each: not equal, but alike.
    for name in ("pixels", "likeness", "alpha", "adversarial"):
        both = np.mean([[step[name] for step in one["losses"]] for one in (first, second)], axis=0)
        np.testing.assert_allclose(both, [step[name] for step in alone["losses"]], rtol=0.25)
    begun = [np.mean([one["losses"][0]["pixels"] for one in (first, second)]),
             alone["losses"][0]["pixels"]]  # fmt: skip
    assert begun[0] == pytest.approx(begun[1], rel=0.02)
