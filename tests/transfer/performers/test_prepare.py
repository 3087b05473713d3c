"""What performing needs of a dataset, made beforehand."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from run import main
from tests.machine import slowness
from transfer.performers.warp.opening import open_live
from transfer.target.references import FILE_NAME
from transfer.target.target import PLATE_NAME, USABLE_NAME, Target

MADE = (PLATE_NAME, USABLE_NAME, FILE_NAME)


@pytest.fixture
def fresh(juggler: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "d"
    shutil.copytree(juggler, folder, ignore=shutil.ignore_patterns(*MADE))
    return folder


def test_everything_is_kept_beside_the_dataset(
    fresh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", str(fresh)]) == 0
    assert "ready" in capsys.readouterr().out
    made = {name: (fresh / name).stat().st_mtime_ns for name in MADE}
    assert main(["prepare", str(fresh)]) == 0
    assert made == {name: (fresh / name).stat().st_mtime_ns for name in made}


@pytest.mark.slow
def test_a_prepared_dataset_of_five_hundred_pairs_is_chosen_within_a_second(
    juggler: Path, tmp_path: Path
) -> None:
    """Four and a bit copies of the juggler, one after the other."""
    folder = five_hundred(juggler, tmp_path / "d")
    assert main(["prepare", str(folder)]) == 0
    began = time.perf_counter()
    target = Target.open(folder)
    performer = open_live(target)
    assert time.perf_counter() - began < 1.0 * slowness()
    assert len(target.pairs) == 500
    assert performer.size == (640, 480)


def test_what_cannot_be_prepared_is_said(
    fresh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", str(tmp_path / "nothing")]) == 1
    assert "is no dataset" in capsys.readouterr().err
    assert main(["prepare", str(tmp_path / "nothing"), str(fresh)]) == 1
    assert (fresh / PLATE_NAME).exists()


def five_hundred(source: Path, out: Path) -> Path:
    """A dataset's pairs over and over until there are 500, its pictures hard links."""
    import json
    import os

    shutil.copytree(source, out, ignore=shutil.ignore_patterns(*MADE))
    lines = [json.loads(line) for line in (out / "poses.jsonl").read_text().splitlines()]
    step = lines[-1]["time_s"] + 0.1
    with (out / "poses.jsonl").open("w") as file:
        for number in range(500):
            turn, place = divmod(number, len(lines))
            line = lines[place]
            for kind, ending in (("frames", "jpg"), ("parts", "png")):
                there = source / kind / f"{line['index']:06d}.{ending}"
                here = out / kind / f"{number:06d}.{ending}"
                here.unlink(missing_ok=True)
                os.link(there, here)
            again = {**line, "index": number, "time_s": line["time_s"] + turn * step}
            file.write(json.dumps(again) + "\n")
    return out
