"""The `remanence` command: parse, call, exit code.  Nothing imports it."""
