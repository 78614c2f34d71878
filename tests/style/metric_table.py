#!/usr/bin/env python3
"""README.md's table of metrics is the one the binary prints. --write brings it up to date."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- metric-table:begin -->", "<!-- metric-table:end -->"


def main():
    binary = os.environ.get("SLUICE_BINARY")
    readme = ROOT / "README.md"
    if not binary or not Path(binary).exists():
        sys.exit("SLUICE_BINARY does not name the built sluice")
    printed = subprocess.run([binary, "check", "--print-metrics"], capture_output=True, text=True, check=True)
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        sys.exit(f"README.md needs one line {BEGIN} and one line {END} after it")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    wanted = f"{before}{BEGIN}\n{printed.stdout}{END}{after}"
    if "--write" in sys.argv[1:]:
        readme.write_text(wanted, encoding="utf-8")
    elif wanted != text:
        sys.exit("README.md's table of metrics is not what the code exposes; a dashboard would be built on it.\n"
                 "Run: SLUICE_BINARY=... tests/style/metric_table.py --write")


main()
