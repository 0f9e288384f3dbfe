"""The initial weights of a layer."""

from __future__ import annotations

import numpy as np
import pytest

from ppo_cli.nn.layers import orthogonal


@pytest.mark.parametrize(("n_in", "n_out"), [(64, 64), (4, 64), (64, 3), (1, 5), (5, 1)])
def test_the_initial_weights_are_orthogonal_times_the_gain(n_in: int, n_out: int) -> None:
    matrix = orthogonal(np.random.default_rng(0), n_in, n_out, 1.7).astype(np.float64)
    small = matrix @ matrix.T if n_in <= n_out else matrix.T @ matrix
    np.testing.assert_allclose(small, 1.7**2 * np.eye(len(small)), atol=1e-5)


def test_the_orthogonal_matrices_are_spread_evenly_over_signs() -> None:
    """Without the sign correction QR gives matrices whose diagonal has one sign far more often."""
    signs = [orthogonal(np.random.default_rng(seed), 1, 1, 1.0)[0, 0] for seed in range(200)]
    assert 60 < sum(sign > 0 for sign in signs) < 140
