"""The mechanisms of a step, one a file.  Their order is in `sim.schedule`."""
