"""The weight files of FLUX.2 [klein] in their published layouts, small and random: the engine runs on them anywhere."""
