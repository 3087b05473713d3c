"""What both training loops have in common."""

import numpy as np
import torch
from torch import nn

from training.loop import update_average


def test_a_running_mean_follows_the_network_as_the_formula_says() -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))
    mean = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))
    mean.load_state_dict(network.state_dict())
    expected = network[0].weight.detach().numpy().copy()
    for step, longest in ((1, 0.9), (2, 0.9), (500, 0.9)):
        with torch.no_grad():
            network[0].weight += 1
            network[1].num_batches_tracked += 7
        update_average(mean, network, step, longest)
        keep = min(longest, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * network[0].weight.detach().numpy()
    np.testing.assert_allclose(mean[0].weight.detach().numpy(), expected, rtol=1e-5)
    assert int(mean[1].num_batches_tracked) == 21
