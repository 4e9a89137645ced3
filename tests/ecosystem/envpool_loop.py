"""One loop for EnvPool and for `make_vec`; run by `nox -s envpool`, in its environment."""

from typing import Any

import gymnasium
import numpy as np
import pytest

import sushi_env

# EnvPool's own spaces warn.
pytestmark = pytest.mark.filterwarnings("ignore:.*precision lowered by casting:UserWarning")

N, STEPS = 4, 120
SHORT = sushi_env.get_scenario("resnet50-busy").replace(queries=25)
SCENARIO = SHORT.model_dump(mode="json", exclude_none=True)


def made(name: str) -> Any:
    if name == "sushi":
        return gymnasium.make_vec("sushi/Serve-v1", num_envs=N, scenario=SCENARIO)
    import envpool

    return envpool.make("CartPole-v1", env_type="gymnasium", num_envs=N, seed=1)


def collected(envs: Any, action: np.ndarray) -> dict[str, np.ndarray]:
    """What people write for EnvPool: step the batch, count returns, zero them where it is over."""
    seen, _ = envs.reset()
    returns, kept = np.zeros(N, dtype=np.float32), []
    for _ in range(STEPS):
        seen, reward, terminated, truncated, _ = envs.step(action)
        over = terminated | truncated
        returns += reward
        kept.append((seen.copy(), reward, over, np.where(over, returns, np.nan)))
        returns *= ~over
    observations, rewards, over, finished = (np.stack(part) for part in zip(*kept, strict=True))
    return {"seen": observations, "reward": rewards, "over": over, "finished": finished}


@pytest.fixture(params=["envpool", "sushi"])
def batch(request):
    envs = made(request.param)
    action = np.zeros((N, *envs.action_space.shape[-1:]) if request.param == "sushi" else N, int)
    return envs, collected(envs, action.astype(np.int32))


def test_steps_are_batches(batch):
    _, found = batch
    assert found["seen"].dtype == np.float32
    assert found["seen"].shape[:2] == found["reward"].shape == found["over"].shape == (STEPS, N)
    assert found["over"].dtype == np.bool_
    assert np.issubdtype(found["reward"].dtype, np.floating)


def test_the_step_after_the_last_one_resets(batch):
    """And only resets: its reward is 0, its action counts for nothing."""
    envs, found = batch
    last, k = np.nonzero(found["over"][:-1])
    assert len(last) > N
    assert (found["reward"][last + 1, k] == 0).all()
    assert not found["over"][last + 1, k].any()
    assert np.isfinite(found["finished"][found["over"]]).all()
    assert envs.metadata["autoreset_mode"] == gymnasium.vector.AutoresetMode.NEXT_STEP
