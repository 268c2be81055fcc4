from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.network import EdgeListError, Graph, read_edge_list


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "edges.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refusal(path, **options):
    with pytest.raises(EdgeListError) as caught:
        read_edge_list(path, **({"n_persons": 10, "directed": True} | options))
    error = caught.value
    assert isinstance(error, ValueError)
    return error, str(error).removeprefix(str(path))


@pytest.mark.parametrize("directed", [False, True])
def test_a_file_gives_the_graph_of_its_rows(written, directed):
    path = written("source,target,weight\n0,1,2\n2,1,.5\n0,1,1e-1\n3,3,4\n")
    expected = Graph.from_edges(
        [0, 2, 0, 3],
        [1, 1, 1, 3],
        n_persons=5,
        weights=[2.0, 0.5, 0.1, 4.0],
        directed=directed,
    )
    assert read_edge_list(path, n_persons=5, directed=directed) == expected


def test_weights_are_left_out_or_signed(written):
    plain = read_edge_list(written("target,source\n1,0\n"), n_persons=2, directed=True)
    assert plain.weights is None
    assert plain.to_scipy().toarray().tolist() == [[1, 0], [1, 0]]
    path = written("source,target,weight\n0,2,-1\n1,2,3\n")
    signed = read_edge_list(path, n_persons=3, directed=True, signed=True)
    assert signed.to_scipy().toarray()[2].tolist() == [-0.25, 0.75, 0.0]


@pytest.mark.parametrize(
    "content",
    [
        "source,target\r\n0,1\r\n1,2\r\n",
        "source,target\r0,1\r1,2",
        "\ufeffsource,target\n0,1\n1,2",
        "\ufeff\nsource,target\n0,1\n1,2",
        "\n\nsource,target\n\n0,1\n\n\n1,2\n\n",
        " source , target \n 0 ,\t1 \n 1, 2\n",
        '"source","target"\n"0","1"\n1,"2"\n',
    ],
)
def test_what_spreadsheets_write_is_read(written, content):
    expected = Graph.from_edges([0, 1], [1, 2], n_persons=3)
    assert read_edge_list(written(content), n_persons=3, directed=False) == expected


@given(
    edges=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.floats(0, 1e6)), min_size=1, max_size=20
    ),
    directed=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_writing_and_reading_returns_the_graph(tmp_path_factory, edges, directed, newline):
    path = tmp_path_factory.mktemp("edges") / "edges.csv"
    lines = ["source,target,weight", *(f"{s},{t},{w!r}" for s, t, w in edges)]
    path.write_bytes(newline.join(lines).encode())
    sources, targets, weights = (np.array(column) for column in zip(*edges, strict=True))
    assert read_edge_list(path, n_persons=10, directed=directed) == Graph.from_edges(
        sources, targets, n_persons=10, weights=weights, directed=directed
    )


WHOLE = "must be a whole number"
RANGE = "must lie in [0, 9]"
HEADER = "the first line must be source,target or source,target,weight"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", f": the file is empty ({HEADER})"),
        ("\n\r\n\n", f": the file is empty ({HEADER})"),
        ("source,target\n", ":1:1: no edges below the header"),
        ("source,target\n\n", ":1:1: no edges below the header"),
        ("source\n1\n", f":1:1: missing column 'target' ({HEADER})"),
        ("source,traget\n1,2\n", ":1:8: unknown column 'traget' (did you mean 'target'?)"),
        ("Source,target\n1,2\n", ":1:1: unknown column 'Source' (did you mean 'source'?)"),
        ("source,target,colour\n1,2,3\n", f":1:15: unknown column 'colour' ({HEADER})"),
        (
            "source;target\n1;2\n",
            ":1:1: unknown column 'source;target' (fields are separated by commas)",
        ),
        (
            "source\ttarget\n1\t2\n",
            ":1:1: unknown column 'source\\ttarget' (fields are separated by commas)",
        ),
        ("source,target,source\n1,2,3\n", ":1:15: repeated column 'source'"),
        ("0,1\n1,2\n", f":1:1: unknown column '0' ({HEADER})"),
        ("source,target\n1,2\n1,two\n", f":3:3: target = 'two' {WHOLE}"),
        ("source,target\n1,2\n1.0,2\n", f":3:1: source = '1.0' {WHOLE} (write 3, not 3.0)"),
        ("source,target\n1,\n", f":2:3: target = '' {WHOLE}"),
        ("source,target\n1,NA\n", f":2:3: target = 'NA' {WHOLE}"),
        ("source,target\n0x1,2\n", f":2:1: source = '0x1' {WHOLE}"),
        ("source,target\n1,1_0\n", f":2:3: target = '1_0' {WHOLE}"),
        ('source,target\n1,"2,3"\n', ":2:6: 3 fields where the header has 2"),
        ("source,target\n1,10\n", f":2:3: target = 10 {RANGE} (ids start at 0)"),
        ("source,target\n1,2\n\n\n-1,2\n", f":5:1: source = -1 {RANGE}"),
        ("source,target\n1," + "9" * 20, f":2:3: target = {'9' * 20} {RANGE} (ids start at 0)"),
        ("source,target\n1," + "9" * 5000, f":2:3: target = {'9' * 5000} {RANGE} (ids start at 0)"),
        ("source,target\r\n1,2\r\n 3 , x\r\n", f":3:6: target = 'x' {WHOLE}"),
        ("source,target\r1,2\r3,x\r", f":3:3: target = 'x' {WHOLE}"),
        ("source,target\n1,2\n3\n4,5,6\n", ":3:1: 1 fields where the header has 2"),
        ("source,target\n1,2\n4,5,6\n", ":3:5: 3 fields where the header has 2"),
        ("source,target\n1,2\n  \n", ":3:3: 1 fields where the header has 2"),
        ("source,target,weight\n1,2\n", ":2:3: 2 fields where the header has 3"),
        (
            "source,target,weight\n1,2,1\n1,2,-0.5\n",
            ":3:5: weight = -0.5 must be >= 0 (negative influence needs signed: true)",
        ),
        ("source,target,weight\n1,2,nan\n", ":2:5: weight = nan must be finite"),
        ("source,target,weight\n1,2,-Infinity\n", ":2:5: weight = -Infinity must be finite"),
        ("source,target,weight\n1,2,1e999\n", ":2:5: weight = 1e999 must be finite"),
        ("source,target,weight\n1,2,heavy\n", ":2:5: weight = 'heavy' must be a number"),
        ("source,target,weight\n1,2,\n", ":2:5: weight = '' must be a number"),
        # The first fault in the file counts, not the first rule.
        ("source,target,weight\n1,2,-1\nx,2,1\n", ":2:5: weight = -1 must be >= 0"),
        ("source,target\n1,99\nx,1\n", f":2:3: target = 99 {RANGE}"),
    ],
)
def test_a_bad_file_is_refused_at_its_first_fault(written, content, message):
    error, text = refusal(written(content))
    assert text.startswith(message)
    if error.hint:
        assert text.endswith(f"({error.hint})")
    elif "(" not in message:
        assert text == message


@pytest.mark.parametrize("bad", [2, 9_999, 10_000, 10_001, 10_002, 20_001, 30_000])
@pytest.mark.parametrize("field", ["1,x", "1,10", "1", '"1,2'])
def test_the_line_is_right_however_far_down(written, bad, field):
    lines = ["source,target", *["1,2"] * 30_000]
    lines[bad - 1] = field
    lines[25_000] = "y,y" if bad < 25_000 else "1,2"
    error, _ = refusal(written("\n".join(lines)))
    assert error.line == bad


def test_text_that_is_not_text_is_refused(written):
    error, _ = refusal(written(b"source,target\n1,2\n\xff\xfe,3\n"))
    assert (error.line, error.column) == (3, 1)
    error, _ = refusal(written("source,target\n1,2\n".encode("utf-16")))
    assert "unknown column" in error.rule


def test_a_negative_weight_is_allowed_only_where_signs_are(written):
    path = written("source,target,weight\n1,2,-1\n")
    assert refusal(path)[0].line == 2
    faulty = written("source,target,weight\n1,2,-1\n1,2,-x\n")
    assert refusal(faulty, signed=True)[0].line == 3
    path = written("source,target,weight\n1,2,-1\n")
    read_edge_list(path, n_persons=10, directed=True, signed=True)


def test_weights_too_large_together_are_refused(written):
    _, text = refusal(written("source,target,weight\n1,2,1e308\n3,2,1e308\n"))
    assert text == ": the weights of a row add up to more than a float64 can hold"


def test_a_population_of_nobody_is_refused(written):
    with pytest.raises(ValueError, match="n_persons"):
        read_edge_list(written("source,target\n1,2\n"), n_persons=0, directed=True)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    error, text = refusal(tmp_path / "nowhere.csv")
    assert text == ": the file cannot be read: No such file or directory"
    assert error.line == 0


def test_an_error_survives_the_way_back_from_a_worker(written):
    error, _ = refusal(written("source,target\n1,x\n"))
    returned = pickle.loads(pickle.dumps(error))
    assert str(returned) == str(error)
    assert (returned.line, returned.column, returned.rule) == (2, 3, error.rule)
