"""What this machine is and what its devices are doing."""
