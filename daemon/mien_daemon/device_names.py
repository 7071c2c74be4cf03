"""How the setting `devices` may read."""

AUTO = "auto"
_NAME = r"(?:cpu|mps|(?:cuda|rocm|xpu)(?::[0-9]{1,2})?)"
PATTERN = rf"^(?:{AUTO}|{_NAME}(?:,{_NAME}){{0,15}})$"
"""At most 16 workers."""
