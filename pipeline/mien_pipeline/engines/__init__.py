"""ENGINES: every engine by name, imported on demand."""
