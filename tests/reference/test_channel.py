"""Reports as a noisy channel, against closed forms, in scenarios as people write them."""

from __future__ import annotations

import math

import pytest

from sim.model import AlignmentModel
from sim.scenario.reader import read_yaml
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.scenario.validation import validate_node

SIZE = 200_000

CHANNEL = """\
population: {{size: {size}, initial: {{constrained: {constrained}, trust: {trust}}}}}
network: {{kind: ring, degree: 2}}
channels: [only]
constraints: {{activation: 1000, width: 2000}} # nothing ever switches
narrative: {{rule: none}}
trust: {{trust_gain: 0, trust_loss: 0}}
feedback:
  response_base: {base}
  response_trust: {slope}
  over_report: {{at_full_trust: {over}, at_no_trust: {over}}}
  under_report: {{at_full_trust: {under}, at_no_trust: {under}}}
  response_constrained: {bias}
"""


def entropy(*shares: float) -> float:
    return -sum(p * math.log2(p) for p in shares if p)


def logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def channel(
    *, rate: float = 0.5, under: float = 0.0, over: float | None = None, constrained: float = 0.5,
    trust: float = 1.0, slope: float = 0.0, bias: float = 0.0, size: int = SIZE,
) -> AlignmentModel:  # fmt: skip
    """Return persons who have made their reports, once."""
    text = CHANNEL.format(
        size=size, constrained=constrained, trust=trust, base=logit(rate), slope=slope, bias=bias,
        under=under, over=under if over is None else over,
    )  # fmt: skip
    model = AlignmentModel(validate_node(Scenario, read_yaml(text, name="channel.yaml")))
    model.step()
    assert model.prevalence() == pytest.approx(constrained, abs=5.0 / math.sqrt(size))
    return model


def reported(**how: float) -> dict[str, float]:
    """Return what the reports come to."""
    return channel(**how).recorder.latest()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rate", "flip", "bits"), [(0.8, 0.05, 0.571), (0.1, 0.4, 0.0029), (0.5, 0.0, 0.5)]
)
def test_a_balanced_channel_carries_r_times_one_less_the_entropy(
    rate: float, flip: float, bits: float
) -> None:
    exact = rate * (1.0 - entropy(flip, 1.0 - flip))
    assert exact == pytest.approx(bits, abs=6e-4)
    row, n = reported(rate=rate, under=flip), SIZE * rate
    assert row["response_rate"] == pytest.approx(rate, abs=4.0 * math.sqrt(rate / SIZE))
    # Of one answer the information varies by √(m (1 − m)) |log₂(m / (1 − m))|, and r by itself.
    spread = math.sqrt(flip * (1.0 - flip)) * abs(math.log2(flip / (1.0 - flip))) if flip else 0.0
    error = rate * spread / math.sqrt(n) + (exact / rate) * math.sqrt(rate * (1.0 - rate) / SIZE)
    assert row["information"] == pytest.approx(exact, abs=4.0 * error + 1e-5)
    assert row["information_answered"] == pytest.approx(
        1.0 - entropy(flip, 1.0 - flip), abs=4.0 * spread / math.sqrt(n) + 1e-4
    )
    assert row["auc"] == pytest.approx(1.0 - flip, abs=2.0 / math.sqrt(n))


def with_silence(model: AlignmentModel) -> float:
    """Return the information there would be if silence were a report like the others [bits]."""
    p = model.frame.reports[..., 0].sum(axis=(0, 1)) / SIZE
    return entropy(*p.sum(axis=0)) + entropy(*p.sum(axis=1)) - entropy(*p.ravel())


def test_information_falls_with_distrust_though_silence_tells_more_and_more() -> None:
    trusting, distrusting = (
        channel(rate=0.5, slope=4.0, bias=-2.0, trust=trust, under=0.4) for trust in (1.0, 0.0)
    )
    # Counted as a report, the silence of the constrained would make a success of distrust.
    assert with_silence(distrusting) > 2.0 * with_silence(trusting)
    for name in ("information", "information_answered", "response_rate"):
        assert distrusting.recorder.latest()[name] < 0.9 * trusting.recorder.latest()[name]


@pytest.mark.parametrize("flip", [0.1, 0.3])
def test_symmetric_flips_pull_reports_to_one_half(flip: float) -> None:
    """Where few are constrained things look worse than they are, where many are, better."""
    for constrained, sign in ((0.1, 1.0), (0.9, -1.0)):
        row = reported(rate=0.7, under=flip, constrained=constrained)
        shift = flip * (1.0 - 2.0 * constrained)
        assert row["calibration_bias"] == pytest.approx(shift, abs=0.006)
        assert row["calibration_error"] == pytest.approx(abs(shift), abs=0.006)
        apparent_less_lived = row["apparent_alignment"] - row["lived_alignment"]
        assert apparent_less_lived == pytest.approx(-shift, abs=0.01)
        assert sign * apparent_less_lived < 0.0


@pytest.mark.parametrize("bias", [-2.0, 1.0])
def test_answers_missing_not_at_random_bias_what_seems(bias: float) -> None:
    row = reported(rate=0.5, bias=bias, constrained=0.3)
    willing = 1.0 / (1.0 + math.exp(-bias))
    seems = 0.3 * willing / (0.3 * willing + 0.7 * 0.5)
    assert row["apparent_alignment"] == pytest.approx(1.0 - seems, abs=0.006)
    assert row["calibration_bias"] == pytest.approx(seems - 0.3, abs=0.006)
    assert row["information_answered"] == pytest.approx(entropy(seems, 1.0 - seems), abs=0.01)


def test_silence_is_undefined_and_what_seemed_is_carried_forward() -> None:
    content = {
        "population": {"size": 50, "initial": {"lock_in": 1.0, "constrained": 0.5}},
        "feedback": {"exit": 1.0},
        "narrative": {"rule": "none"},
        "time": {"steps": 3},
    }
    model = AlignmentModel(full(Scenario.model_validate(content)))
    model.step()
    row = model.recorder.latest()
    assert (row["exited"], row["response_rate"]) == (1.0, 0.0)
    names = ("information", "information_answered", "auc", "calibration_bias", "calibration_error")
    assert all(math.isnan(row[name]) for name in names)
    fork = model.fork({"feedback.exit": 0.0})
    fork.step()
    assert fork.recorder.latest()["response_rate"] == 0.0
