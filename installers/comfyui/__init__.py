"""Mien in ComfyUI: copy this folder into `custom_nodes`. It talks to the daemon of the same user and machine."""

from .swap_node import MienSwapFace

NODE_CLASS_MAPPINGS = {"MienSwapFace": MienSwapFace}
NODE_DISPLAY_NAME_MAPPINGS = {"MienSwapFace": "Swap Face (Mien)"}
