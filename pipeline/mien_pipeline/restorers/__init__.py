"""RESTORERS: what repairs a face after a swap, by name, imported on demand."""
