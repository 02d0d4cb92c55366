"""Models on the line between a base and its tuned model: theta0 + alpha (theta - theta0)."""
