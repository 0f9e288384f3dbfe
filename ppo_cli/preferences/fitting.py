"""Fitting an ensemble of reward models to comparisons: one batched program, a row for each member.

Member k never sees the k-th share of the episodes. Its loss there says when it stops, and its answers there
say how good the model is. A member's bits depend on its number, and not on which others are fitted beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppo_cli.config.preference_settings import FitSettings
from ppo_cli.learn.minibatches import permutations, shuffled
from ppo_cli.learn.optimise import Gradient, Trainable, optimise
from ppo_cli.nn.masked import mask_weights
from ppo_cli.preferences.dataset import PairData
from ppo_cli.preferences.split import shares_of_pairs
from ppo_cli.rewards.inputs import Inputs
from ppo_cli.rewards.model import RewardModel, RewardShape
from ppo_cli.rewards.network import Clips, RewardNetwork, preference_loss
from ppo_cli.rewards.sequences import sequences_of_clips
from ppo_cli.rng import Stream, episode_seed, generator

_JUDGED_AT_ONCE = 256  # pairs


@dataclass(frozen=True)
class PairBatch:
    """Which pairs a minibatch is made of, per member.

    Attributes:
        index: Their numbers, ``[K, B]``.
        weights: How much they count, ``[K, B]``; 0 for fillers.
    """

    index: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Prepared:
    """Pairs as networks take them.

    Attributes:
        steps: ``[N, 2, L, D]``.
        states: Scaled observations at both ends, ``[N, 2, 2, O]``.
        mask: ``[N, 2, L]`` bool.
        preference: ``[N]``.
        position_weights: Where a network that scores prefixes is judged, ``[N, S]``; sum to one.
    """

    steps: Tensor
    states: Tensor
    mask: Tensor
    preference: Tensor
    position_weights: Tensor

    @classmethod
    def of(cls, data: PairData, inputs: Inputs, network: RewardNetwork, loudness: float) -> Prepared:
        """The pairs of a set, scaled."""
        seen, length = data.seen, data.mask.shape[-1]
        ends = torch.stack((seen.obs[:, :, 0], seen.next_obs[:, :, -1]), 2)
        weights = torch.ones(len(data), 1)
        if network.judges_prefixes:
            weights = (torch.arange(length) >= data.part_from[:, None]).float()
            weights = weights / weights.sum(-1, keepdim=True)
        return cls(
            inputs.step(seen, data.spec.action, loudness),
            inputs.state(ends),
            data.mask,
            data.preference,
            weights,
        )

    def clips(self, index: Tensor) -> Clips:  # [K, B] -> 2 B clips
        """Both clips of some pairs."""
        return Clips(*(values[index].flatten(1, 2) for values in (self.steps, self.states, self.mask)))


@dataclass(frozen=True)
class PairwiseObjective:
    """The pairwise loss as :func:`~ppo_cli.learn.optimise.optimise` takes it."""

    network: RewardNetwork
    pairs: Prepared
    settings: FitSettings

    def loss(self, scores: Tensor, index: Tensor, weights: Tensor) -> Tensor:  # [K, B, 2, S] -> [K]
        """The mean loss of some pairs."""
        own = self.settings
        return preference_loss(
            scores, self.pairs.preference[index], self.pairs.position_weights[index], weights,
            noise_floor=own.noise_floor, margin=own.margin, centring=own.centring,
            length=self.pairs.mask.shape[-1],
        )  # fmt: skip

    def scores(self, params: Tensor, index: Tensor) -> Tensor:  # [K, B, 2, S]
        """What both clips of some pairs are worth."""
        scores = self.network.scores(params, self.pairs.clips(index))
        return scores.view(*index.shape, 2, -1)

    def gradient(self, params: Tensor, part: PairBatch) -> Gradient:
        """By automatic differentiation down to the scores, and by the network's own way below them."""
        scores = self.scores(params, part.index).detach().requires_grad_()
        weights = mask_weights(part.weights)
        loss = self.loss(scores, part.index, weights)
        (grad,) = torch.autograd.grad(loss.sum(), scores)
        grads = self.network.backward(params, grad.flatten(1, 2))
        return Gradient(grads, part.weights.any(1), (loss.detach(),))

    def metrics(self, seen: Sequence[Tensor], batch: PairBatch) -> dict[str, Tensor]:
        """The loss."""
        return {"train/reward_loss": seen[0]}


@dataclass
class FitState:
    """Everything of a fit that changes.

    Attributes:
        epoch: Passes done.
        trainable: The members' parameters.
        best: Parameters with the least held-out loss, ``[K, P]``.
        best_loss: That loss, ``[K]``.
        best_epoch: When that was, ``[K]`` int64.
    """

    epoch: int
    trainable: Trainable
    best: Tensor
    best_loss: Tensor
    best_epoch: Tensor

    def tensors(self) -> dict[str, np.ndarray]:
        """For a checkpoint."""
        own = {"best": self.best, "best_loss": self.best_loss, "best_epoch": self.best_epoch}
        return {name: value.numpy() for name, value in (self.trainable.tensors() | own).items()}

    @classmethod
    def of(cls, epoch: int, tensors: Mapping[str, Any]) -> FitState:
        """The inverse of :meth:`tensors`.

        Raises:
            KeyError: One is missing.
        """
        own = {name: torch.from_numpy(np.array(value)) for name, value in tensors.items()}
        trainable = Trainable(**{name: own[name] for name in Trainable.names()})
        return cls(epoch, trainable, own["best"], own["best_loss"], own["best_epoch"])


class Fit:
    """A fit of an ensemble to pairs.

    Args:
        data: The pairs.
        settings: How it is fitted.
        seed: Its seed.
        length: Steps of a clip.
        judged_by: What the teacher judged by.
        starts: Reset seed of each episode.
        members: Which of the members are fitted; by default all.
    """

    def __init__(
        self,
        data: PairData,
        settings: FitSettings,
        seed: int,
        length: int,
        judged_by: str,
        starts: Mapping[str, int] | None = None,
        members: Sequence[int] | None = None,
    ) -> None:
        self.data, self.settings = data, settings
        self.shape = RewardShape(data.spec, settings, length, judged_by)
        self.network = self.shape.network()
        self.inputs = data.inputs()
        self.members = list(range(settings.members) if members is None else members)
        self.seeds = [episode_seed(seed, Stream.FIT, member, 0) for member in self.members]
        self.shares = shares_of_pairs(data.comparisons, settings.members, seed, starts)
        self.objective = PairwiseObjective(
            self.network, Prepared.of(data, self.inputs, self.network, settings.loudness), settings
        )
        self._order = self._training_pairs()
        self._mine = torch.from_numpy(self.shares)[None] == torch.tensor(self.members)[:, None]  # [K, N]

    def begin(self) -> FitState:
        """The state before the first pass."""
        params = self.network.init([generator(seed, Stream.INIT) for seed in self.seeds])
        count = len(self.members)
        return FitState(
            0, Trainable.fresh(params), params.clone(), torch.full((count,), torch.inf),
            torch.zeros(count, dtype=torch.int64),
        )  # fmt: skip

    def run(self, state: FitState) -> Iterator[FitState]:
        """Fit until every member has stopped; the state after each pass, always the same object."""
        rates = torch.full((len(self.members), 1), self.settings.learning_rate, dtype=torch.float64)
        limit = torch.full((len(self.members),), self.settings.max_grad_norm)
        decay = self.network.matrices.float() * self.settings.weight_decay
        while not self.is_done(state):
            epoch = self._epoch(state)
            optimise(state.trainable, self.objective, [epoch], rates, limit, decay)
            state.epoch += 1
            self._judge(state)
            yield state

    def is_done(self, state: FitState) -> bool:
        """Whether no member goes on."""
        return state.epoch >= self.settings.max_epochs or not self._goes_on(state).any()

    def logits(self, params: Tensor) -> Tensor:  # [K, N]
        """How much better each member finds ``a``, at the end of the clips."""
        parts = []
        for index in torch.split(torch.arange(len(self.data)), _JUDGED_AT_ONCE):
            scores = self.objective.scores(params, index.expand(len(params), -1))[..., -1]
            parts.append((scores[..., 0] - scores[..., 1]).clone())
        return torch.cat(parts, 1)

    def held_out_logits(self, params: Tensor) -> Tensor:  # [N]
        """What was said of each pair by the member that had not seen it; NaN of pairs between two shares."""
        logits = self.logits(params)
        share = torch.from_numpy(self.shares)
        picked = logits.gather(0, share.clamp(min=0)[None])[0]
        return picked.where(share >= 0, torch.nan)

    def model(self, state: FitState) -> RewardModel:
        """The ensemble as it is best, with the scale of its rewards."""
        unscaled = RewardModel(self.shape, state.best.clone(), self.inputs, torch.ones(len(self.members)))
        return replace(unscaled, scale=self._scale(unscaled))

    def clip_rewards(self, model: RewardModel, data: PairData) -> Tensor:  # [K, N, 2, L]
        """The rewards of every step of every clip; 0 for fillers."""
        length = data.mask.shape[-1]
        seen, started = sequences_of_clips(data.seen, model.context)
        rewards = model.rewards(seen, started)
        return rewards.view(len(model.params), len(data), 2, length) * data.mask

    def _scale(self, model: RewardModel) -> Tensor:  # [K]
        rewards = self.clip_rewards(model, self.data)[:, self.data.mask]
        return torch.stack([row.double().std(correction=0).clamp(min=1e-6).float() for row in rewards])

    def _training_pairs(self) -> PairBatch:
        """The pairs that each member may see, padded with fillers to one number, ``[K, B]``."""
        sees = [
            np.flatnonzero((self.shares != member) & (self.shares >= 0))
            for member in range(self.settings.members)
        ]
        size = max(max(map(len, sees)), 1)
        size += -size % min(self.settings.batch_pairs, size)
        index = np.zeros((len(self.members), size), dtype=np.int64)
        weights = np.zeros((len(self.members), size), dtype=np.float32)
        for row, member in enumerate(self.members):
            own = sees[member]
            index[row, : len(own)], weights[row, : len(own)] = own, 1.0
        return PairBatch(torch.from_numpy(index), torch.from_numpy(weights))

    def _epoch(self, state: FitState) -> PairBatch:  # [S, K, B]
        size = self._order.index.shape[1]
        going = self._goes_on(state)[:, None].float()
        order = permutations(self.seeds, state.epoch, 1, size)[:, 0]
        batch = replace(self._order, weights=self._order.weights * going)
        return shuffled(batch, order, size // min(self.settings.batch_pairs, size))

    def _goes_on(self, state: FitState) -> Tensor:  # [K] bool
        return state.epoch - state.best_epoch < self.settings.patience

    def _judge(self, state: FitState) -> None:
        """Keep the parameters of the members whose held-out loss is the least so far and that still go on."""
        index = torch.arange(len(self.data)).expand(len(self.members), -1)
        parts = torch.split(index, _JUDGED_AT_ONCE, 1)
        scores = torch.cat([self.objective.scores(state.trainable.params, part).clone() for part in parts], 1)
        weights = mask_weights(self._mine.float())
        rows = zip(*(torch.split(values, 1) for values in (scores, index, weights)), strict=True)
        # One by one: a logarithm is rounded by its place in a tensor too.
        loss = torch.cat([self.objective.loss(*row) for row in rows])
        going = state.epoch - 1 - state.best_epoch < self.settings.patience
        better = (loss < state.best_loss) & going
        state.best[better] = state.trainable.params[better]
        state.best_loss = torch.where(better, loss, state.best_loss)
        state.best_epoch = torch.where(better, state.epoch, state.best_epoch)


def fit_model(fit: Fit, stop: Callable[[], bool] = lambda: False) -> tuple[RewardModel, FitState]:
    """Fit to the end, or until ``stop()`` says so, without checkpoints."""
    state = fit.begin()
    for _ in fit.run(state):
        if stop():
            break
    return fit.model(state), state
