"""A performer learns from a real clip: data, loop, what goes wrong, what comes out."""

from __future__ import annotations

import copy
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from capture.dataset import Dataset
from capture.importer import ImportOptions, import_video
from inference.analysis import Analysis
from inference.pool import NetworkPool
from tests.figures import person
from tests.transfer.conftest import juggler  # noqa: F401  A fixture.
from training.direct_data import DirectData
from training.discriminator import Judges, feature_matching
from training.errors import TrainingError
from training.evaluate_performer import PlateOnly, reconstruction
from training.picture_metrics import ssim
from training.run_folder import RunFolder
from training.same_person import check_one_person
from training.transfer_data import PLAIN, Augment, Batch, Joined, TransferData, batches
from training.transfer_losses import network_input, ramp
from training.transfer_sources import check_enough, check_one_camera, split, target_of
from training.transfer_training import Recipe, Teacher, Told, TransferTraining
from transfer.condition import CHANNELS, PARTS, Ingredients
from transfer.crop import usual_side
from transfer.errors import TransferError
from transfer.face import FaceStage, cut_faces
from transfer.gan import GanPerformer
from transfer.generator import GENERATORS, Generator, GeneratorPreset, encode
from transfer.performers import find_performer
from transfer.target import Target
from transfer.trained import Trained, load_generator, save_generator
from transfer.trained_files import PERFORMER_NAME, WEIGHTS_NAME, base_generator

SMALL = GeneratorPreset("realtime", (24, 48, 96, 160), 3, 12, 4, 1e-3)


@pytest.fixture(scope="module")
def target(juggler: Path) -> Target:  # noqa: F811
    return Target.open(juggler)


@pytest.fixture(scope="module")
def data(target: Target) -> tuple[TransferData, TransferData]:
    learnt, held_out = split(target)
    side = usual_side([target.labels(number) for number in learnt])
    return TransferData(target, learnt, side, 64), TransferData(target, held_out, side, 64)


Data = tuple[TransferData, TransferData]


def training(path: Path, minutes: float) -> TransferTraining:
    torch.manual_seed(0)
    return TransferTraining(Generator(SMALL), RunFolder(path), Ingredients(), minutes)


def slow_ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Wang et al., equation 13, pixel by pixel, one colour."""
    away = np.arange(11) - 5
    window = np.exp(-(away[:, None] ** 2 + away**2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for row in range(first.shape[0] - 10):
        for column in range(first.shape[1] - 10):
            one = first[row : row + 11, column : column + 11]
            two = second[row : row + 11, column : column + 11]
            mean_one, mean_two = (window * one).sum(), (window * two).sum()
            variance_one = (window * (one - mean_one) ** 2).sum()
            variance_two = (window * (two - mean_two) ** 2).sum()
            both = (window * (one - mean_one) * (two - mean_two)).sum()
            values.append(
                ((2 * mean_one * mean_two + 1e-4) * (2 * both + 9e-4))
                / ((mean_one**2 + mean_two**2 + 1e-4) * (variance_one + variance_two + 9e-4))
            )
    return float(np.mean(values))


def test_ssim_is_that_of_the_paper() -> None:
    random = np.random.default_rng(0)
    first = cv2.GaussianBlur(random.random((24, 30)), (0, 0), 1)
    second = (first + random.normal(0, 0.1, first.shape)).clip(0, 1)
    ours = ssim(*(torch.from_numpy(one)[None, None].repeat(1, 3, 1, 1) for one in (first, second)))
    assert float(ours[0]) == pytest.approx(slow_ssim(first, second), abs=1e-4)


def test_an_example_is_picture_and_condition_of_one_frame(target: Target, data: Data) -> None:
    learnt, _ = data
    [example] = learnt.examples(5, PLAIN, np.random.default_rng(0))
    one = learnt.kept[5]
    true = one.crop.cut(target.frame(one.number), 64)
    assert np.abs(example.rgb.astype(int) - true).mean() < 10
    assert example.parts.max() <= 24
    assert (example.mask == (example.parts > 0)).all()
    # Where the plate differs from the picture, there somebody is.
    away = np.abs(example.rgb.astype(int) - example.plate).max(axis=2)
    assert np.median(away[example.mask > 0]) > 3 * np.median(away[example.mask == 0])


def test_the_frame_before_comes_in_the_very_same_crop(target: Target, data: Data) -> None:
    learnt, _ = data
    wanted = replace(PLAIN, before=True)
    now, before = learnt.examples(5, wanted, np.random.default_rng(0))
    one = learnt.kept[5]
    assert learnt.kept[4].number == one.number - 1
    true = one.crop.cut(target.frame(one.number - 1), 64)
    assert np.abs(before.rgb.astype(int) - true).mean() < 10
    np.testing.assert_array_equal(now.plate, before.plate)
    assert (now.parts != before.parts).any()
    # The first of all has none: it is its own.
    first, same = learnt.examples(0, wanted, np.random.default_rng(0))
    np.testing.assert_array_equal(first.rgb, same.rgb)


def test_a_mirrored_example_swaps_left_and_right(data: Data) -> None:
    learnt, _ = data
    [plain] = learnt.examples(3, PLAIN, np.random.default_rng(0))
    [other] = learnt.examples(3, replace(PLAIN, mirror=1.0), np.random.default_rng(0))
    assert np.abs(other.rgb[:, ::-1].astype(int) - plain.rgb).mean() < 3
    assert np.abs(other.plate[:, ::-1].astype(int) - plain.plate).mean() < 3
    # Label 1 is the left face, 2 the right (BodyPix): the mirrored one has them swapped.
    swapped = (other.parts[:, ::-1] == 2) == (plain.parts == 1)
    assert swapped.mean() > 0.99
    np.testing.assert_allclose(other.face, (63 - plain.face[0], *plain.face[1:]), atol=0.01)


def test_batches_are_the_same_again_and_go_on_from_any_place(data: Data) -> None:
    learnt, _ = data
    first = batches(learnt, 2, Augment(), seed=1)
    made = [next(first) for _ in range(3)]
    first.close()
    again = batches(learnt, 2, Augment(), seed=1, first=2)
    assert torch.equal(next(again)[0].rgb, made[2][0].rgb)
    again.close()


def test_the_condition_is_encoded_channel_by_channel() -> None:
    parts = torch.randint(0, 25, (2, 32, 32), dtype=torch.uint8)
    limbs = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    previous = torch.rand(2, 4, 32, 32)
    x = encode(parts, limbs, previous, Ingredients(previous=True))
    assert x.shape == (2, CHANNELS, 32, 32)
    assert torch.equal(x[:, :PARTS].argmax(1).byte(), parts)
    assert torch.equal(x[:, :PARTS].sum(1), torch.ones(2, 32, 32))
    assert torch.equal((x[:, PARTS:-4] * 255).round().byte(), limbs.permute(0, 3, 1, 2))
    assert torch.equal(x[:, -4:], previous)
    without = encode(parts, limbs, previous, Ingredients(parts=False))
    assert without[:, :PARTS].abs().sum() == without[:, -4:].abs().sum() == 0


def test_the_generator_never_makes_colour_without_alpha() -> None:
    made = Generator(GENERATORS["realtime"])(torch.rand(2, CHANNELS, 64, 64))
    assert made.shape == (2, 4, 64, 64)
    assert (made[:, :3] <= made[:, 3:]).all()
    assert made.min() >= 0
    assert made[:, 3].max() <= 1


def test_judges_see_patches_at_every_scale_and_features_match_themselves() -> None:
    judges = Judges(8, 2)
    found = judges(torch.rand(1, 8, 64, 64))
    assert [judged.shape[2:] for judged, _ in found] == [(8, 8), (4, 4)]
    assert feature_matching(found, found) == 0


def test_the_face_stage_changes_the_face_alone() -> None:
    torch.manual_seed(0)
    stage = FaceStage().eval()
    layer = torch.rand(2, 4, 96, 96)
    layer[:, :3] *= layer[:, 3:]
    x = torch.rand(2, CHANNELS, 96, 96)
    faces = torch.tensor([[40.0, 30.0, 24.0], [0.0, 0.0, 0.0]])
    with torch.no_grad():
        assert torch.allclose(stage(layer, x, faces), layer, atol=1e-6)
        torch.nn.init.normal_(stage.out.weight, std=1.0)
        made = stage(layer, x, faces)
    assert torch.allclose(made[1], layer[1], atol=1e-6)
    changed = (made[0] - layer[0]).abs().amax(0) > 1e-5
    rows, columns = torch.nonzero(changed, as_tuple=True)
    assert changed.sum() > 100
    assert rows.min() >= 17
    assert rows.max() <= 43
    assert columns.min() >= 27
    assert columns.max() <= 53
    assert (made[:, :3] <= made[:, 3:] + 1e-6).all()


def test_a_face_is_cut_out_where_it_is() -> None:
    picture = torch.zeros(1, 1, 96, 96)
    picture[..., 20:40, 50:70] = 1
    cut = cut_faces(picture, torch.tensor([[59.5, 29.5, 20.0]]))
    assert cut.shape == (1, 1, 64, 64)
    assert cut[..., 2:-2, 2:-2].min() > 0.99
    assert cut_faces(picture, torch.tensor([[59.5, 29.5, 40.0]])).mean() == pytest.approx(
        0.25, abs=0.02
    )


def test_it_learns_goes_on_after_a_stop_and_performs(
    tmp_path: Path, target: Target, data: Data
) -> None:
    """Half a minute: nearer to the truth than the plate alone; an untrained network is not."""
    learnt, held_out = data
    run = tmp_path / "run"
    run.mkdir()
    about = Trained(
        "Juggler", target.dataset.manifest.id, "realtime", 64,
        usual_side([target.labels(0)]), target.stage, Ingredients(),
    )  # fmt: skip
    about.save(run, target.plate, target.frame(0))
    numbers = split(target)[1]
    plate = reconstruction(PlateOnly(target.plate), target, numbers)
    save_generator(Generator(SMALL), run / WEIGHTS_NAME)
    untrained = reconstruction(GanPerformer(run, target.stage), target, numbers)
    assert untrained["error"] > 0.8 * plate["error"]

    told: list[Told] = []
    first = training(run, 0.5)
    first.run(learnt, held_out, Augment(), told.append, lambda: len(told) >= 15)
    assert first.seen == 60
    second = training(run, 0.5)
    assert second.seen == 60
    second.run(learnt, held_out, Augment(), told.append)
    assert told[-1].losses["pixels"] < told[0].losses["pixels"]
    trained = reconstruction(GanPerformer(run, target.stage), target, numbers)
    assert trained["error"] < 0.7 * plate["error"]
    assert trained["error"] < 0.8 * untrained["error"]
    assert trained["ssim"] > plate["ssim"]
    assert RunFolder(run).history()[-1]["held_out"]["ssim"] > 0


def test_the_judge_is_learnt_with(tmp_path: Path, data: Data) -> None:
    told: list[Told] = []
    made = training(tmp_path, 5)
    made.seconds = 200
    before = copy.deepcopy(made.checkpoint()["opponents"][""]["judges"])
    made.run(*data, Augment(), told.append, lambda: len(told) >= 3)
    assert {"adversarial", "features"} <= set(told[-1].losses)
    after = made.checkpoint()["opponents"][""]["judges"]
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_pairs_a_face_and_a_teacher_are_learnt_with_and_it_goes_on(
    tmp_path: Path, data: Data
) -> None:
    torch.manual_seed(0)
    recipe = Recipe(pairs=True, scales=2, face=True)
    ingredients = Ingredients(previous=True)
    teacher = Teacher(Generator(SMALL), Ingredients())

    def begin(folder: Path, recipe: Recipe) -> TransferTraining:
        generator = Generator(SMALL, recipe.face)
        return TransferTraining(
            generator, RunFolder(folder), ingredients, 4, recipe=recipe, teacher=teacher
        )

    made = begin(tmp_path, recipe)
    assert made.needs_before
    made.seconds = 200
    told: list[Told] = []
    made.run(*data, Augment(before=True), told.append, lambda: len(told) >= 6)
    wanted = {"teacher", "adversarial", "features", "face_pixels", "face_adversarial"}
    assert wanted <= set(told[-1].losses)
    saved = load_generator(tmp_path / WEIGHTS_NAME)
    assert saved.face is not None
    assert saved.face.out.weight.abs().max() > 0
    again = begin(tmp_path, recipe)
    assert again.seen == made.seen
    with pytest.raises(TrainingError, match="begun with other options"):
        begin(tmp_path, Recipe())


def test_a_newer_checkpoint_is_taken_up_and_nobody_is_the_plate(
    tmp_path: Path, target: Target
) -> None:
    about = Trained(
        "Juggler", "id", "realtime", 64, usual_side([target.labels(0)]), target.stage, Ingredients()
    )
    about.save(tmp_path, target.plate, target.frame(0))
    torch.manual_seed(0)
    save_generator(Generator(SMALL), tmp_path / WEIGHTS_NAME)
    performer = GanPerformer(tmp_path)
    pair = target.pairs[0]
    assert pair.keypoints is not None
    keypoints = target.keypoints[0]
    analysis = Analysis(target.labels(0), person(keypoints), smoothed=keypoints)
    before = performer.perform(target.frame(0), analysis, 5.0)
    torch.manual_seed(1)
    save_generator(Generator(SMALL), tmp_path / WEIGHTS_NAME)
    performer.reset()
    same = performer.perform(target.frame(0), analysis, 5.1)
    assert np.array_equal(same, before)
    performer.reset()
    newer = performer.perform(target.frame(0), analysis, 7.0)
    assert not np.array_equal(newer, before)
    nobody = Analysis(np.zeros_like(analysis.labels), None)
    assert np.array_equal(performer.perform(target.frame(0), nobody, 7.1), target.plate)


def test_the_base_generator_is_small_and_of_this_version() -> None:
    path = base_generator("realtime")
    assert path.stat().st_size < 8_000_000
    generator = load_generator(path)
    assert generator.preset == GENERATORS["realtime"]
    assert next(generator.parameters()).dtype == torch.float32
    assert not base_generator("quality").exists()


def test_runs_that_cannot_be_used_say_so(tmp_path: Path, target: Target) -> None:
    about = Trained("J", "id", "realtime", 64, 300, target.stage, Ingredients())
    about.save(tmp_path, target.plate, target.frame(0))
    save_generator(Generator(SMALL), tmp_path / WEIGHTS_NAME)
    assert Trained.load(tmp_path)[0] == about
    weights = (tmp_path / WEIGHTS_NAME).read_bytes()
    (tmp_path / WEIGHTS_NAME).write_bytes(weights[: len(weights) // 2])
    with pytest.raises(TransferError, match="holds no generator"):
        load_generator(tmp_path / WEIGHTS_NAME)
    text = (tmp_path / PERFORMER_NAME).read_text()
    (tmp_path / PERFORMER_NAME).write_text(
        text.replace('"condition_version": 1', '"condition_version": 99')
    )
    with pytest.raises(TransferError, match="another version"):
        Trained.load(tmp_path)


def test_too_little_data_says_what_to_do(juggler: Path, tmp_path: Path) -> None:  # noqa: F811
    folder = shutil.copytree(juggler, tmp_path / "d")
    Dataset.open(folder).delete_pairs(range(80))
    target = Target.open(folder)
    with pytest.raises(TrainingError, match="usable frames, 50 are needed"):
        check_enough([target], [split(target)])


def test_a_run_knows_where_its_dataset_was(tmp_path: Path, target: Target) -> None:
    dataset = target.dataset
    about = Trained(
        "Juggler", dataset.manifest.id, "realtime", 64, 300, target.stage, Ingredients()
    )
    run = RunFolder(tmp_path / "run")
    run.open({"kind": "performer", "preset": "realtime", "sources": [str(dataset.path)]})
    assert target_of(run.path, about, None).dataset.path == dataset.path
    with pytest.raises(TrainingError, match="was trained on another dataset: Juggler"):
        target_of(run.path, replace(about, dataset="other"), None)
    moved = RunFolder(tmp_path / "moved")
    moved.open({"kind": "performer", "preset": "realtime", "sources": [str(tmp_path / "gone")]})
    with pytest.raises(TrainingError, match="with --dataset"):
        target_of(moved.path, about, None)
    assert target_of(moved.path, about, str(dataset.path)).size == target.size


def test_two_people_are_not_learnt_as_one(videos: Path, models: Path, tmp_path: Path) -> None:
    """The booth's grey shirt and its orange jumper, and the grey shirt twice."""
    pool = NetworkPool.open("bodypix-075", "cpu")
    for name in ("milk", "please", "book"):
        clip = videos / "booth" / f"{name}.mkv"
        import_video(clip, tmp_path / name, pool, ImportOptions())
    pool.close()
    milk, please, book = (Target.open(tmp_path / name) for name in ("milk", "please", "book"))
    check_one_person([milk, please])
    with pytest.raises(TrainingError, match="Two people, or two dresses"):
        check_one_person([milk, book])
    manifest = tmp_path / "book" / "dataset.json"
    manifest.write_text(manifest.read_text().replace('"width": 640', '"width": 320'))
    with pytest.raises(TrainingError, match="datasets of one camera"):
        check_one_camera([milk, Target.open(tmp_path / "book")])


def test_direct_examples_show_the_source_in_the_pose_of_the_target(
    target: Target, data: Data
) -> None:
    """The dancer as a source of themselves: the nearest pose is the very frame."""
    learnt, _ = data
    direct = DirectData(learnt, target, learnt, target)
    assert direct.matches == list(range(len(learnt)))
    [example] = direct.examples(4, Augment(mirror=1.0, drop=0), np.random.default_rng(2))
    there = example.mask > 0
    np.testing.assert_array_equal(example.limbs[there], example.rgb[there])
    assert not example.limbs[~there].any()
    batch = Batch.of([example])
    x = network_input(batch, None, Ingredients(parts=False, pose=False, picture=True))
    np.testing.assert_array_equal(x[0, 1].numpy(), example.mask)
    np.testing.assert_array_equal(x[0, 0].numpy(), 1 - example.mask)
    assert not x[:, 2:PARTS].any()
    assert torch.equal((x[:, PARTS:-4] * 255).round().byte(), batch.limbs.permute(0, 3, 1, 2))


def test_a_direct_performer_is_shown_the_sources_own_picture(
    tmp_path: Path, target: Target
) -> None:
    ingredients = Ingredients(parts=False, pose=False, picture=True)
    about = Trained(
        "J", "id", "direct", 64, usual_side([target.labels(0)]), target.stage, ingredients
    )
    about.save(tmp_path, target.plate, target.frame(0))
    torch.manual_seed(0)
    save_generator(Generator(GENERATORS["direct"]), tmp_path / WEIGHTS_NAME)
    performer = GanPerformer(tmp_path, target.stage)
    keypoints = target.keypoints[0]
    analysis = Analysis(target.labels(0), person(keypoints), smoothed=keypoints)
    bright = np.asarray(cv2.convertScaleAbs(target.frame(0), beta=60))
    first = performer.perform(target.frame(0), analysis, 0.0)
    assert np.array_equal(first, performer.perform(target.frame(0), analysis, 0.1))
    assert not np.array_equal(first, performer.perform(bright, analysis, 0.2))
    with pytest.raises(TransferError, match="is a direct performer"):
        find_performer(str(tmp_path), "gan")


def test_clips_are_joined_in_order(data: Data) -> None:
    both = Joined(data)
    assert len(both) == len(data[0]) + len(data[1])
    random = np.random.default_rng
    for place, (part, own) in {
        0: (0, 0), len(data[0]) - 1: (0, len(data[0]) - 1), len(data[0]): (1, 0)
    }.items():  # fmt: skip
        [ours] = both.examples(place, PLAIN, random(0))
        [theirs] = data[part].examples(own, PLAIN, random(0))
        assert np.array_equal(ours.rgb, theirs.rgb)


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path, data: Data) -> None:
    made = training(tmp_path, 0.2)
    with torch.no_grad():
        made.generator.out.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="no number"):
        made.run(data[0], data[1], Augment(), lambda told: None)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_it_goes_back_to_the_last_good_state_once(tmp_path: Path, data: Data) -> None:
    made = training(tmp_path, 5)
    seconds: list[float] = []
    notes: list[str] = []

    def tell(told: Told) -> None:
        seconds.append(told.seconds)
        if len(seconds) in (4, 8):
            with torch.no_grad():
                made.generator.out.weight.fill_(float("nan"))

    made.run(data[0], data[1], Augment(), lambda told: None, lambda: True)
    with pytest.raises(TrainingError, match="no number"):
        made.run(data[0], data[1], Augment(), tell, lambda: False, notes.append)
    assert len(notes) == 1
    assert "last good state" in notes[0]
    assert seconds[4] < seconds[3] + 2
    kept = load_generator(tmp_path / WEIGHTS_NAME).state_dict()
    assert all(value.isfinite().all() for value in kept.values())


def test_the_judge_joins_late_and_slowly() -> None:
    assert ramp(0, 900) == ramp(0.35, 900) == 0
    assert 0 < ramp(0.4, 900) < 1
    assert ramp(0.5, 900) == ramp(1.0, 900) == 1
    assert ramp(1.0, 60) == 0
    assert ramp(0.7, 120) == 0
