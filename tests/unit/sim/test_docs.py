"""The documentation says what the code does: tables, examples, messages, links and commands."""

from __future__ import annotations

import ast
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from doctest import ELLIPSIS, OutputChecker
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import analysis
import sim
from analysis.cost import measure
from analysis.results import TABLES
from sim.cli.main import cli
from sim.docs import BLOCKS, ROOT, documents, main
from sim.failures import FAILURES
from sim.scenario.load import load_scenario
from sim.scenario.problems import ScenarioError
from sim.scenario.reference import Setting, sections
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import Block

STALE = "Before.\n<!-- generated: clocks -->\nold\n<!-- end generated -->\nAfter.\n"
PAGES = [*documents(ROOT), ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
TALK = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
FENCE = re.compile(r"^```(\S*) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


class Fence(NamedTuple):
    """A fenced block: its language, the words after it, and its text."""

    language: str
    label: str
    text: str


def fences(page: Path) -> list[Fence]:
    return [Fence(*found) for found in FENCE.findall(page.read_text(encoding="utf-8"))]


GUIDE = [*fences(ROOT / "docs" / "scenarios.md"), *fences(ROOT / "docs" / "optimizers.md")]
EXAMPLES = [f for f in GUIDE if f.language == "yaml" and f.label.split()[:1] == ["scenario"]]
REFUSED = [
    (fence.label.split()[1], fence.text, after.text)
    for fence, after in pairwise(GUIDE)
    if fence.label.startswith("refused ")
]


def page_with(text: str, root: Path) -> Path:
    page = root / "docs" / "page.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text(text, encoding="utf-8")
    return page


def test_tables_in_the_documentation_are_those_of_the_code() -> None:
    assert main(["--check"]) == 0


def test_stale_table_is_named_and_left_alone_by_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = page_with(STALE, tmp_path)
    assert main(["--check"], root=tmp_path) == 1
    assert capsys.readouterr().err.startswith("docs/page.md: stale: clocks")
    assert page.read_text(encoding="utf-8") == STALE


def test_stale_table_is_made_anew_and_nothing_else_changes(tmp_path: Path) -> None:
    page = page_with(STALE, tmp_path)
    assert main([], root=tmp_path) == 0
    fresh = page.read_text(encoding="utf-8")
    assert fresh.startswith("Before.\n<!-- generated: clocks -->\n")
    assert fresh.endswith("<!-- end generated -->\nAfter.\n")
    assert BLOCKS["clocks"]() in fresh
    assert "old" not in fresh
    assert main(["--check"], root=tmp_path) == 0


@pytest.mark.parametrize(
    "text",
    [
        "<!-- generated: colors -->\n<!-- end generated -->\n",
        "<!-- generated: clocks -->\nno end\n",
        "no beginning\n<!-- end generated -->\n",
        "<!-- generated: clocks -->\n<!-- generated: clocks -->\n<!-- end generated -->\n",
    ],
    ids=["unknown", "open", "closed", "nested"],
)
def test_faulty_marker_fails(text: str, tmp_path: Path) -> None:
    page = page_with(text, tmp_path)
    assert main([], root=tmp_path) == 1
    assert page.read_text(encoding="utf-8") == text


def test_check_without_any_document_is_no_success(tmp_path: Path) -> None:
    assert main(["--check"], root=tmp_path) == 1


def broken_orders() -> Iterator[str]:
    """Yield the words in every `Order(False, …)` of the processes."""
    for path in sorted((ROOT / "sim" / "processes").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("Order"), args=[ast.Constant(False), reason]):
                    for part in ast.walk(reason):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str):
                            yield part.value


def test_every_reason_to_break_order_is_listed() -> None:
    listed = BLOCKS["order"]()
    reasons = list(broken_orders())
    assert reasons
    assert [reason for reason in reasons if reason not in listed] == []


def test_every_setting_of_a_plain_block_is_listed() -> None:
    keys = {setting.key for section in sections() for setting in section.settings}
    missing = []
    for name, field in Scenario.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Block):
            for inner in field.annotation.model_fields:
                dotted = f"{name}.{inner}"
                missing += [dotted] * (
                    not any(k == dotted or k.startswith(f"{dotted}.") for k in keys)
                )
        elif not any(section.block == name for section in sections()):
            missing += [name] * (name not in keys)
    assert missing == []


def test_setting_is_described_by_unit_interval_default_and_meaning() -> None:
    found = {setting.key: setting for section in sections() for setting in section.settings}
    assert found["exposure.leak"] == Setting(
        "exposure.leak",
        "number or {name: number}",
        "1/step",
        "[0, 1]",
        "0.1",
        "λ: share of accumulated exposure that fades a step; 0 never forgets.",
    )
    assert found["constraints.width"].type == "distribution or {name: distribution}"
    assert found["constraints.width"].default == "0.6"
    assert found["record.crossings[].level"].default == "required"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, made current, with every file that the guide to scenarios names."""
    for fence in GUIDE:
        name = fence.label.split()[-1:] if fence.language in ("yaml", "csv") else []
        if name and name[0].endswith((".yaml", ".csv")):
            (tmp_path / name[0]).write_text(fence.text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_in_the_guide_is_a_scenario(number: int, folder: Path) -> None:
    path = folder / "example.yaml"
    path.write_text(EXAMPLES[number].text, encoding="utf-8")
    assert isinstance(load_scenario(path), Scenario)


def test_the_first_example_has_something_to_measure(folder: Path) -> None:
    small = ["population.size=500", "restoration.delays=[0, 48]", "restoration.rest_doublings=1"]
    for name in ("town.yaml", "crowded.yaml"):
        rows = measure(load_scenario(folder / name, overrides=small), 0).cost
        costs = {(row["delay"], row["target"]): row["cost"] for row in rows}
        assert costs[0, "hold"] == 0.0
        assert 0.0 < costs[48, "hold"] < math.inf


def kinds_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "kind" in value:
            yield value["kind"]
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from kinds_in(inner)


def test_every_kind_has_an_example() -> None:
    shown: dict[str, set[str]] = {"network": set(), "stressors": set(), "optimizers": set()}
    shown["distribution"] = set()
    for example in EXAMPLES:
        for block, value in yaml.safe_load(example.text).items():
            shown[block if block in shown else "distribution"] |= set(kinds_in(value))
    wanted = {(section.block, section.kind) for section in sections() if section.kind}
    assert wanted
    assert {(block, kind) for block, kind in wanted if kind not in shown[block]} == set()


@pytest.mark.parametrize(("name", "text", "message"), REFUSED, ids=[name for name, *_ in REFUSED])
def test_refused_example_gives_the_message_shown(
    name: str, text: str, message: str, folder: Path
) -> None:
    assert (folder / name).read_text(encoding="utf-8") == text
    with pytest.raises(ScenarioError) as refused:
        load_scenario(name)
    assert refused.value.render(color=False) == message.rstrip("\n")


def test_columns_of_a_cost_run_are_those_listed() -> None:
    small = {
        "population": {"size": 20},
        "network": {"kind": "ring", "degree": 2},
        "time": {"steps": 2},
        "restoration": {"delays": 2, "rest": 1, "rest_doublings": 1, "horizon": 2, "dwell": 1},
    }
    measured = measure(Scenario.model_validate(small), 0)
    text = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    for table in TABLES:
        entry = re.search(rf"^\* `{table}`: (`role`.*?)(?=^\* |^$)", text, re.MULTILINE | re.DOTALL)
        assert entry, f"no list of columns for {table}"
        listed = [word for word in re.findall(r"`(\w+)`", entry[1]) if word not in ("hold", "heal")]
        assert listed == list(getattr(measured, table)[0])


@pytest.mark.parametrize(
    "page", [p for p in PAGES if any(f.language == "python" for f in fences(p))]
)
def test_python_in_the_documentation_runs(page: Path) -> None:
    code = "\n".join(f.text for f in fences(page) if f.language == "python")
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    lost = []
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        target, _, anchor = link.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        found = (page.parent / target) if target else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            lost.append(link)
    assert lost == []


def test_every_kind_of_failure_has_a_section_that_says_all_of_it() -> None:
    page = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL))
    for kind in FAILURES:
        section = found[kind.name]
        assert f"<!-- generated: failure:{kind.name} -->" in section
        headings = ("In this model", "Literature", "Look at", "Null")
        assert [heading for heading in headings if f"\n**{heading}" not in section] == []


def known_commands() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split()
    names = cli.list_commands(None)  # type: ignore[arg-type]
    plain = {". .venv/bin/activate", ".venv/bin/python -m sim.docs", "bash .ci/run"}
    return {f"make {t}" for t in targets} | {f"remanence {n}" for n in names} | plain


def commands(page: Path) -> Iterator[str]:
    for fence in fences(page):
        if fence.language == "sh":
            yield from (line for line in fence.text.splitlines() if line.strip())
        elif fence.language == "console":
            yield from (line[2:] for line in fence.text.splitlines() if line.startswith("$ "))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_shown_is_one_that_exists(page: Path) -> None:
    known = known_commands()
    assert [
        c for c in commands(page) if " ".join(c.split()[:2]) not in known and c not in known
    ] == []


def test_readme_shows_commands() -> None:
    assert len(list(commands(ROOT / "README.md"))) >= 4


def conversations() -> list[tuple[str, str]]:
    """Return the commands that the README shows with their output."""
    text = (fence.text for fence in fences(ROOT / "README.md") if fence.language == "console")
    return [spoken for block in text for spoken in TALK.findall(block)]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "shown"), conversations())
def test_command_in_the_readme_prints_what_is_shown(
    command: str, shown: str, tmp_path: Path
) -> None:
    script = Path(sys.executable).with_name("remanence")
    line = re.sub(r"^remanence\b", str(script), command)
    done = subprocess.run(
        line, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    got = done.stderr if done.returncode else done.stdout
    wanted = re.sub(r"\(\d+ s\)", "(... s)", shown)
    assert OutputChecker().check_output(wanted, got, ELLIPSIS), got


def test_the_tour_is_stored_without_outputs_and_every_cell_has_its_own_id() -> None:
    tour = json.loads((ROOT / "docs" / "tour.ipynb").read_text(encoding="utf-8"))
    ids = [cell["id"] for cell in tour["cells"]]
    assert len(set(ids)) == len(ids)
    code = [cell for cell in tour["cells"] if cell["cell_type"] == "code"]
    assert code
    assert [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"]] == []
    assert all(cell["metadata"] == {} for cell in tour["cells"])


def test_every_public_name_is_in_the_reference() -> None:
    reference = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    public = [
        f"{package.__name__}.{name}" for package in (sim, analysis) for name in package.__all__
    ]
    assert public
    assert [name for name in public if not re.search(rf":: {name}\b", reference)] == []
