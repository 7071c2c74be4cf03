"""The embedded engine: a real swap by 3-D face mesh, with no weights beyond the starter models."""
