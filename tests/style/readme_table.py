"""Holds a table of README.md to what the binary prints, between two lines that mark it."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def hold(name, flag, complaint):
    """`sluice check FLAG` prints what stands between the marks of NAME-table. --write writes it there."""
    begin, end = f"<!-- {name}-table:begin -->", f"<!-- {name}-table:end -->"
    binary = os.environ.get("SLUICE_BINARY")
    readme = ROOT / "README.md"
    if not binary or not Path(binary).exists():
        sys.exit("SLUICE_BINARY does not name the built sluice")
    printed = subprocess.run([binary, "check", flag], capture_output=True, text=True, check=True)
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    if text.count(begin) != 1 or text.count(end) != 1:
        sys.exit(f"README.md needs one line {begin} and one line {end} after it")
    before, rest = text.split(begin)
    _, after = rest.split(end)
    wanted = f"{before}{begin}\n{printed.stdout}{end}{after}"
    if "--write" in sys.argv[1:]:
        readme.write_text(wanted, encoding="utf-8")
    elif wanted != text:
        sys.exit(f"{complaint}\nRun: SLUICE_BINARY=... tests/style/{name}_table.py --write")
