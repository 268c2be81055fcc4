"""How persons move between numbers of active constraints, from counts."""

from __future__ import annotations

import pandas as pd

_LEG = ["role", "moment_from", "moment_to", "step_from", "step_to"]


def flow_table(flows: pd.DataFrame) -> pd.DataFrame:
    """Return the share of persons who went from one number of active constraints to another.

    Persons of all replicates are taken together, which is the mean of the replicates' shares;
    shares between two moments sum to 1.  Columns: role, moment_from, moment_to, step_from,
    step_to, active_from, active_to, share; in the order of time.
    """
    keys = [*_LEG, "active_from", "active_to"]
    counts = flows.groupby(keys, sort=False)["persons"].sum().reset_index()
    everyone = counts.groupby(_LEG)["persons"].transform("sum")
    table = counts.assign(share=counts["persons"] / everyone).drop(columns="persons")
    order = ["role", "step_to", "active_from", "active_to"]
    return table.sort_values(order, kind="stable", ignore_index=True)


def stock_table(flows: pd.DataFrame) -> pd.DataFrame:
    """Return the share of persons with each number of active constraints at each moment.

    Columns: role, moment, step, active, share.

    Parameters
    ----------
    flows
        From `flow_table`.
    """
    ends = []
    for end in ("from", "to"):
        names = {f"moment_{end}": "moment", f"step_{end}": "step", f"active_{end}": "active"}
        ends.append(flows.rename(columns=names).groupby(["role", "step", "moment", "active"]))
    # What arrives at a moment leaves it again; each moment is taken once.
    sums = [grouped["share"].sum().reset_index() for grouped in ends]
    table = pd.concat(sums).drop_duplicates(["role", "step", "active"])
    table = table.sort_values(["role", "step", "active"], ignore_index=True)
    return table[["role", "moment", "step", "active", "share"]]
