"""Which narrative rule reads which keys: for the schema, and for laying layers over each other."""

from __future__ import annotations

from collections.abc import Mapping

READ_BY: Mapping[str, tuple[str, ...]] = {
    "confidence": ("hegselmann_krause", "deffuant"),
    "confidence_lock_in": ("hegselmann_krause", "deffuant"),
    "pairs": ("deffuant",),
    "convergence": ("deffuant",),
    "self_weight": ("biased_assimilation",),
    "bias": ("biased_assimilation",),
    "threshold": ("fraction_threshold", "count_threshold"),
}
"""Keys that only some rules read, and which; all other keys are read by every rule."""
