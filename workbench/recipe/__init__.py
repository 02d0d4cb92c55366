"""What a run is: typed, validated, written as YAML."""
