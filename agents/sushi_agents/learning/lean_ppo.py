"""PPO whose update waits for nothing (extra `train`)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from stable_baselines3.common.utils import explained_variance
from torch.nn import functional

from sushi_agents.network.queue_policy import QueuePolicy

PARTS = 2
"""Parts of a minibatch, one thread each: a constant, so that sums are the same on any machine."""

TERMS = (
    "entropy_loss",
    "policy_gradient_loss",
    "value_loss",
    "approx_kl",
    "clip_fraction",
    "loss",
)
"""What is logged of an update, as `PPO` names it."""


class LeanPPO(PPO):
    """Stable-Baselines3's PPO, with the same arithmetic and a leaner loop.

    The networks are too small for PyTorch's threads, which share out each operation: here two
    threads take half of each minibatch from its loss to its gradients, which are then added. What
    is logged of a minibatch stays a tensor until the update is over, instead of being read out
    six times a minibatch.
    """

    def train(self) -> None:
        """Updates the policy from the rollout buffer; see `PPO.train`."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        clip = float(self.clip_range(self._current_progress_remaining))  # type: ignore[operator]
        clip_vf = None
        if self.clip_range_vf is not None:
            clip_vf = float(self.clip_range_vf(self._current_progress_remaining))  # type: ignore[operator]
        parameters = [p for p in self.policy.parameters() if p.requires_grad]
        optimizer = self.policy.optimizer
        losses = []
        with ThreadPoolExecutor(PARTS, initializer=torch.set_num_threads, initargs=(1,)) as pool:

            def learnt(part: RolloutBufferSamples, total: int) -> tuple[Any, torch.Tensor]:
                terms = self._terms(part, clip, clip_vf) * (len(part.advantages) / total)
                return torch.autograd.grad(terms[-1], parameters, allow_unused=True), terms.detach()

            for _ in range(self.n_epochs):
                for batch in self.rollout_buffer.get(self.batch_size):
                    total = len(batch.advantages)
                    parts = self._parts(batch)
                    done = list(pool.map(learnt, parts, [total] * len(parts)))
                    losses.append(torch.stack([terms for _, terms in done]).sum(dim=0))
                    if self.target_kl is not None and float(losses[-1][3]) > 1.5 * self.target_kl:
                        break
                    for parameter, *each in zip(parameters, *[g for g, _ in done], strict=True):
                        given = [gradient for gradient in each if gradient is not None]
                        parameter.grad = sum(given[1:], given[0]) if given else None
                    torch.nn.utils.clip_grad_norm_(parameters, self.max_grad_norm)
                    optimizer.step()
                else:
                    self._n_updates += 1
                    continue
                self._n_updates += 1
                break
        self._log_update(torch.stack(losses), clip)

    def _parts(self, batch: RolloutBufferSamples) -> list[RolloutBufferSamples]:
        """A minibatch with normalised advantages, in parts where that is faster."""
        advantages = batch.advantages
        if self.normalize_advantage and len(advantages) > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        batch = batch._replace(advantages=advantages)
        # Other policies keep their latest distribution: two threads would share it.
        shared = isinstance(self.policy, QueuePolicy) and self.device.type == "cpu"
        parts = min(PARTS, len(advantages)) if shared else 1
        chunks = [tensor.chunk(parts) for tensor in batch]
        return [RolloutBufferSamples(*each) for each in zip(*chunks, strict=True)]

    def _terms(
        self, batch: RolloutBufferSamples, clip: float, clip_vf: float | None
    ) -> torch.Tensor:
        """`TERMS` of a minibatch: means over its samples."""
        values, log_prob, entropy = self.policy.evaluate_actions(batch.observations, batch.actions)
        values, advantages = values.flatten(), batch.advantages
        log_ratio = log_prob - batch.old_log_prob
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - clip, 1 + clip)
        policy_loss = -torch.min(advantages * ratio, advantages * clipped).mean()
        if clip_vf is not None:
            change = (values - batch.old_values).clamp(-clip_vf, clip_vf)
            values = batch.old_values + change
        value_loss = functional.mse_loss(batch.returns, values)
        entropy_loss = log_prob.mean() if entropy is None else -entropy.mean()
        loss = policy_loss + self.ent_coef * entropy_loss + self.vf_coef * value_loss
        with torch.no_grad():
            kl = (ratio - 1 - log_ratio).mean()
            outside = ((ratio - 1).abs() > clip).float().mean()
        return torch.stack((entropy_loss, policy_loss, value_loss, kl, outside, loss))

    def _log_update(self, losses: torch.Tensor, clip: float) -> None:
        means = dict(zip(TERMS, losses.mean(dim=0).tolist(), strict=True)) | {
            "loss": float(losses[-1, -1])
        }
        for name, mean in means.items():
            self.logger.record(f"train/{name}", mean)
        values, returns = self.rollout_buffer.values, self.rollout_buffer.returns
        self.logger.record(
            "train/explained_variance", explained_variance(values.flatten(), returns.flatten())
        )
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", clip)
