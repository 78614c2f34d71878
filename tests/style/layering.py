#!/usr/bin/env python3
"""A layer includes only the layers before it."""
import re

from sources import LAYERS, files, report, text

# The commands of the program; they may use every layer. `simulate` is a leaf: it stands beside the
# gateway, uses only base, and only main uses it.
ALLOWED = {layer: set(LAYERS[: i + 1]) for i, layer in enumerate(LAYERS)}
ALLOWED["main"] = set(LAYERS) | {"main", "simulate"}
ALLOWED["simulate"] = {"base", "simulate"}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]sluice/([a-z_]+)/', re.M)


def layer_of(path):
    parts = path.parts
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ("include", "sluice") and len(parts) > 3:
        return parts[2]
    return None


complaints = []
for path in files(".hpp", ".cpp"):
    layer = layer_of(path)
    if layer is None or layer == "build":
        continue
    if layer not in ALLOWED:
        complaints.append(f"{path}: '{layer}' is no layer; the layers are {', '.join(ALLOWED)}")
        continue
    for used in INCLUDE.findall(text(path)):
        if used not in ALLOWED[layer]:
            complaints.append(f"{path}: {layer} may not include {used}")
report("each layer includes only those before it: " + " ".join(LAYERS) + " main",
       "what decides stays testable without a socket, and nothing below knows who uses it",
       complaints)
