"""Scenario files: strict, located reading, one schema, one resolved form."""
