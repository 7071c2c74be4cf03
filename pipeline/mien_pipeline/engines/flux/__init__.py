"""The identity stack on FLUX.1: InstantID, PuLID and IP-Adapter FaceID, bound into one velocity."""
