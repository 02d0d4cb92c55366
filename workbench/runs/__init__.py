"""Run folders, their status and events, the device queue and launching; imports no torch."""
