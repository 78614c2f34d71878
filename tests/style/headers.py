#!/usr/bin/env python3
"""Every header begins with #pragma once and compiles alone."""
import concurrent.futures
import os
import shutil
import subprocess
import tempfile

from sources import ROOT, files, report, text

# An object, though nobody wants it: ccache remembers those.
COMPILER = [c for c in (shutil.which("ccache"), os.environ.get("SLUICE_CXX", "clang++-19")) if c]
FLAGS = ["-std=c++20", "-c", "-w", "-I", str(ROOT / "include"), "-I", str(ROOT / "tests"),
         "-DBOOST_ASIO_SEPARATE_COMPILATION", "-DBOOST_BEAST_SEPARATE_COMPILATION",
         "-DBOOST_ASIO_NO_DEPRECATED", "-DBOOST_TEST_DYN_LINK", "-x", "c++"]


def complaint(path):
    if "#pragma once" not in text(path):
        return f"{path}: no #pragma once"
    object_ = os.path.join(directory, str(path).replace("/", "_"))
    done = subprocess.run([*COMPILER, *FLAGS, str(ROOT / path), "-o", object_], capture_output=True, text=True)
    return f"{path}:\n{done.stderr[:1500]}" if done.returncode else None


with tempfile.TemporaryDirectory() as directory, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    found = list(pool.map(complaint, files(".hpp")))
report("every header has #pragma once and compiles on its own",
       "a header that needs another one first breaks whoever includes them in a different order",
       [c for c in found if c])
