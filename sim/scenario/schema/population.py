"""Who there is: time, channels, groups, initial values, network."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sim.scenario.schema.base import (
    Block,
    Constant,
    Distribution,
    Name,
    NonNegative,
    PerChannelDistribution,
    PerChannelFlags,
    Share,
    Step,
    cross_field,
)


class Time(Block):
    """The scenario clock."""

    steps: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    """Steps of a plain run, and the longest delay of a cost curve [steps]."""
    unit: Name = "step"
    """What one step stands for, in labels; hour, day, week, month, quarter or year also say on
    which step a date in a series falls."""


class Channel(Block):
    """One kind of constraint a person can be under."""

    weight: Share
    """Weight ω of the channel in a person's burden c; the weights of all channels sum to 1."""


def _short_channel(value: Any) -> Any:
    return {"weight": value} if isinstance(value, (int, float)) else value


def _short_channels(value: Any) -> Any:
    """Read a list of names as channels of equal weight."""
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, str) for v in value):
        return {name: {"weight": 1.0 / len(value)} for name in value}
    return value


Channels = Annotated[
    dict[
        Name,
        Annotated[Channel, BeforeValidator(_short_channel, json_schema_input_type=float | Channel)],
    ],
    Field(min_length=1, max_length=8),
    BeforeValidator(_short_channels, json_schema_input_type=dict[str, float | Channel] | list[str]),
]

DEFAULT_CHANNELS = {
    "deprivation": 0.25,
    "institutional_breakdown": 0.25,
    "attention_capture": 0.25,
    "narrative_displacement": 0.25,
}


class GroupInitial(Block):
    """State at step 0 of a group; what is left out is as for everyone."""

    exposure: PerChannelDistribution | None = None
    """Accumulated exposure E [load]; values below 0 are set to 0."""
    constrained: PerChannelFlags | None = None
    """Probability that a constraint is active at the start, or 0 or 1 for each person [share]."""
    narrative: Distribution | None = None
    """Narrative displacement n, clipped to [0, 1]."""
    lock_in: Distribution | None = None
    """Narrative lock-in ℓ, clipped to [0, 1]."""
    trust: Distribution | None = None
    """Trust T in the system, clipped to [0, 1]; newcomers start with a fresh draw of it."""


class Initial(Block):
    """State at step 0.  The default is the bottom state, from which assumption A2 can hold."""

    exposure: PerChannelDistribution = Constant(value=0.0)
    """Accumulated exposure E [load]; values below 0 are set to 0."""
    constrained: PerChannelFlags = 0.0
    """Probability that a constraint is active at the start, or 0 or 1 for each person [share]."""
    narrative: Distribution = Constant(value=0.0)
    """Narrative displacement n, clipped to [0, 1]."""
    lock_in: Distribution = Constant(value=0.0)
    """Narrative lock-in ℓ, clipped to [0, 1]."""
    trust: Distribution = Constant(value=1.0)
    """Trust T in the system, clipped to [0, 1]; newcomers start with a fresh draw of it."""
    file: str | None = None
    """Path of a CSV or Parquet file with one row a person, relative to the scenario file that
    names it; a column it has takes the place of what is said here."""
    step: Step | None = None
    """Which step of the file, where it has a column `step`."""
    replicate: Annotated[int, Field(ge=0, lt=1 << 32)] | None = None
    """Which replicate of the file, where it has a column `replicate`."""
    digest: str = ""
    """SHA-256 of the file; filled in when the scenario is resolved and checked when given."""

    @model_validator(mode="after")
    def _of_a_file(self) -> Initial:
        if self.file is None:
            for name in {"step", "replicate", "digest"} & self.model_fields_set:
                if getattr(self, name) not in (None, ""):
                    raise cross_field(f"`{name}` is of a file, and there is none", name)
        return self


class Group(Block):
    """A part of the population with traits of its own."""

    share: Share
    """Share of the population; the shares of all groups sum to 1."""
    vulnerability: PerChannelDistribution = Constant(value=1.0)
    """Exposure v taken up per unit of stressor; values below 0 are set to 0."""
    activation: PerChannelDistribution | None = None
    """Activation thresholds of this group [load]; left out: those of `constraints.activation`."""
    stubbornness: Distribution | None = None
    """Stubbornness of this group, clipped to [0, 1]; left out: that of `narrative.stubbornness`."""
    threshold: Distribution | None = None
    """Narrative thresholds of this group; left out: those of `narrative.threshold`.  Refused
    under a rule that reads no threshold, except `none`."""
    initial: GroupInitial | None = None
    """State at step 0 where it differs from that of the population."""


def _short_group(value: Any) -> Any:
    return {"share": value} if isinstance(value, (int, float)) else value


class Population(Block):
    """Persons and groups."""

    size: Annotated[int, Field(ge=1, le=50_000_000)] = 10_000
    """Number of persons N."""
    resample: Literal["noise", "population"] = "noise"
    """What a replicate draws anew: only noise, or thresholds, traits and network as well."""
    arrangement: Literal["contiguous", "shuffled"] = "contiguous"
    """Persons of a group next to each other (segregated on rings and lattices), or mixed."""
    groups: Annotated[
        dict[
            Name,
            Annotated[Group, BeforeValidator(_short_group, json_schema_input_type=float | Group)],
        ],
        Field(min_length=1, max_length=100),
    ] = {"everyone": Group(share=1.0)}
    """Groups by name."""
    initial: Initial = Initial()
    """State at step 0."""

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Population:
        total = sum(group.share for group in self.groups.values())
        if abs(total - 1.0) > 1e-9:
            fields = [f"groups.{name}.share" for name in self.groups]
            raise cross_field(f"the shares of the groups sum to {total:g}, not 1", *fields)
        return self

    def group_sizes(self) -> dict[str, int]:
        """Return the number of persons in each group, by largest remainder."""
        ideal = {name: group.share * self.size for name, group in self.groups.items()}
        sizes = {name: math.floor(value + 1e-9) for name, value in ideal.items()}
        by_remainder = sorted(ideal, key=lambda name: sizes[name] - ideal[name])
        for name in by_remainder[: self.size - sum(sizes.values())]:
            sizes[name] += 1
        return sizes


class RandomNetwork(Block):
    """What networks drawn at random share."""

    numbering: Literal["as_made", "near"] = "as_made"
    """`near`: persons are numbered anew within their group so that neighbors lie near each other
    in memory; another, equally likely population, and faster steps from about 10⁶ persons on."""


class PoissonNetwork(RandomNetwork):
    """Random graph G(n, p): every pair is tied independently with the same probability p."""

    kind: Literal["poisson"] = "poisson"
    degree: NonNegative = 10.0
    """Mean number of neighbors, p · (n − 1); at most n − 1."""


class WattsStrogatz(RandomNetwork):
    """Small world: a ring with a share of its ties rewired (Watts & Strogatz 1998)."""

    kind: Literal["watts_strogatz"]
    degree: Annotated[int, Field(ge=2, multiple_of=2)] = 10
    """Neighbors of each person on the ring; even."""
    rewire: Share = 0.1
    """Probability that a tie is rewired."""


class BarabasiAlbert(RandomNetwork):
    """Scale-free: newcomers tie themselves to those with many ties (Barabási & Albert 1999)."""

    kind: Literal["barabasi_albert"]
    ties: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Ties each newcomer makes; the mean degree is about twice that."""


class Ring(Block):
    """Ring: the nearest `degree` persons, half on either side."""

    kind: Literal["ring"]
    degree: Annotated[int, Field(ge=2, multiple_of=2)] = 2
    """Neighbors of each person; even."""


class Lattice(Block):
    """Rectangular lattice; rows × columns must equal the size of the population."""

    kind: Literal["lattice"]
    rows: Annotated[int, Field(ge=1)]
    """Rows."""
    columns: Annotated[int, Field(ge=1)]
    """Columns."""
    neighborhood: Literal["von_neumann", "moore"] = "von_neumann"
    """Four or eight neighbors."""
    periodic: bool = True
    """Whether opposite edges touch."""


class BlockModel(RandomNetwork):
    """Stochastic block model on the groups: pairs tied independently, by their groups."""

    kind: Literal["block_model"]
    degree: NonNegative = 10.0
    """Mean number of neighbors, the same for everyone."""
    homophily: Share
    """Share of all ties that stay inside groups, everyone keeping the same mean degree.
    Σ (group share)² is mixing at random; with one group all ties stay inside."""


class Complete(Block):
    """Everyone is influenced equally by everyone else; stored without N² memory."""

    kind: Literal["complete"]


class Star(Block):
    """Person 0 is tied to everyone else."""

    kind: Literal["star"]


class EdgeListFile(Block):
    """Ties read from a CSV file with columns source, target and optionally weight."""

    kind: Literal["edge_list"]
    file: str
    """Path of the CSV file, relative to the scenario file that names it."""
    directed: bool = False
    """Whether `source` influences `target` but not the other way round."""
    self_loops: bool = False
    """Keep ties of a person to themself, as W_ii; they are dropped otherwise."""
    digest: str = ""
    """SHA-256 of the file; filled in when the scenario is resolved and checked when given."""


Network = Annotated[
    PoissonNetwork
    | WattsStrogatz
    | BarabasiAlbert
    | Ring
    | Lattice
    | BlockModel
    | Complete
    | Star
    | EdgeListFile,
    Field(discriminator="kind"),
]
