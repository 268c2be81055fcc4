"""How narrative is distributed over persons, from counts."""

from __future__ import annotations

import pandas as pd


def ridgeline_table(narrative: pd.DataFrame) -> pd.DataFrame:
    """Return the share of persons by narrative displacement at each moment counted.

    Persons of all replicates are taken together, so that shares of a moment sum to 1.  Columns:
    role, phase (exposure, then rest), step, bin (from 0), share.

    Examples
    --------
    >>> columns = {"role": "scenario", "phase": "exposure", "step": 0, "replicate": [0, 0, 1, 1]}
    >>> counts = pd.DataFrame({**columns, "bin": [0, 1, 0, 1], "persons": [3, 1, 1, 3]})
    >>> ridgeline_table(counts)["share"].tolist()
    [0.5, 0.5]
    """
    moment = ["role", "phase", "step"]
    counts = narrative.groupby([*moment, "bin"], sort=True)["persons"].sum().reset_index()
    everyone = counts.groupby(moment)["persons"].transform("sum")
    return counts.assign(share=counts["persons"] / everyone).drop(columns="persons")
