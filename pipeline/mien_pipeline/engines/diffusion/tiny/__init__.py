"""What writes the tiny bundles: random values, files of every published kind, and a catalogue of them."""
