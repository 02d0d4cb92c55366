"""Everything that is known about a run before it starts, without torch: size, checks, risk."""
