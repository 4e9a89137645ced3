"""An exported agent as a policy: onnxruntime runs it, no code of its own (extra `onnx`)."""

from pathlib import Path
from typing import Any

import numpy as np

from sushi_accel.files.reading import named, read_bytes
from sushi_accel.shown import plain, shown
from sushi_agents.policy import PolicyError
from sushi_env import InputError, Problem

MAX_FILE_BYTES = 64 * 1024**2


class OnnxPolicy:
    """The agent in a file that `export_onnx` wrote.

    Args:
        path: The file, `.onnx`.
        problem: The compiled scenario.

    Raises:
        InputError: If the file is none of ours, or does not fit the scenario.
    """

    def __init__(self, path: str | Path, problem: Problem):
        try:
            import onnxruntime
        except ModuleNotFoundError:
            raise InputError(
                "ONNX files need 'onnxruntime': pip install 'sushi-env[onnx]'"
            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # small networks: more threads cost more than they save
        options.log_severity_level = 4
        where = named("agent", path)
        contents = read_bytes(path, where, MAX_FILE_BYTES)
        try:
            session = onnxruntime.InferenceSession(
                contents, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise PolicyError(f"{where}: is no ONNX model ({plain(error)})") from None
        inputs = {item.name: item.shape for item in session.get_inputs()}
        size = problem.layout.size
        if list(inputs) != ["observation"] or "action" not in {
            item.name for item in session.get_outputs()
        }:
            raise InputError(f"{where}: must take 'observation' and give 'action'")
        if inputs["observation"][1:] != [size]:
            raise InputError(
                f"{where}: observes {shown(inputs['observation'][1:])}, but scenario "
                f"{problem.scenario.name!r} shows [{size}]"
            )
        self._session = session

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, Any]:
        """Chooses actions; see `Policy.predict`."""
        batch = np.atleast_2d(np.asarray(observation, dtype=np.float32))
        (chosen,) = self._session.run(["action"], {"observation": batch})
        actions = np.asarray(chosen)
        return (actions[0] if np.ndim(observation) == 1 else actions), state
