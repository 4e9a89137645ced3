"""Every reader of strangers' files: a file as it should be, and what reads and uses it."""

import gzip
import json
import math
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chosen import BUSY, OTHER_BUSY, RESULTS, SUITE
from hostile import mutations as m
from sushi_accel import (
    ConvLayer,
    SubNet,
    SuperNet,
    build_table,
    get_board,
    get_supernet,
    load_board,
    load_supernet,
    load_table,
    save_board,
    save_supernet,
    save_table,
)
from sushi_accel.silicon.calibration import calibrate
from sushi_accel.silicon.measurements import load_measurements
from sushi_accel.silicon.published import load_published
from sushi_accel.silicon.streaming import validate_streaming
from sushi_accel.silicon.sweeps import load_sweeps
from sushi_agents import make_policy
from sushi_agents.learning.settings import hyperparameters
from sushi_bench.curves.learning_curves import read_curves
from sushi_bench.results.files import parse_header, read_results
from sushi_bench.running.journal import SUFFIX, Journal
from sushi_bench.training.settings import read_settings
from sushi_env import Engine, Problem, compile_scenario, get_scenario
from sushi_env.scenario.scenario import load_scenario
from sushi_env.scenario.suites import suite_folder
from sushi_env.scenario.trace_file import trace_gaps

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from sushi_agents.learning.training_run import TrainingRun
    from sushi_agents.learning.tuning import TuningRun

Spoil = Callable[[bytes, m.Rng], bytes]


@dataclass(frozen=True)
class Reader:
    """A reader.

    Attributes:
        name: What it reads.
        file: What the file is called.
        samples: Files as they should be.
        read: Reads the file at a path, and uses what it read.
        spoils: Ways to spoil such a file, besides its bytes.
        beside: Further files of the same folder, by name.
        share: How many of the spoiled files are of this kind, relative to others.
    """

    name: str
    file: str
    samples: Callable[[], Sequence[bytes]]
    read: Callable[[Path], object]
    spoils: Sequence[Spoil] = ()
    beside: Callable[[], dict[str, bytes]] = field(default=dict)
    share: float = 1.0

    def place(self, contents: bytes | None, folder: Path) -> Path:
        """Puts a file, and those that belong beside it, into a folder; returns its path."""
        for name, others in self.beside().items():
            if not (folder / name).exists():
                (folder / name).write_bytes(others)
        path = folder / self.file
        if contents is not None:
            path.write_bytes(contents)
        return path


def written(save: Callable[[Path], object], name: str = "file") -> bytes:
    """The bytes of a file that is saved by the package itself."""
    with tempfile.TemporaryDirectory() as folder:
        save(path := Path(folder) / name)
        return path.read_bytes()


# --- scenarios


def scenarios() -> list[bytes]:
    files = sorted((suite_folder(SUITE) / "scenarios").glob("resnet50-*.yaml"))
    return [path.read_bytes().replace(b"../../../traces/coding-assistant.csv.gz", b"trace.csv")
            for path in files]  # fmt: skip


def run(problem: Problem) -> None:
    """A few steps, of which nothing may be other than finite."""
    engine = Engine(problem, 1)
    engine.seed(np.zeros(1, dtype=np.uint64))
    engine.reset()
    for _ in range(5):
        assert np.isfinite(engine.observation).all(), "observation"
        engine.step(np.zeros((1, 2), dtype=np.int64), reset_over=True)
        assert np.isfinite(engine.reward).all(), "reward"


def read_scenario(path: Path) -> None:
    scenario = load_scenario(path)
    assert len(scenario.digest) == 64
    run(compile_scenario(scenario))


# --- boards, SuperNets, tables


@cache
def small() -> SuperNet:
    layers = (ConvLayer(0, 8, 3, 3, 2, 1, 32), ConvLayer(2, 8, 8, 5, 1, 2, 16, depthwise=True))
    return SuperNet("tiny", 3, (SubNet("s", 70.5, 32, layers[:1]), SubNet("l", 71.0, 32, layers)))


@cache
def boards() -> list[bytes]:
    names = ("zcu104", "zcu104-overlapped", "edgetpu_pcie")
    return [written(lambda path, name=name: save_board(get_board(name), path)) for name in names]


def read_board(path: Path) -> None:
    table = build_table(small(), load_board(path), num_subgraphs=2)
    run(compile_scenario(get_scenario("resnet50-steady"), table))


@cache
def supernets() -> list[bytes]:
    return [written(lambda path: save_supernet(small(), path))]


def read_supernet(path: Path) -> None:
    table = build_table(load_supernet(path), get_board("zcu104"), num_subgraphs=2)
    run(compile_scenario(get_scenario("resnet50-steady"), table))


@cache
def tables() -> list[bytes]:
    table = build_table(get_supernet("mobilenetv3"), get_board("zcu104"), num_subgraphs=3)
    tiny = build_table(small(), get_board("zcu104"), num_subgraphs=2)
    return [written(lambda path, table=table: save_table(table, path)) for table in (table, tiny)]


def read_table(path: Path) -> None:
    run(compile_scenario(get_scenario("resnet50-steady"), load_table(path)))


# --- rows


def measurements() -> list[bytes]:
    rows = ["subnet,layer,out_channels,in_channels,kernel,stride,padding,in_size,"
            "measured_latency_us,depthwise"]  # fmt: skip
    shapes = [(16, 8, 56), (64, 64, 28), (128, 64, 14), (256, 256, 7)]
    shapes += [(32, 16, 56), (64, 32, 40), (256, 128, 14), (512, 128, 7)]
    for n, (k, c, size) in enumerate(shapes):
        sweeps = math.ceil(k / 16) * math.ceil(c / 9)  # cycles of the ZCU104, at 100 MHz
        latency = (9040 + 1.158 * sweeps * size * size + 0.0292 * 9 * k * c) / 100
        rows.append(f"{'AB'[n // 4]},{n % 4},{k},{c},3,1,1,{size},{latency:.2f},0")
    return ["\n".join(rows).encode() + b"\n"]


def read_measurements(path: Path) -> None:
    found = calibrate(load_measurements(path), get_board("zcu104"))
    assert math.isfinite(found.board.bandwidth_bytes_per_s)


def sweeps() -> list[bytes]:
    rows = ["kind,bus,run,n_or_F,layers,in_h,in_w,c_in,c_out,kernel,weight_bytes,off_chip_mib,"
            "latency_ms"]  # fmt: skip
    for n in (100, 1000, 2000, 2500):
        stored = 64 * n + 3 * n * n + n * 10
        streamed = max(stored / 2**20 - 7.5, 0.0)
        rows.append(f"dense,pcie,a,{n},5,1,1,64,10,1,{stored},{streamed},{0.1 + 2.7 * streamed}")
    return ["\n".join(rows).encode() + b"\n"]


def read_sweeps(path: Path) -> None:
    validate_streaming(load_sweeps(path), None, get_board("edgetpu_pcie"))


def networks() -> list[bytes]:
    rows = ["network,family,bus,host,on_chip_mib,off_chip_mib,macs,mac_reduction_pct,latency_ms,"
            "cpu_ops"]  # fmt: skip
    for n in range(4):
        host = "Raspberry Pi 4 + Coral USB (USB 3.0)"
        rows.append(f"net{n},net,usb,{host},7.5,{n},,{10 * n},{2 + 2.7 * n},0")
    return ["\n".join(rows).encode() + b"\n"]


def read_networks(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layers = Path(folder) / "layers.csv"
        layers.write_bytes(sweeps()[0])
        validate_streaming(load_sweeps(layers), load_published(path), get_board("edgetpu_pcie"))


def traces() -> list[bytes]:
    times = np.cumsum(np.random.default_rng(0).exponential(size=200)).tolist()
    return [b"arrival_s,user\n" + "".join(f"{t:.6f},a\n" for t in times).encode()]


# --- agents


@cache
def problem() -> Problem:
    return compile_scenario(get_scenario(OTHER_BUSY))


def zoo(suffix: str) -> bytes:
    from sushi_agents.zoo import zoo_folder

    return (zoo_folder() / SUITE / f"mobilenetv3-busy{suffix}").read_bytes()


def decide(path: Path) -> None:
    """Whatever weights an agent has, it chooses what there is."""
    policy = make_policy(str(path), problem())
    seen = np.zeros((2, problem().layout.size), dtype=np.float32)
    actions, _ = policy.predict(seen)
    table = problem().table
    assert np.shape(actions) == (2, 2)
    assert (np.asarray(actions) < [table.num_subnets, table.num_subgraphs]).all()


@cache
def onnx_models() -> list[bytes]:
    """A graph that always chooses the first of everything."""
    import onnx
    from onnx import TensorProto, helper

    size = problem().layout.size
    weights = helper.make_tensor("w", TensorProto.FLOAT, [size, 2], [0.0] * (2 * size))
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["observation", "w"], ["product"]),
            helper.make_node("Cast", ["product"], ["action"], to=TensorProto.INT64),
        ],
        "first",
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, ["n", size])],
        [helper.make_tensor_value_info("action", TensorProto.INT64, ["n", 2])],
        [weights],
    )
    opset = [helper.make_opsetid("", 18)]
    model: Any = helper.make_model(graph, opset_imports=opset, ir_version=9)
    onnx.checker.check_model(model)
    return [model.SerializeToString()]


# --- results, journals, runs


@cache
def results() -> list[bytes]:
    """The first scenario of a committed file, three episodes."""
    lines = (RESULTS / "slackfit.jsonl").read_text().splitlines()
    header, rows = json.loads(lines[0]), [json.loads(line) for line in lines[1:]]
    rows = [row for row in rows if row["scenario"] == BUSY][:3]
    header |= {"scenarios": {BUSY: header["scenarios"][BUSY]}, "episodes": 3}
    return ["".join(json.dumps(line) + "\n" for line in [header, *rows]).encode()]


def journals() -> list[bytes]:
    header, *rows = results()[0].splitlines()
    return [b"abc " + header + b"\n" + b"".join(b"[" + row + b"]\n" for row in rows)]


def read_journal(path: Path) -> None:
    header = parse_header(results()[0].splitlines()[0].decode(), "header")
    journal = Journal(path.with_name(path.name.removesuffix(SUFFIX)), header, "abc")
    try:
        journal.open()
    finally:
        journal.close()


@cache
def runs() -> list[bytes]:
    """What `sushi train` says of a run."""
    scenario = get_scenario(BUSY)
    described = {
        "scenario": scenario.model_dump(mode="json"),
        "scenario_digest": scenario.digest,
        "algo": "ppo",
        "steps": 1000,
        "seed": 3,
        "hyperparameters": {"cache": "choose", "n_envs": 64, "learning_rate": "lin_0.001"},
        "mixture": 4,
    }
    return [json.dumps(described, indent=2).encode()]


@cache
def logs() -> list[bytes]:
    """The learning curve of a run, as TensorBoard keeps it."""
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory() as folder:
        with SummaryWriter(folder) as writer:
            for step in range(5):
                writer.add_scalar("scenario/utility", 0.1 * step, step)
        (path,) = Path(folder).iterdir()
        return [path.read_bytes()]


def read_run_folder(path: Path) -> None:
    read_curves([path.parent])


def training_run(folder: Path) -> "TrainingRun":
    from sushi_agents.learning.training_run import TrainingRun

    short = get_scenario("resnet50-steady").replace(queries=30)
    changes = {"n_envs": 8, "share_arrivals": 1, "batch_size": 32, "n_steps": 8}
    return TrainingRun(short, "ppo", 128, 1, folder, changes=changes)


@cache
def model() -> "BaseAlgorithm":
    """A model that has learned nothing."""
    from sushi_agents.learning.algorithms import algorithm, make_model
    from sushi_env.sb3_vec_env import SushiVecEnv

    run = training_run(Path())
    env = SushiVecEnv(run.scenario, 8, 1)
    made = make_model(
        algorithm("ppo"), compile_scenario(run.scenario), env, run.settings, 1, run.learns_on
    )
    made._setup_learn(128)
    return made


@cache
def checkpoints() -> list[bytes]:
    from sushi_agents.learning.checkpoints import save_checkpoint

    with tempfile.TemporaryDirectory() as folder:
        run = training_run(Path(folder))
        save_checkpoint(run, model(), {"best": 0.5, "since_best": 0})
        return [run.checkpoint_path.read_bytes()]


def read_checkpoint(path: Path) -> None:
    """Whatever state environments are said to be in, they can be stepped."""
    import torch

    from sushi_agents.learning.checkpoints import load_checkpoint

    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        load_checkpoint(training_run(path.parent), model())
        env = model().env
        assert env is not None
        for _ in range(40):
            env.step(np.zeros((8, 2), dtype=np.int64))
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])


def search(folder: Path) -> "TuningRun":
    from sushi_agents.learning.tuning import TuningRun

    return TuningRun(get_scenario("resnet50-steady"), "ppo", 3, 1000, 0, folder)


@cache
def studies() -> list[bytes]:
    """A search with two trials."""
    import optuna

    from sushi_agents.learning.tuning import JOURNAL, _study

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        _study(search(Path(folder)), 0).optimize(lambda trial: trial.suggest_float("x", 0, 1), 2)
        return [(Path(folder) / JOURNAL).read_bytes()]


def read_study(path: Path) -> None:
    from sushi_agents.learning.tuning import _opened

    _opened(search(path.parent))


@cache
def network_models() -> list[bytes]:
    """A convolution, and a dense layer behind it."""
    import onnx
    from onnx import TensorProto, helper

    shapes = {"w": [8, 3, 3, 3], "v": [4, 8]}
    weights = [
        helper.make_tensor(name, TensorProto.FLOAT, shape, [0.5] * math.prod(shape))
        for name, shape in shapes.items()
    ]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2]),
            helper.make_node("Relu", ["a"], ["b"]),
            helper.make_node("GlobalAveragePool", ["b"], ["c"]),
            helper.make_node("Flatten", ["c"], ["d"]),
            helper.make_node("Gemm", ["d", "v"], ["y"], transB=1),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        weights,
    )
    made: Any = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(made)
    return [made.SerializeToString()]


def read_network(path: Path) -> None:
    from sushi_accel.supernets.onnx_layers import read_onnx

    subnet = read_onnx(path, "net").subnet
    names = {layer.slot for layer in subnet.layers}
    build_table(SuperNet("net", len(names), (subnet,)), get_board("zcu104"), num_subgraphs=2)


def hyperparameter_files() -> list[bytes]:
    from importlib.resources import files

    folder = files("sushi_agents").joinpath("hyperparameters")
    return [folder.joinpath(f"{algo}.yaml").read_bytes() for algo in ("ppo", "dqn")]


def read_hyperparameters(path: Path) -> None:
    hyperparameters("ppo", get_scenario(BUSY), path)


def training_files() -> list[bytes]:
    return [(suite_folder(SUITE) / "training.yaml").read_bytes()]


READERS = {
    reader.name: reader
    for reader in (
        Reader("scenario", "s.yaml", scenarios, read_scenario, [m.spoil_yaml],
               lambda: {"trace.csv": traces()[0]}, share=2),
        Reader("board", "b.yaml", boards, read_board, [m.spoil_yaml]),
        Reader("SuperNet", "n.yaml", supernets, read_supernet, [m.spoil_yaml]),
        Reader("table", "t.npz", tables, read_table, [m.spoil_npz], share=2),
        Reader("measured layers", "m.csv", measurements, read_measurements, [m.spoil_cells]),
        Reader("measured sweeps", "m.csv", sweeps, read_sweeps, [m.spoil_cells]),
        Reader("measured networks", "m.csv", networks, read_networks, [m.spoil_cells]),
        Reader("trace", "a.csv", traces, trace_gaps, [m.spoil_cells]),
        Reader("packed trace", "a.csv.gz", lambda: [gzip.compress(traces()[0], mtime=0)],
               trace_gaps, [m.packed(m.spoil_cells), m.packed(m.spoil_bytes)]),
        Reader("agent's card", "agent.json", lambda: [zoo(".json")], decide, [m.spoil_json],
               lambda: {"agent.safetensors": zoo(".safetensors")}),
        Reader("agent's weights", "agent.safetensors", lambda: [zoo(".safetensors")], decide,
               [m.spoil_safetensors], lambda: {"agent.json": zoo(".json")}),
        Reader("ONNX agent", "agent.onnx", onnx_models, decide),
        Reader("ONNX network", "net.onnx", network_models, read_network),
        Reader("result file", "r.jsonl", results, read_results, [m.spoil_lines]),
        Reader("journal", "r.jsonl.partial", journals, read_journal, [m.spoil_lines]),
        Reader("run", "run.json", runs, read_run_folder, [m.spoil_json],
               lambda: {"events.out.tfevents.1": logs()[0]}),
        Reader("log of a run", "events.out.tfevents.1", logs, read_run_folder,
               beside=lambda: {"run.json": runs()[0]}),
        Reader("checkpoint", "checkpoint.safetensors", checkpoints, read_checkpoint,
               [m.spoil_checkpoint], share=2),
        Reader("study", "study.journal", studies, read_study, [m.spoil_lines]),
        Reader("hyperparameters", "h.yaml", hyperparameter_files, read_hyperparameters,
               [m.spoil_yaml]),
        Reader("training settings", "t.yaml", training_files,
               lambda path: read_settings(SUITE, path), [m.spoil_yaml]),
    )
}  # fmt: skip
