"""Patches judged at several scales."""

from __future__ import annotations

import torch

from training.discriminator import Judges, feature_matching


def test_judges_see_patches_at_every_scale_and_features_match_themselves() -> None:
    judges = Judges(8, 2)
    found = judges(torch.rand(1, 8, 64, 64))
    assert [judged.shape[2:] for judged, _ in found] == [(8, 8), (4, 4)]
    assert feature_matching(found, found) == 0
