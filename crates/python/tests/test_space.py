"""Spaces: counting networks, and their Pareto front."""

import contextlib
import signal
import threading
import time

import numpy as np
import pytest

import inceptive


@pytest.fixture(scope="module")
def widths(architectures):
    return inceptive.Space(architectures / "spaces/googlenet-widths.yaml")


@pytest.fixture(scope="module")
def points(widths):
    return widths.points()


def test_variables_are_numbers_or_texts(widths):
    assert widths.size == np.prod([len(values) for values in widths.variables.values()]) == 1920
    assert widths.variables["width"][:3] == [0.25, 0.375, 0.5]
    assert widths.variables["tail"] == ["gap", "fc"]
    assert widths.constraints == ["macs <= 1.6G"]
    assert "maximize top1" in widths.objectives


def test_every_point_is_counted_as_its_network_is(widths, points):
    assert len(points) == 1920
    rows = points.rows()
    for row in rows[:: len(rows) // 6]:
        values = {name: row[name] for name in widths.variables}
        with contextlib.nullcontext() if row["satisfies"] else pytest.warns(UserWarning, match="violates"):
            cost = widths.load(values).cost()
        for name in ("params", "macs", "flops", "acts", "peak_activation_bytes"):
            assert row[name] == getattr(cost, name)
        assert row["satisfies"] == (cost.macs <= 1.6e9)


def test_fewer_points_are_drawn_at_random(widths):
    few = widths.points(most=50, seed=1)
    assert len(few) == 50
    assert len({tuple(row[name] for name in widths.variables) for row in few.rows()}) == 50
    assert (few["macs"] == widths.points(most=50, seed=1)["macs"]).all()
    assert (few["macs"] != widths.points(most=50, seed=2)["macs"]).any()


def test_the_front_is_that_of_all_points(widths, points):
    front = widths.front(objectives="macs, params", where="params < 20M")
    costs = np.stack([points["macs"], points["params"]], axis=1)
    costs = costs[points["satisfies"] & (points["params"] < 20_000_000)]
    better = (costs[:, None] <= costs[None]).all(axis=2) & (costs[:, None] < costs[None]).any(axis=2)
    expected = {tuple(row) for row in costs[~better.any(axis=0)].tolist()}
    assert set(zip(front["macs"].tolist(), front["params"].tolist())) == expected
    for row in front.rows():
        assert row["equal"] == (costs == (row["macs"], row["params"])).all(axis=1).sum()


def test_nothing_left_is_an_error_with_reasons(widths):
    with pytest.raises(inceptive.Error, match=r"no network has params < 1k; the closest has [\d,]+ "):
        widths.front(where=["params < 1k"])
    with pytest.raises(inceptive.Error, match="nonsense"):
        widths.front(where=["nonsense < 1"])
    with pytest.raises(ValueError, match="nonsense"):
        widths.front(objectives="nonsense")


def test_objectives_and_conditions_are_texts_or_lists(widths):
    front = widths.front(objectives=widths.objectives)
    assert len(front) == len(widths.front()) > 0
    pair = widths.front(objectives=["minimize macs", "maximize params"])
    assert pair.rows() == widths.front(objectives="minimize macs, maximize params").rows()
    for wrong in ({"objectives": 5}, {"objectives": [5]}, {"where": 5}, {"where": [5]}):
        with pytest.raises(TypeError, match=next(iter(wrong))):
            widths.front(**wrong)


def test_points_that_satisfy_conditions(widths, points):
    found = widths.points(where=["params < 5M", "macs > 300M"])
    wanted = (points["params"] < 5_000_000) & (points["macs"] > 300_000_000)
    assert 0 < len(found) == wanted.sum()
    assert (found["macs"] == points["macs"][wanted]).all()
    assert len(widths.points(where="params < 5M and macs > 300M")) == len(found)
    assert len(widths.points(where="params < 1k")) == 0
    with pytest.raises(inceptive.Error, match="nonsense"):
        widths.points(where="nonsense < 1")


def test_arguments_out_of_range_are_named(widths):
    for wrong in ({"most": -1}, {"seed": -1}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is -1, but must be at least 0"):
            widths.points(**wrong)
    with pytest.raises(ValueError, match="seed is -1"):
        widths.front(seed=-1)
    with pytest.raises(TypeError, match="values must be a dictionary .*, not 5"):
        widths.load(5)


def test_a_warning_names_the_point_and_the_line(widths):
    with pytest.warns(UserWarning, match="width=2 .*tail=fc: .*violates macs <= 1.6G") as warned:
        widths.load({"width": 2, "tail": "fc"})
    assert warned[0].filename == __file__


def test_a_value_that_a_variable_does_not_have_is_an_error(widths):
    with pytest.raises(inceptive.Error, match="0.3"):
        widths.load({"width": 0.3})


def test_frames(points, widths):
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    frame = points.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and frame.shape == (1920, len(points.columns))
    assert frame["width"].dtype == np.float64 and frame["macs"].dtype == np.int64 and frame["satisfies"].dtype == bool
    other = points.to_polars()
    assert isinstance(other, polars.DataFrame) and other.columns == points.columns
    assert other["macs"].to_list() == frame["macs"].tolist() and other["tail"].to_list() == frame["tail"].tolist()
    assert other["macs"].dtype == polars.Int64 and other["satisfies"].dtype == polars.Boolean


def test_other_threads_go_on_while_a_space_is_counted(widths):
    counted = threading.Event()

    def count():
        for _ in range(20):
            widths.points()
        counted.set()

    thread = threading.Thread(target=count)
    thread.start()
    turns = 0
    while not counted.is_set():
        turns += 1
        time.sleep(0.001)
    thread.join()
    # With the lock held, there would be one turn for each time that it is counted.
    assert turns > 25


def large(folder, variables):
    """A space with 95 values of each variable: widths of convolutions."""
    steps = "".join(f"  - conv {name}: {{kernel: 1, width: ${name}}}\n" for name in variables)
    params = ", ".join(f"{name}: 1" for name in variables)
    base = f"name: Base\nparams: {{{params}}}\ninput: {{channels: 3, size: 8}}\nbody:\n{steps}tail: []\n"
    (folder / "base.yaml").write_text(base)
    vary = "".join(f"  {name}: {{from: 1, to: 95, step: 1}}\n" for name in variables)
    chosen = ", ".join(f"{name}: ${name}" for name in variables)
    space = f"space: Large\nbase: base.yaml\nvary:\n{vary}with: {{params: {{{chosen}}}}}\nobjectives: [minimize macs]\n"
    (folder / "space.yaml").write_text(space)
    return inceptive.Space(folder / "space.yaml")


def test_ctrl_c_stops_counting(tmp_path):
    # All of its 81 million networks take minutes.
    space = large(tmp_path, "abcd")
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        space.front()


def test_ctrl_c_stops_the_drawing_of_points(tmp_path):
    # Drawing takes seconds before the first one is counted.
    space = large(tmp_path, "abcdefgh")
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        space.points(most=5_000_000)
    assert time.monotonic() - start < 10


def test_a_front_that_may_not_be_complete_is_a_warning(tmp_path):
    space = large(tmp_path, "abcde")
    assert space.size == 95**5
    with pytest.warns(UserWarning, match="may not be complete"):
        front = space.front()
    assert front["macs"].min() == front["macs"].max(), "there is one objective"
