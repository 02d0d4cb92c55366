"""What can be known of a run before it starts, without torch: plan, checks, risk, launch."""
