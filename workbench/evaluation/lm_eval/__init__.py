"""Standard benchmarks by lm-evaluation-harness, an optional dependency."""
