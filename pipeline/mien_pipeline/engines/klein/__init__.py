"""FLUX.2 [klein] 4B: a swap by example, with the reference as a second picture."""
