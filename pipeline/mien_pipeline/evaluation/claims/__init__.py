"""What is claimed of the engines, one file a claim with a `CLAIM`; `mien evaluate` measures them."""
