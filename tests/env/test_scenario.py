"""Scenarios as files and mappings; every mistake is one clear line."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sushi_accel import (
    build_table,
    get_board,
    get_supernet,
    save_board,
    save_supernet,
    save_table,
)
from sushi_env import (
    InputError,
    Scenario,
    SloClass,
    compile_scenario,
    get_scenario,
    load_scenario,
    scenario_names,
)
from sushi_env.scenario.scenario import parse_scenario, save_scenario
from sushi_env.scenario.traffic import GammaArrivals, TraceArrivals

CLASS = {"name": "a", "slo": 1.0, "floor": 75.0}
GOOD = {"name": "x", "load": 0.5, "classes": [CLASS], "regimes": [[1.0]]}


@pytest.mark.parametrize("name", scenario_names())
def test_named_scenarios_survive_yaml(name, tmp_path):
    scenario = get_scenario(name)
    path = tmp_path / "s.yaml"
    path.write_text(scenario.to_yaml())
    loaded = get_scenario(str(path))
    assert loaded == scenario
    assert loaded.digest == scenario.digest


def test_digest_covers_everything_but_the_description():
    base = get_scenario("resnet50-steady")
    assert base.replace(description="other").digest == base.digest
    changes = {"load": 0.3, "queries": 10, "reward": "utility", "pb_kib": 512, "board": "alveo_u50"}
    digests = {base.replace(**{key: value}).digest for key, value in changes.items()}
    assert len(digests | {base.digest}) == 6


class LaterClass(SloClass):
    patience: float = 2.0


class LaterArrivals(GammaArrivals):
    seasons: tuple[float, ...] = ()


class LaterScenario(Scenario):
    classes: tuple[LaterClass, ...]  # type: ignore[assignment]
    arrivals: LaterArrivals  # type: ignore[assignment]
    tenants: tuple[LaterClass, ...] = ()
    spare: int | None = None


def test_a_key_added_with_a_default_changes_no_digest():
    contents = {**GOOD, "arrivals": {"kind": "gamma", "scv": 3}}
    older = parse_scenario(contents, "here").digest
    assert LaterScenario.model_validate(contents).digest == older
    changes = (
        {"spare": 1},
        {"tenants": [CLASS]},
        {"arrivals": {"scv": 3, "seasons": [1, 2]}},
        {"classes": [{**CLASS, "patience": 3}]},
        {"arrivals": {"scv": 4}},
    )
    digests = {LaterScenario.model_validate({**contents, **change}).digest for change in changes}
    assert len(digests | {older}) == 6


def test_digests_are_those_of_the_first_version():
    """If one changes, agents and result files of that scenario are no longer its own.

    Those of the suites' scenarios, of every arrival process, stand in the suites' files.
    """
    pinned = {"resnet50-steady": "3cd023ad02", "resnet50-starved": "31d1be255d"}
    for name, digest in pinned.items():
        assert get_scenario(name).digest.startswith(digest), name


def test_scenarios_are_immutable():
    with pytest.raises(Exception, match="frozen"):
        get_scenario("resnet50-steady").load = 2.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lod": 1}, "unknown key 'lod'; known: name, description, supernet"),
        ({"load": -1}, "load = -1: Input should be greater than or equal to 0.0001"),
        ({"load": float("nan")}, "load = nan: Input should be a finite number"),
        ({"load": "high"}, "load = 'high': Input should be a valid number"),
        ({"queries": 0}, "queries = 0: Input should be greater than or equal to 1"),
        ({"queries": 1.5}, "queries = 1.5: Input should be a valid integer"),
        ({"board": "tpu"}, "board = 'tpu', known: zcu104"),
        ({"supernet": "vgg"}, "supernet = 'vgg', known: resnet50"),
        ({"reward": "fun"}, "reward = 'fun', known: tradeoff, utility"),
        ({"reward_weights": {"fun": 1}}, "unknown key 'reward_weights.fun'; known: utility"),
        ({"admission": "x"}, "admission = 'x': Input should be 'keep' or 'drop_hopeless'"),
        (
            {"arrivals": {"kind": "x"}},
            "arrivals.kind = 'x', must be one of 'poisson', 'gamma'",
        ),
        ({"arrivals": {"scv": 2}}, "Unable to extract tag using discriminator 'kind'"),
        ({"arrivals": {"kind": "gamma"}}, "key 'arrivals.scv' is missing"),
        ({"arrivals": {"kind": "gamma", "scv": -1}}, "arrivals.scv = -1: Input should be greater"),
        (
            {"arrivals": {"kind": "gamma", "scv": 1, "svc": 1}},
            "unknown key 'arrivals.svc'; known: kind, scv",
        ),
        (
            {"arrivals": {"kind": "mmpp", "rates": [1, 2], "dwell_queries": [5]}},
            "dwell_queries has 1 entries, one for each of the 2 rates",
        ),
        (
            {"arrivals": {"kind": "mmpp", "rates": [0, 0], "dwell_queries": [5, 5]}},
            "rates = (0.0, 0.0): at least one must be above 0",
        ),
        (
            {"arrivals": {"kind": "flash_crowd", "duration_queries": 2000}},
            "duration_queries = 2000, must be below period_queries = 1000",
        ),
        ({"arrivals": {"kind": "trace", "path": ""}}, "arrivals.path = '': String should have"),
        ({"arrivals": {"kind": "closed_loop"}}, "load: must not be given with closed-loop"),
        ({"service_jitter": 2}, "service_jitter = 2: Input should be less than or equal to 1"),
        ({"classes": []}, "classes = []: Tuple should have at least 1 item"),
        (
            {"classes": [{**CLASS, "slo": 0}]},
            "classes.0.slo = 0: Input should be greater than or equal to 0.001",
        ),
        ({"classes": [{**CLASS, "s": 0}]}, "unknown key 'classes.0.s'; known: name, slo, floor"),
        ({"regimes": [[1.0, 2.0]]}, "regimes.0 has 2 weights, one for each of the 1 classes"),
        ({"regimes": [[0.0]]}, "regimes.0 = (0.0,): weights must be >= 0, not all 0"),
        ({"name": "../../etc"}, "name = '../../etc': String should match pattern"),
        ({"load": None}, "key 'load' is missing: it must be given unless"),
    ],
)
def test_mistakes_name_key_value_and_what_is_allowed(change, message):
    with pytest.raises(InputError) as caught:
        parse_scenario({**GOOD, **change}, "here")
    assert str(caught.value).startswith("here: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named():
    with pytest.raises(InputError, match="here: key 'classes' is missing"):
        parse_scenario({k: v for k, v in GOOD.items() if k != "classes"}, "here")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"load: [1", r"not valid YAML \(line 2\)"),
        (b"\x80abc", "line 1: not UTF-8 text"),
        (b"- 1\n- 2\n", "must be a mapping of keys, is list"),
        (b"", "must be a mapping of keys, is NoneType"),
        (b"!!python/object/apply:os.system ['echo hi']", "not valid YAML"),
        (b"a" * (2 * 1024**2), "2097152 bytes, more than 1048576"),
    ],
)
def test_bad_files(content, message, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_scenario(path)


def test_missing_file_and_unknown_name():
    with pytest.raises(InputError, match=r"gone.yaml: cannot be read \(No such file"):
        get_scenario("gone.yaml")
    with pytest.raises(InputError, match="unknown scenario 'gone'; known: resnet50-steady"):
        get_scenario("gone")


@given(
    load=st.floats(0.01, 2.0),
    weights=st.lists(st.lists(st.floats(0.1, 1), min_size=2, max_size=2), min_size=1, max_size=4),
    slos=st.tuples(st.floats(0.1, 5), st.floats(0.1, 5)),
    capacity=st.integers(1, 100),
)
def test_any_valid_scenario_survives_yaml(load, weights, slos, capacity):
    import yaml

    scenario = Scenario(
        name="h",
        load=load,
        classes=[{"name": str(k), "slo": slo} for k, slo in enumerate(slos)],  # type: ignore[arg-type]
        regimes=weights,  # type: ignore[arg-type]
        queue_capacity=capacity,
    )
    assert parse_scenario(yaml.safe_load(scenario.to_yaml()), "here") == scenario


ARRIVALS = [
    {"kind": "poisson"},
    {"kind": "gamma", "scv": 0.5},
    {"kind": "mmpp", "rates": [1, 4], "dwell_queries": [100, 20]},
    {"kind": "diurnal", "period_queries": 500, "amplitude": 0.5},
    {"kind": "flash_crowd", "period_queries": 300, "duration_queries": 50, "peak": 6},
    {"kind": "trace", "path": "times.csv", "jitter_s": 0.5},
    {"kind": "closed_loop"},
]


@pytest.mark.parametrize("arrivals", ARRIVALS, ids=lambda arrivals: arrivals["kind"])
def test_every_arrival_process_survives_its_file(arrivals, tmp_path):
    (tmp_path / "times.csv").write_text("arrival_s\n0\n1\n3\n")
    load = None if arrivals["kind"] == "closed_loop" else 0.4
    scenario = parse_scenario({**GOOD, "load": load, "arrivals": arrivals}, "here")
    path = tmp_path / "scenario.yaml"
    save_scenario(scenario, path)
    loaded = load_scenario(path)
    assert loaded.arrivals.kind == arrivals["kind"]
    assert load_scenario(path).digest == loaded.digest
    if isinstance(loaded.arrivals, TraceArrivals):
        assert loaded.arrivals.path == str(tmp_path / "times.csv")
    else:
        assert loaded == scenario


def test_a_scenario_may_bring_its_board_its_supernet_or_its_table(tmp_path):
    board, net = get_board("zcu104"), get_supernet("mobilenetv3")
    save_board(board, tmp_path / "board.yaml")
    save_supernet(net, tmp_path / "net.yaml")
    table = build_table(net, board, num_subgraphs=4)
    save_table(table, tmp_path / "table.npz")
    named = parse_scenario({**GOOD, "supernet": "mobilenetv3", "subgraphs": 4}, "here")
    expected = compile_scenario(named)
    for change in ({"board": "board.yaml", "supernet": "net.yaml"}, {"table": "table.npz"}):
        path = tmp_path / "scenario.yaml"
        save_scenario(named.replace(**change), path)
        found = compile_scenario(load_scenario(path))
        assert (found.pairs == expected.pairs).all()
        assert found.scenario.digest != named.digest
        moved = tmp_path / "elsewhere"
        moved.mkdir(exist_ok=True)
        for file in tmp_path.glob("*.*"):
            (moved / file.name).write_bytes(file.read_bytes())
        assert load_scenario(moved / "scenario.yaml").digest == found.scenario.digest
    assert (compile_scenario(named, table=table).pairs == expected.pairs).all()


def test_a_board_in_memory_serves_as_one_from_a_file(tmp_path):
    named = get_scenario("resnet50-busy")
    board = replace(get_board("alveo_u50"), name="own", pb_bytes=4 * 2**20, kp=24)
    save_board(board, tmp_path / "board.yaml")
    filed = compile_scenario(named.replace(board=str(tmp_path / "board.yaml")))
    found = compile_scenario(named, board=board)
    assert found.board == filed.board == board
    for name in ("pairs", "reloads", "classes", "parameters", "rows"):
        assert (getattr(found, name) == getattr(filed, name)).all()
    # It is used as it is: overrides are for the scenario's own board.
    assert compile_scenario(named.replace(pb_kib=64), board=board).board == board


def test_files_that_a_scenario_names_must_be_there(tmp_path):
    for change in ({"board": "gone.yaml"}, {"supernet": "gone.yaml"}, {"table": "gone.npz"}):
        scenario = parse_scenario({**GOOD, **change}, "here")
        with pytest.raises(InputError, match=r"gone\.\w+"):
            compile_scenario(scenario)
        with pytest.raises(InputError, match=r"gone\.\w+: cannot be read \(No such file"):
            _ = scenario.digest
