"""PPO whose update waits for nothing (extra `train`)."""

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.utils import explained_variance
from torch.nn import functional


class LeanPPO(PPO):
    """Stable-Baselines3's PPO, with the same arithmetic and a leaner loop.

    What is logged of a minibatch stays a tensor until the update is over, instead of being read
    out six times a minibatch.
    """

    def train(self) -> None:
        """Updates the policy from the rollout buffer; see `PPO.train`."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        clip = float(self.clip_range(self._current_progress_remaining))  # type: ignore[operator]
        clip_vf = None
        if self.clip_range_vf is not None:
            clip_vf = float(self.clip_range_vf(self._current_progress_remaining))  # type: ignore[operator]
        parameters = list(self.policy.parameters())
        losses = []
        stop = False
        for _ in range(self.n_epochs):
            for batch in self.rollout_buffer.get(self.batch_size):
                values, log_prob, entropy = self.policy.evaluate_actions(
                    batch.observations, batch.actions
                )
                values, advantages = values.flatten(), batch.advantages
                if self.normalize_advantage and len(advantages) > 1:
                    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
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
                    terms = (entropy_loss, policy_loss, value_loss, kl, outside, loss)
                    losses.append(torch.stack([term.detach() for term in terms]))
                if self.target_kl is not None and float(kl) > 1.5 * self.target_kl:
                    stop = True
                    break
                self.policy.optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(parameters, self.max_grad_norm)
                self.policy.optimizer.step()
            self._n_updates += 1
            if stop:
                break
        self._log_update(torch.stack(losses).mean(dim=0).tolist(), float(loss.detach()), clip)

    def _log_update(self, means: list[float], last: float, clip: float) -> None:
        names = (
            "entropy_loss",
            "policy_gradient_loss",
            "value_loss",
            "approx_kl",
            "clip_fraction",
        )
        for name, mean in zip(names, means, strict=False):
            self.logger.record(f"train/{name}", mean)
        values, returns = self.rollout_buffer.values, self.rollout_buffer.returns
        self.logger.record("train/loss", last)
        self.logger.record(
            "train/explained_variance", explained_variance(values.flatten(), returns.flatten())
        )
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", clip)
