"""What a swap of a clip knows beyond that of a picture: its shots, its people, its segments and its journal."""
