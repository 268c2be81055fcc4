"""What every block of a scenario shares: strictness, units, per-channel values, distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
# Loads are of order 1; within these bounds nothing overflows.
Number = Annotated[float, Field(ge=-1e9, le=1e9)]
NonNegative = Annotated[float, Field(ge=0.0, le=1e9)]
Positive = Annotated[float, Field(gt=0.0, le=1e9)]
Step = Annotated[int, Field(ge=0, le=1_000_000)]
LogSpread = Annotated[float, Field(ge=0.0, le=10.0)]
"""Standard deviation of a logarithm; at 10 the largest of a million draws is e^50 medians."""


class Block(BaseModel):
    """A frozen, strict block: unknown keys, NaN, infinities and wrong types are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        use_attribute_docstrings=True,
    )


class ChannelWise:
    """Marks a field that takes one value for all channels or a mapping from channel to value."""


class Constant(Block):
    """The same value for everyone."""

    kind: Literal["constant"] = "constant"
    value: Number
    """The value."""


class Uniform(Block):
    """Uniform on [low, high]."""

    kind: Literal["uniform"]
    low: Number
    """Lower end."""
    high: Number
    """Upper end, not below `low`."""

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.high < self.low:
            raise cross_field(f"high {self.high:g} is below low {self.low:g}", "high", "low")
        return self


class Normal(Block):
    """Normal distribution."""

    kind: Literal["normal"]
    mean: Number
    """Mean."""
    sd: NonNegative
    """Standard deviation."""


class Lognormal(Block):
    """Lognormal distribution: exp(log(median) + sigma · z), z standard normal."""

    kind: Literal["lognormal"]
    median: Positive = 1.0
    """Median."""
    sigma: LogSpread
    """Standard deviation of the logarithm."""


class Exponential(Block):
    """Exponential distribution."""

    kind: Literal["exponential"]
    mean: Positive
    """Mean."""


class Gamma(Block):
    """Gamma distribution."""

    kind: Literal["gamma"]
    shape: Positive
    """Shape; the mean is shape · scale."""
    scale: Positive = 1.0
    """Scale."""


class Beta(Block):
    """Beta distribution on [0, 1]."""

    kind: Literal["beta"]
    a: Positive
    """First shape; the mean is a / (a + b)."""
    b: Positive
    """Second shape."""


class NamedDistribution(Block):
    """Any distribution of scipy.stats, continuous or discrete, by its name there."""

    kind: Literal["scipy"]
    name: str
    """Name in scipy.stats, such as `weibull_min`."""
    parameters: dict[str, Number] = {}
    """Its shape parameters by name, and `loc` and `scale` (0 and 1 if left out)."""

    @model_validator(mode="after")
    def _known(self) -> NamedDistribution:
        from sim.scenario.schema.named import check_named  # scipy.stats takes long to import

        check_named(self.name, self.parameters)
        return self


class Values(Block):
    """One value a person, in the order of persons: given here, or in a column of a file."""

    kind: Literal["values"]
    values: Annotated[tuple[Number, ...], Field(strict=False, min_length=1)] | None = None
    """As many as there are persons: in the group or in all; for initial values and
    narrative, in all."""
    file: str | None = None
    """Path of a CSV or Parquet file, relative to the scenario file that names it."""
    column: str | None = None
    """Name of the column of the file."""
    digest: str | None = None
    """SHA-256 of the file; filled in when the scenario is resolved and checked when given."""

    @model_validator(mode="after")
    def _given_once(self) -> Values:
        if (self.values is None) == (self.file is None):
            message = "give `values` or a `file`" + (", not both" if self.file else "")
            raise cross_field(message, "values", "file")
        if (self.file is None) != (self.column is None):
            message = "a file needs the name of a `column`, and a column a `file`"
            raise cross_field(message, "column", "file")
        return self


def short_constant(value: Any) -> Any:
    """Read a bare number as a constant."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"kind": "constant", "value": value}
    return value


def _short_distribution(value: Any) -> Any:
    """Read a bare number as a constant and a list as one value a person."""
    if isinstance(value, (list, tuple)):
        return {"kind": "values", "values": value}
    return short_constant(value)


Law = Constant | Uniform | Normal | Lognormal | Exponential | Gamma | Beta | NamedDistribution
"""A distribution of which any number of values can be drawn."""
AnyDistribution = Annotated[Law | Values, Field(discriminator="kind")]
Distribution = Annotated[
    AnyDistribution,
    BeforeValidator(
        _short_distribution, json_schema_input_type=Number | list[Number] | AnyDistribution
    ),
]


def _shape(value: Any) -> str:
    """Tell one value for all channels from a mapping of channel to value."""
    return "by_channel" if isinstance(value, dict) and "kind" not in value else "one"


def _per_channel(item: Any) -> Any:
    one, each = Annotated[item, Tag("one")], Annotated[dict[str, item], Tag("by_channel")]
    return Annotated[one | each, Discriminator(_shape), ChannelWise()]


Flags = Annotated[tuple[Annotated[int, Field(ge=0, le=1)], ...], Field(strict=False, min_length=1)]
"""0 or 1 for each person."""


def _one_or_list(value: Any) -> str:
    return "each" if isinstance(value, (list, tuple)) else "one"


if TYPE_CHECKING:
    PerChannelShare = float | dict[str, float]
    PerChannelFlags = float | tuple[int, ...] | dict[str, float | tuple[int, ...]]
    PerChannelNonNegative = float | dict[str, float]
    PerChannelNumber = float | dict[str, float]
    PerChannelDistribution = AnyDistribution | dict[str, AnyDistribution]
else:
    PerChannelShare = _per_channel(Share)
    PerChannelFlags = _per_channel(
        Annotated[
            Annotated[Share, Tag("one")] | Annotated[Flags, Tag("each")],
            Discriminator(_one_or_list),
        ]
    )
    PerChannelNonNegative = _per_channel(NonNegative)
    PerChannelNumber = _per_channel(Number)
    PerChannelDistribution = _per_channel(Distribution)


V = TypeVar("V")


def each(value: V | Mapping[str, V]) -> Mapping[str, V]:
    """Return a per-channel value of a resolved scenario as a mapping from channel to value.

    Raises
    ------
    TypeError
        If the scenario has not been resolved, so that one value still stands for all channels.
    """
    if not isinstance(value, Mapping):
        raise TypeError("the scenario is in its short form; resolve it with `full` first")
    return value


def cross_field(message: str, *fields: str, hint: str = "") -> PydanticCustomError:
    """Return an error about several fields at once; the first one named is where it points."""
    return PydanticCustomError(
        "cross_field", "{text}", {"text": message, "fields": list(fields), "hint": hint}
    )
