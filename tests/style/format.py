#!/usr/bin/env python3
"""Every C++ file is as .clang-format wants it."""
import re
import subprocess

from sources import ROOT, files, report

paths = [str(path) for path in files(".hpp", ".cpp")]
done = subprocess.run(["clang-format-19", "--dry-run", "--Werror", *paths],
                      cwd=ROOT, capture_output=True, text=True)
wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.M)))
if done.returncode and not wrong:
    wrong = [done.stderr[:2000]]
report("clang-format-19 would change nothing", "nobody has to discuss or review layout; run clang-format-19 -i",
       wrong)
