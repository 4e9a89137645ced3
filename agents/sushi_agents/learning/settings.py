"""Hyperparameters: YAML per algorithm and scenario family, changed by the user's own."""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sushi_accel.files.documents import validate
from sushi_accel.files.reading import named
from sushi_accel.files.yaml_text import parse_yaml, read_yaml
from sushi_accel.shown import shown
from sushi_env import InputError, Scenario
from sushi_env.scenario.suites import suite_folder, suite_of

Settings = dict[str, Any]

DEFAULT_FAMILY = "default"
MIXTURE_FAMILY = "mixture"
OURS = ("n_envs", "share_arrivals", "centre_rewards", "cache")
"""Settings that are not the algorithm's own: see `hyperparameters`."""
MAX_FILE_BYTES = 64 * 1024


def _within(first: float, last: float) -> Any:
    """A range of whole numbers, or of numbers if one end is no whole number's."""
    kind = "a whole number" if isinstance(first, int) and isinstance(last, int) else "a number"
    return Field(ge=first, le=last, description=f"{kind} in {first:.12g}..{last:.12g}")


def _rate(value: Any) -> Any:
    if isinstance(value, str):
        linear_schedule(value)
        return 1.0
    return value


class Hyperparameters(BaseModel):
    """Every setting of every algorithm, and the values that make sense of it.

    Which of them an algorithm has, its class says. Ranges are wide: they keep out what overflows,
    never ends or takes all memory, not what learns badly.
    """

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)

    policy: Literal["queue", "mlp", "lstm"] = "mlp"
    n_envs: Annotated[int, _within(1, 65536)]
    share_arrivals: Annotated[int, _within(1, 65536)]
    centre_rewards: bool
    cache: str
    policy_kwargs: dict[str, Any] = {}

    learning_rate: Annotated[
        float,
        BeforeValidator(_rate),
        Field(gt=0, le=1, description="a number above 0, at most 1, or lin_<number>"),
    ] = 1.0
    gamma: Annotated[float, _within(0.0, 1.0)] = 1.0
    gae_lambda: Annotated[float, _within(0.0, 1.0)] = 1.0
    ent_coef: Annotated[float, _within(0.0, 1000.0)] = 0.0
    vf_coef: Annotated[float, _within(0.0, 1000.0)] = 0.0
    clip_range: Annotated[float, _within(1e-6, 1000.0)] = 1.0
    clip_range_vf: Annotated[float, _within(1e-6, 1e9)] | None = None
    max_grad_norm: Annotated[float, _within(1e-9, 1e9)] | None = None
    target_kl: Annotated[float, _within(1e-9, 1e9)] | None = None
    rms_prop_eps: Annotated[float, _within(1e-15, 1.0)] = 1.0
    tau: Annotated[float, _within(1e-9, 1.0)] = 1.0
    exploration_fraction: Annotated[float, _within(0.0, 1.0)] = 1.0
    exploration_initial_eps: Annotated[float, _within(0.0, 1.0)] = 1.0
    exploration_final_eps: Annotated[float, _within(0.0, 1.0)] = 1.0

    n_steps: Annotated[int, _within(1, 2**20)] = 1
    batch_size: Annotated[int, _within(1, 2**24)] = 1
    n_epochs: Annotated[int, _within(1, 1000)] = 1
    stats_window_size: Annotated[int, _within(1, 10**6)] = 1
    buffer_size: Annotated[int, _within(1, 10**9)] = 1
    learning_starts: Annotated[int, _within(0, 10**12)] = 0
    train_freq: Annotated[int, _within(1, 10**9)] = 1
    gradient_steps: Annotated[int, _within(-1, 10**6)] = 1
    target_update_interval: Annotated[int, _within(1, 10**12)] = 1
    normalize_advantage: bool = True
    use_rms_prop: bool = True


class NetworkShape(BaseModel):
    """`policy_kwargs` of the policies `mlp` and `lstm`, those that are plain values."""

    model_config = ConfigDict(extra="forbid", strict=True)

    net_arch: (
        list[Annotated[int, _within(1, 4096)]]
        | dict[Literal["pi", "vf"], list[Annotated[int, _within(1, 4096)]]]
    ) = []
    ortho_init: bool = True
    n_quantiles: Annotated[int, _within(1, 1000)] = 1
    lstm_hidden_size: Annotated[int, _within(1, 4096)] = 1
    n_lstm_layers: Annotated[int, _within(1, 16)] = 1
    shared_lstm: bool = False
    enable_critic_lstm: bool = True


def hyperparameters(
    algo: str,
    scenario: Scenario,
    file: Path | None = None,
    changes: Mapping[str, Any] | None = None,
    in_mixture: bool = False,
) -> Settings:
    """The hyperparameters of an algorithm on a scenario.

    A file has a section per family of scenarios. `default` holds for all; what the sections
    named after the scenario's SuperNet and after the scenario itself say counts more. What is
    drawn around a scenario has a section `mixture` in place of the scenario's. Sections of a
    suite's scenarios are in `hyperparameters.yaml` of the suite's folder.

    Args:
        algo: Name of the algorithm.
        scenario: The scenario.
        file: A YAML file of one's own, in place of the one that comes with the package.
        changes: Settings that replace the file's.
        in_mixture: Whether training is on scenarios drawn around this one.

    Returns:
        The settings: `policy` (`queue`, `mlp` or `lstm`), `n_envs`, `share_arrivals` (how many
        environments face the same arrivals, see `ServingBuffer`), `centre_rewards`
        (whether to train on `CentredVecEnv`), `cache` (see `network_spec`), and arguments of
        the algorithm's class.

    Raises:
        InputError: If the file is not such a file.
    """
    if file is None:
        found = files("sushi_agents").joinpath("hyperparameters", f"{algo}.yaml")
        where = f"hyperparameters of {algo}"
        sections = parse_yaml(found.read_bytes(), where) | _of_suite(algo, scenario.name)
    else:
        where = named("hyperparameter file", file)
        sections = read_yaml(file, where, MAX_FILE_BYTES)
    if not isinstance(sections, dict) or DEFAULT_FAMILY not in sections:
        raise InputError(f"{where}: must have a section `{DEFAULT_FAMILY}`")
    settings: Settings = {"share_arrivals": 1, "centre_rewards": False, "cache": "choose"}
    own = MIXTURE_FAMILY if in_mixture else scenario.name
    for family in (DEFAULT_FAMILY, scenario.supernet, own):
        section = sections.get(family, {})
        if not isinstance(section, dict):
            raise InputError(f"{where}: section {shown(family)} must hold names and values")
        settings |= section
    settings |= changes or {}
    validate(Hyperparameters, settings, where)
    return settings


def _of_suite(algo: str, name: str) -> Settings:
    """What a scenario's suite says of it: a section named after it, or nothing."""
    if (found := suite_of(name)) is None:
        return {}
    suite, stem = found
    path = suite_folder(suite) / "hyperparameters.yaml"
    return {name: read_yaml(path, f"suite {suite}").get(algo, {}).get(stem, {})}


def parse_changes(given: Sequence[str]) -> Settings:
    """Settings from `name=value` texts, values read as YAML.

    Raises:
        InputError: If a text is not of that form.
    """
    changes: Settings = {}
    for text in given:
        name, equals, value = text.partition("=")
        try:
            changes[name.strip()] = parse_yaml(value, "value")
        except InputError:
            equals = ""
        if not equals or not name.strip().isidentifier():
            raise InputError(f"hyperparameter {shown(text)}: must be name=value")
    return changes


def linear_schedule(text: str) -> Callable[[float], float]:
    """A learning rate that falls linearly to a fiftieth, from `lin_<rate>`, as in rl-zoo3.

    Raises:
        InputError: If the text is not of that form.
    """
    try:
        prefix, first = text.split("_", 1)
        rate = float(first)
    except ValueError:
        prefix, rate = "", 0.0
    if prefix != "lin" or not 0 < rate < float("inf"):
        raise InputError(f"learning_rate = {text!r}, must be a number or lin_<number>")
    return LinearSchedule(rate)


class LinearSchedule:
    """`rate` times the remaining share of the training, but at least a fiftieth of it."""

    def __init__(self, rate: float):
        self.rate = rate

    def __call__(self, remaining: float) -> float:
        """The rate when a share `remaining` of the steps is left."""
        return self.rate * max(remaining, 0.02)
