"""The chat: its session and rules, the client of the engine, and the engine process itself."""
