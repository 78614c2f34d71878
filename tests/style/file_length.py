#!/usr/bin/env python3
"""No source file is longer than 400 lines."""
from sources import files, report, text

LIMIT = 400
complaints = []
for path in files(".hpp", ".cpp"):
    count = text(path).count("\n")
    if path.parts[0] in ("src", "include") and count > LIMIT:
        complaints.append(f"{path}: {count} lines")
report(f"no file under src/ and include/ has more than {LIMIT} lines (aim at 100, at most 300)",
       "in every code base we admire, what hurts to read is the largest file; split it by what it is for",
       complaints)
