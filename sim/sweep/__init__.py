"""Many runs: executors that carry them out, and the segments that remember which are done."""
