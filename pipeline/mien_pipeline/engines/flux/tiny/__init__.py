"""A complete set of weight files in the published layouts, small and random: the engine runs on it anywhere."""
