"""Normalised observations, and the statistics that they are normalised by."""

from __future__ import annotations

import numpy as np
import torch

from ppo_cli.nn.normalize import ObsNormalizer, RunningStatistics


def test_running_statistics_equal_those_of_all_observations_that_count_at_once() -> None:
    rng = np.random.default_rng(4)
    batches = [
        rng.normal(1e4, [1e-3, 1.0, 100.0], (members, size, 3)).astype(np.float32)
        for members, size in ((2, 5), (2, 1), (2, 300))
    ]
    statistics = RunningStatistics.none(2, 3)
    for batch in batches:
        padded = np.concatenate((batch, np.full((2, 4, 3), 1e9, np.float32)), axis=1)
        seen = torch.arange(padded.shape[1]).expand(2, -1) < batch.shape[1]
        statistics.update_(torch.from_numpy(padded), seen)
    everything = np.concatenate(batches, axis=1).astype(np.float64)
    np.testing.assert_allclose(statistics.mean, everything.mean(1), rtol=1e-12)
    np.testing.assert_allclose(statistics.var, everything.var(1), rtol=1e-6)
    assert statistics.count.tolist() == [306.0, 306.0]


def test_normalised_observations_have_mean_zero_and_deviation_one_and_are_clipped() -> None:
    mean, var = torch.tensor([[10.0, 0.0]]).double(), torch.tensor([[4.0, 0.0]]).double()
    obs = torch.tensor([[[12.0, 0.0], [10.0, 0.0], [1000.0, 1.0], [-1000.0, -1.0]]])
    result = ObsNormalizer.make(True, mean, var, torch.tensor([5.0]))(obs)
    torch.testing.assert_close(result[0, :, 0], torch.tensor([1.0, 0.0, 5.0, -5.0]))
    torch.testing.assert_close(result[0, :, 1], torch.tensor([0.0, 0.0, 5.0, -5.0]))
    assert torch.equal(ObsNormalizer.make(False, mean, var, torch.tensor([5.0]))(obs), obs)
