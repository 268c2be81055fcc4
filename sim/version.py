"""What identifies the numbers a version of the software produces."""

MODEL_VERSION = 4
"""Raised with every edit that changes results; part of the name of every result."""

DISTRIBUTION = "remanence"
