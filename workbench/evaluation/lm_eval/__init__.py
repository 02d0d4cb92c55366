"""Standard benchmarks on base and result, through lm-evaluation-harness."""
