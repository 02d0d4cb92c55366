"""The tensor side of the protections; loaded only where torch is."""
