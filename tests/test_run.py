"""The command line as people use it: in a process of its own, on real clips and pictures."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from capture.dataset import Dataset
from inference.analyzer import Analyzer, AnalyzerOptions
from inference.pool import NetworkPool

RUN = Path(__file__).resolve().parents[1] / "run.py"
JUGGLER = Path(__file__).parent / "data" / "juggler_320.mp4"
DANCER = Path(__file__).parent / "data" / "dancer_c_288.mp4"

pytestmark = pytest.mark.usefixtures("models")


def run(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """`python run.py ...`, which must end with `code`, and never with a traceback."""
    command = [sys.executable, str(RUN), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """The sentence a person reads."""
    return done.stderr.strip().splitlines()[-1]


def test_capture_one_video(tmp_path: Path) -> None:
    out = tmp_path / "juggler"
    done = run("capture", JUGGLER, "--out", out)
    dataset = Dataset.open(out)
    assert dataset.manifest.state == "complete"
    assert dataset.manifest.source.name == "juggler_320.mp4"
    with av.open(str(JUGGLER)) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert dataset.manifest.counts.seen == frames
    assert len(dataset.pairs) > 0.9 * frames
    assert str(len(dataset.pairs)) in done.stdout


def test_capture_several_videos_with_heads_and_without_loss(tmp_path: Path) -> None:
    run("capture", JUGGLER, DANCER, "--out", tmp_path / "all", "--heads", "--frames", "png")
    for name in ("juggler_320", "dancer_c_288"):
        dataset = Dataset.open(tmp_path / "all" / name)
        assert dataset.manifest.frame.format == "png"
        for pair in dataset.pairs:
            assert dataset.heads(pair.index).part_heatmaps is not None


def test_a_saved_frame_gives_its_saved_mask_and_key_points_again(tmp_path: Path) -> None:
    """Bit for bit, with `--frames png` and the dancer given."""
    run("capture", DANCER, "--out", tmp_path / "d", "--frames", "png")
    dataset = Dataset.open(tmp_path / "d")
    model = dataset.manifest.model
    pool = NetworkPool.open(model.name, "cpu", max(model.input))
    first = Analyzer(pool, AnalyzerOptions(model.threshold, second_pass=True))
    checked = 0
    for pair in dataset.pairs[::4]:
        frame = dataset.frame(pair.index)
        people = first.analyse(frame, 0.0)
        everybody = [one for one in (people.person, *people.others) if one is not None]
        assert pair.keypoints is not None
        [dancer] = [one for one in everybody if one.keypoints.tobytes() == pair.keypoints.tobytes()]
        again = Analyzer(pool, first.options).analyse(frame, 0.0, dancer=dancer)
        assert np.array_equal(again.labels, dataset.labels(pair.index))
        checked += 1
    assert checked >= 8
    pool.close()


def test_progress_for_the_server(tmp_path: Path) -> None:
    done = run("capture", JUGGLER, "--out", tmp_path / "d", "--progress", "json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1] == {"done": 48, "total": 48}
    assert [line["done"] for line in lines] == sorted(line["done"] for line in lines)


def test_sigterm_keeps_what_was_analysed(tmp_path: Path, videos: Path) -> None:
    out = tmp_path / "d"
    command = [sys.executable, str(RUN), "capture", str(videos / "dancer_d.mp4"), f"--out={out}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    poses = out / "poses.jsonl"
    while not poses.exists() or poses.stat().st_size < 20_000:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert "pairs are kept in" in said.decode().strip().splitlines()[-1]
    assert process.returncode == 128 + signal.SIGTERM
    manifest = json.loads((out / "dataset.json").read_text())
    assert manifest["state"] == "complete"
    assert 5 < len(Dataset.open(out).pairs) < 300


def test_segment_pictures(tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    with Image.open(models / "test_image.bmp") as picture:
        picture.save(folder / "two.png")
        exif = Image.Exif()
        exif[0x0112] = 6  # Stored lying on its side: turn it by 90 degrees to look at it.
        picture.rotate(90, expand=True).save(folder / "turned.jpg", exif=exif, quality=95)
    run("segment", folder, "--out", tmp_path / "out")
    poses = {}
    for name in ("two", "turned"):
        data = json.loads((tmp_path / "out" / f"{name}.json").read_text())
        assert data["size"] == [640, 480]
        assert len(data["people"]) == 2
        assert data["people"][0]["score"] >= data["people"][1]["score"]
        assert data["dancer"] in (0, 1)
        for person in data["people"]:
            assert len(person["keypoints"]) == 17
            assert len(person["box"]) == 4
        with Image.open(tmp_path / "out" / f"{name}.png") as mask:
            assert (mask.mode, mask.size) == ("P", (640, 480))
            labels = np.asarray(mask)
        x, y, width, height = data["people"][data["dancer"]]["box"]
        rows, columns = np.nonzero(labels)
        assert x <= columns.mean() <= x + width
        assert y <= rows.mean() <= y + height
        poses[name] = sorted(person["box"][0] for person in data["people"])
    assert poses["two"] == pytest.approx(poses["turned"], abs=6)


def test_a_bad_picture_is_named_and_the_rest_goes_on(tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"no picture")
    with Image.open(models / "test_image.bmp") as picture:
        picture.save(folder / "b.png")
    done = run("segment", folder, "--out", tmp_path / "out", code=1)
    assert "a.jpg is not a picture that can be read" in done.stderr
    assert "1 of 2" in done.stdout
    assert (tmp_path / "out" / "b.json").exists()


def test_export_and_repair(tmp_path: Path) -> None:
    run("capture", JUGGLER, "--out", tmp_path / "d")
    run("export", tmp_path / "d", "--format", "pix2pixhd", "--out", tmp_path / "hd.zip")
    with zipfile.ZipFile(tmp_path / "hd.zip") as archive:
        assert archive.testzip() is None
        masks = [name for name in archive.namelist() if "train_label/" in name]
    assert len(masks) > 30
    again = ("export", tmp_path / "d", "--format", "native", "--out", tmp_path / "hd.zip")
    assert "--force" in last_line(run(*again, code=1))
    with zipfile.ZipFile(tmp_path / "hd.zip") as archive:
        assert masks[0] in archive.namelist()
    run(*again, "--force")
    with zipfile.ZipFile(tmp_path / "hd.zip") as archive:
        assert masks[0] not in archive.namelist()
    run("export", tmp_path / "d", "--format", "coco", "--out", tmp_path / "coco")
    assert list((tmp_path / "coco").rglob("*.json"))
    drifted = tmp_path / "drifted"
    drifted.mkdir()
    for name in ("000000", "000010"):
        with Image.open(tmp_path / "d" / "parts" / f"{name}.png") as mask:
            colours = np.asarray(mask.convert("RGB")).astype(int)
        colours[colours.any(axis=2)] += (3, -2, 4)
        Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8)).save(drifted / f"{name}.png")
    run("repair", drifted, "--out", tmp_path / "repaired")
    for name in ("000000", "000010"):
        with (
            Image.open(tmp_path / "d" / "parts" / f"{name}.png") as mask,
            Image.open(tmp_path / "repaired" / f"{name}.png") as repaired,
        ):
            assert np.array_equal(np.asarray(mask), np.asarray(repaired))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["capture", "nothing.mp4", "--out", "x"], "There is no file nothing.mp4."),
        (["capture", RUN, "--out", "x"], "is not a video"),
        (["capture", JUGGLER, JUGGLER, "--out", "x"], "Two videos are called"),
        (["capture", JUGGLER, "--out", "x", "--model", "unknown"], "unknown"),
        (["capture", JUGGLER, "--out", "x", "--device", "edgetpu"], "Edge TPU"),
        (["capture", JUGGLER, "--out", "x", "--device", "gpu"], "gpu"),
        (["capture", JUGGLER, "--out", "x", "--pose", "movenet-thunder"], "fetch movenet-thunder"),
        (["segment", "nothing.png", "--out", "x"], "There is no file"),
        (["export", "nowhere", "--format", "coco", "--out", "x"], "There is no dataset"),
        (["repair", "nowhere", "--out", "x"], "nowhere"),
        (["models", "fetch", "unknown"], "unknown"),
        (["--port", "99999"], "is not a port"),
        (["capture", "-take.mp4", "--out", "x"], "write a file's name as ./-take.mp4"),
        (["capture", JUGGLER, "--out", "-x"], "write a file's name as ./-x"),
        (["train", "nowhere", "--out", "x", "--from", "nope"], "There is no run nope"),
        (["train", "nowhere", "--out", "x", "--preset", "quality"], "invalid choice: 'quality'"),
        (["distill", JUGGLER, "--out", "x", "--from", "nope"], "There is no run nope"),
        (["export-model", "nope"], "There is no run nope"),
        (["--model", "unknown", "--port", "x"], "invalid int"),
    ],
)
def test_refusals_are_one_sentence(
    arguments: list[object], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if "--pose" in arguments:
        monkeypatch.setenv("UNDERSTUDY_MODELS", str(tmp_path))
    command = [sys.executable, str(RUN), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    assert sentence in last_line(done)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()


def test_names_may_begin_with_a_dash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-take.mp4").write_bytes(DANCER.read_bytes())
    run("capture", "-take.mp4", "--out=-d", "--title=-t")
    assert Dataset.open(tmp_path / "-d").manifest.title == "-t"
    (tmp_path / "-d").rename(tmp_path / "--d.of mine")
    run("export", "--d.of mine", "--format", "coco", "--out", "x.zip")
    assert (tmp_path / "x.zip").is_file()


def test_segment_does_not_replace_its_pictures(tmp_path: Path, models: Path) -> None:
    with Image.open(models / "test_image.bmp") as picture:
        picture.save(tmp_path / "two.png")
    before = (tmp_path / "two.png").read_bytes()
    for given in (tmp_path, tmp_path / "two.png"):
        done = run("segment", given, "--out", tmp_path, code=1)
        assert "is one of the pictures" in last_line(done)
    assert (tmp_path / "two.png").read_bytes() == before


def test_a_folder_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    done = run("capture", JUGGLER, "--out", tmp_path, code=1)
    assert "exists already" in last_line(done)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_video_without_people_says_so(tmp_path: Path, videos: Path) -> None:
    import cv2

    out = tmp_path / "empty.mp4"
    with av.open(str(videos / "empty_then_people.mp4")) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="bgr24")
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"mp4v"), 10, frame.shape[1::-1])
    for _ in range(10):
        writer.write(frame)
    writer.release()
    done = run("capture", out, "--out", tmp_path / "d", code=1)
    assert "Nobody was found in 10 frames of empty.mp4" in last_line(done)
    assert not (tmp_path / "d").exists()


def test_a_bad_video_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    done = run("capture", tmp_path / "bad.mp4", JUGGLER, "--out", tmp_path / "all", code=1)
    assert "bad.mp4 is not a video" in done.stderr
    assert [path.name for path in (tmp_path / "all").iterdir()] == ["juggler_320"]
    assert Dataset.open(tmp_path / "all" / "juggler_320").manifest.state == "complete"


def test_stopped_before_anybody_was_found(tmp_path: Path) -> None:
    """Ctrl-C at once: no empty dataset, no traceback, and the code says which signal it was."""
    command = [sys.executable, str(RUN), "capture", str(DANCER), f"--out={tmp_path / 'd'}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while not (tmp_path / "d").exists():
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in said
    kept = tmp_path / "d"
    assert not kept.exists() or Dataset.open(kept).manifest.state == "complete"


def test_segment_into_a_file_is_refused(tmp_path: Path, models: Path) -> None:
    (tmp_path / "out").write_text("mine")
    done = run("segment", models / "test_image.bmp", "--out", tmp_path / "out", code=1)
    assert "could not be written" in last_line(done)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_missing_package_is_a_sentence(tmp_path: Path) -> None:
    """Python without the environment (-S: no installed packages)."""
    command = [sys.executable, "-S", str(RUN), "segment", "a.png", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "is not installed: use `make run`" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_models_are_quick(tmp_path: Path) -> None:
    """Neither loads what only the server or a network needs."""
    check = (
        "import runpy, sys; sys.argv = ['run.py', *sys.argv[1:]]\n"
        f"try: runpy.run_path({str(RUN)!r}, run_name='__main__')\n"
        "except SystemExit: pass\n"
        "loaded = {'aiortc', 'cv2', 'av', 'ai_edge_litert'} & set(sys.modules)\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    for arguments in (["--help"], ["models"]):
        done = subprocess.run(
            [sys.executable, "-c", check, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_a_reader_who_has_heard_enough_is_no_error() -> None:
    command = [sys.executable, str(RUN), "models"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert first.stdout is not None
    assert first.stderr is not None
    first.stdout.close()  # As `| true` does.
    assert first.wait(60) == 1
    assert first.stderr.read() == b""


def test_the_network_that_is_used_is_listed_as_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fetched BodyPix; in a fresh clone the one that lies in the repository."""

    def default() -> list[str]:
        lines = run("models").stdout.splitlines()
        return [line.split()[0] for line in lines if "here, default" in line]

    assert default() == ["bodypix-075"]
    monkeypatch.setenv("UNDERSTUDY_MODELS", str(tmp_path))
    assert default() == ["understudy-default"]


def test_models_are_listed_and_a_second_server_is_refused(tmp_path: Path) -> None:
    assert "bodypix-075" in run("models").stdout
    command = [sys.executable, str(RUN), "--port=0", f"--data={tmp_path}"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None
        line = first.stdout.readline()
        port = int(line.rstrip("/\n").rpartition(":")[2])
        same_data = run("--port=0", f"--data={tmp_path}", code=1)
        assert "Another Understudy uses the data folder" in last_line(same_data)
        same_port = run(f"--port={port}", f"--data={tmp_path / 'other'}", code=1)
        assert f"Port {port} is in use" in last_line(same_port)
    finally:
        first.terminate()
        assert first.wait(20) == 0
