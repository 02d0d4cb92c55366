"""What a run is: a typed, validated recipe, written as YAML."""
