"""The tables of a cost report on what becomes of persons."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.figures import drawn_steps
from analysis.snapshot import pairs_of
from analysis.table import Formats, Table, in_order, listing, role_name
from analysis.wording import number, percent


def phase(table: pd.DataFrame) -> Table:
    """Return means over persons by step, from `analysis.hysteresis.loop_table`."""
    formats: Formats = {
        "role": ("Run", role_name),
        "phase": ("Phase", str),
        "step": ("Step", number),
        "prevalence": ("Prevalence", number),
        "narrative": ("Narrative n", number),
        "lock_in": ("Lock-in ℓ", number),
        "trust": ("Trust T", number),
    }
    notes = ("Means over persons; medians of replicates.",)
    caption = "Narrative, lock-in and trust by step"
    drawn = drawn_steps(table)
    return listing(drawn, formats, name="phase", caption=caption, headers=3, notes=notes)


def ridges(table: pd.DataFrame) -> Table:
    """Return narrative by moment and bin, from `analysis.narratives.ridgeline_table`."""
    n_bins = int(table["bin"].max()) + 1
    ends = table.assign(low=table["bin"] / n_bins, high=(table["bin"] + 1) / n_bins)
    formats: Formats = {
        "role": ("Run", role_name),
        "phase": ("Phase", str),
        "step": ("Step", number),
        "low": ("Narrative n, from", number),
        "high": ("to", number),
        "share": ("Share of persons", percent),
    }
    notes = ("All replicates together. Bins without anyone are left out.",)
    caption = "Persons by narrative displacement"
    there = ends[ends["share"] > 0.0]
    return listing(there, formats, name="ridges-table", caption=caption, headers=5, notes=notes)


def stocks(table: pd.DataFrame) -> Table:
    """Return the states at each moment, from `analysis.flows.stock_table`."""
    states = sorted(set(table["active"]))
    rows = []
    for (role, step, moment), now in in_order(table).groupby(
        ["role", "step", "moment"], sort=False
    ):
        shares = now.set_index("active")["share"]
        cells = (percent(shares[state]) for state in states)
        rows.append((role_name(role), str(moment), number(step), *cells))
    columns = ("Run", "Moment", "Step", *(f"{state} active" for state in states))
    caption = "Persons by number of active constraints"
    return Table("stocks", caption, columns, tuple(rows), headers=3)


def flows(table: pd.DataFrame) -> Table:
    """Return every flow between states, from `analysis.flows.flow_table`."""
    formats: Formats = {
        "role": ("Run", role_name),
        "moment_from": ("From", str),
        "moment_to": ("To", str),
        "active_from": ("Active before", number),
        "active_to": ("Active after", number),
        "share": ("Share of persons", percent),
    }
    notes = ("Pairs of states between which nobody moved are left out.",)
    caption = "Persons moving between numbers of active constraints"
    moved = table[table["share"] > 0.0]
    return listing(moved, formats, name="flows-table", caption=caption, headers=5, notes=notes)


def persons(
    table: pd.DataFrame, ties: pd.DataFrame, layout: pd.DataFrame, *, groups: Sequence[str]
) -> Table:
    """Return the persons of a snapshot, with their ties and their active constraints by moment.

    Parameters
    ----------
    table, ties
        Rows of the snapshot.
    layout
        From `analysis.layout.layout_table`.
    groups
        Names of the groups, by their numbers.
    """
    roles = sorted(set(table["role"]))
    moments = list(dict.fromkeys(table.sort_values("step")["moment"]))
    group = table.drop_duplicates("person").set_index("person")["group"]
    n_ties = pd.Series(pairs_of(ties[ties["role"] == "scenario"]).ravel()).value_counts()
    active = table.set_index(["role", "moment", "person"])["active"].to_dict()
    rows = tuple(
        (
            str(person),
            groups[group[person]],
            *([number(n_ties.get(person, 0))] if len(n_ties) else []),
            *(number(active[role, moment, person]) for role in roles for moment in moments),
        )
        for person in layout["person"]
    )
    heads = (f"Active, {role_name(role)}, {moment}" for role in roles for moment in moments)
    columns = ("Person", "Group", *(["Ties among them"] if len(n_ties) else []), *heads)
    notes = ("Replicate 0. The tables of persons and of ties hold more of each.",)
    return Table("persons", "Persons of the snapshot", columns, rows, notes=notes)
