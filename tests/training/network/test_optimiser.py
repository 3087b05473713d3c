"""Muon for the convolutions within, AdamW for the rest: against what the papers say of a step."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from training.network.optimiser import NARROW, Optimiser
from training.network.student import PRESETS, Student


def layers() -> nn.Sequential:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 24, 3), nn.BatchNorm2d(24), nn.Conv2d(24, 32, 3, bias=False))
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def with_gradients(network: nn.Module) -> None:
    x = torch.randn(4, 3, 16, 16).to(memory_format=torch.channels_last)
    network(x).square().mean().backward()


def test_a_step_of_a_wide_convolution_is_nearly_orthogonal_and_as_large_as_adamws() -> None:
    network = layers()
    kernel = network[2].weight
    before = kernel.detach().clone()
    optimiser = Optimiser(network, 0.0)
    with_gradients(network)
    optimiser.step(0.01)
    step = (before - kernel.detach()).flatten(1) / 0.01
    # Newton-Schulz leaves singular values between about 0.7 and 1.2; the size is that of AdamW's
    # steps, 0.2 to 0.4 in each weight (Liu et al., 2025, section 2.2).
    values = np.linalg.svd(step.numpy(), compute_uv=False) / (0.2 * np.sqrt(24 * 9))
    assert 0.6 < values.min() <= values.max() < 1.3
    assert 0.1 < float(step.square().mean().sqrt()) < 0.4


def test_a_narrow_convolution_and_norms_step_as_adamw_steps() -> None:
    ours, theirs = layers(), layers()
    optimiser = Optimiser(ours, 0.02)
    adam = torch.optim.AdamW(theirs.parameters(), 0.01, weight_decay=0.02)
    torch.manual_seed(1)
    with_gradients(ours)
    torch.manual_seed(1)
    with_gradients(theirs)
    optimiser.step(0.01)
    adam.step()
    for index in (0, 1):
        torch.testing.assert_close(ours[index].weight, theirs[index].weight)
        torch.testing.assert_close(ours[index].bias, theirs[index].bias)
    assert not torch.allclose(ours[2].weight, theirs[2].weight)


def test_a_step_clears_the_gradients() -> None:
    network = layers()
    optimiser = Optimiser(network, 0.0)
    with_gradients(network)
    optimiser.step(0.01)
    assert all(weight.grad is None for weight in network.parameters())


def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_been() -> None:
    network = layers()
    optimiser = Optimiser(network, 0.02)
    with_gradients(network)
    optimiser.step(0.01)
    again = layers()
    again.load_state_dict(network.state_dict())
    other = Optimiser(again, 0.02)
    other.load_state_dict(deepcopy(optimiser.state_dict()))
    for one, steps in ((network, optimiser), (again, other)):
        torch.manual_seed(2)
        with_gradients(one)
        steps.step(0.01)
    for name, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_another_optimisers_checkpoint_is_refused() -> None:
    with pytest.raises(KeyError):
        Optimiser(layers(), 0.0).load_state_dict({"state": {}, "param_groups": []})


def test_of_a_student_only_the_first_and_the_last_layers_are_adamws() -> None:
    student = Student(PRESETS["fast"])
    narrow = [
        name
        for name, weight in student.named_parameters()
        if weight.ndim == 4 and min(weight.shape[:2]) < NARROW
    ]
    assert len(narrow) == 2
    assert sum(dict(student.named_parameters())[name].numel() for name in narrow) < 1000


def test_a_network_whose_kernels_would_be_copied_is_refused() -> None:
    with pytest.raises(RuntimeError, match="view"):
        Optimiser(nn.Conv2d(16, 16, 3), 0.0)
