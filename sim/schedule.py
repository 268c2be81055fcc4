"""The one ordered tuple of stages: what happens in a step, in this order."""

from __future__ import annotations

from sim.processes import (
    correction,
    drive,
    exit,
    exposure,
    feedback,
    narrative,
    reach,
    relay,
    stressors,
    trust,
    turnover,
)
from sim.processes.stage import Stage

SCHEDULE: tuple[Stage, ...] = (
    stressors.STAGE,
    drive.STAGE,
    correction.STAGE,
    reach.STAGE,
    exposure.STAGE,
    relay.STAGE,
    narrative.STAGE,
    trust.STAGE,
    exit.STAGE,
    feedback.STAGE,
    turnover.STAGE,
)
"""All updates are synchronous; a stage reads columns as the stages before it left them."""
