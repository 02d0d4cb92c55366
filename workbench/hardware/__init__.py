"""The machine: devices, driver, memory, network, terminal and session, all without torch."""
