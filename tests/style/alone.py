#!/usr/bin/env python3
"""Every header begins with #pragma once, and every header and every source of the product compiles alone, given only other
people's headers: the build compiles dozens of files as one, where each sees what those before it included."""
import concurrent.futures
import os
import re
import subprocess
import tempfile

from sources import ROOT, files, report, text

COMPILER = os.environ.get("SLUICE_CXX", "clang++-19")
# Names that hide others are looked for here: compiled together, a file sees those of the files before it.
FLAGS = ["-std=c++20", "-Wshadow", "-Werror", "-Wno-pragma-once-outside-header",
         "-I", str(ROOT / "include"), "-I", str(ROOT / "src"), "-I", str(ROOT / "tests"),
         "-DBOOST_ASIO_SEPARATE_COMPILATION", "-DBOOST_BEAST_SEPARATE_COMPILATION", "-DBOOST_ASIO_NO_DEPRECATED",
         "-DBOOST_TEST_DYN_LINK", '-DSLUICE_YAML_CPP_VERSION=""', '-DSLUICE_PROMETHEUS_CPP_VERSION=""']
# Parsed once for all files; what is not among them is parsed where it is included.
SHARED = ["boost/asio/as_tuple.hpp", "boost/asio/co_spawn.hpp", "boost/asio/io_context.hpp", "boost/asio/ip/tcp.hpp",
          "boost/asio/ssl.hpp", "boost/asio/steady_timer.hpp", "boost/asio/use_awaitable.hpp", "boost/asio/write.hpp",
          "boost/beast/core/tcp_stream.hpp", "boost/beast/http.hpp", "boost/test/unit_test.hpp", "simdjson.h",
          "chrono", "functional", "map", "mutex", "random", "span", "string", "thread", "unordered_map", "vector"]


def compiled(*arguments):
    return subprocess.run([COMPILER, *FLAGS, *arguments], capture_output=True, text=True, check=False)


def complaint(path):
    done = compiled("-fsyntax-only", "-include-pch", shared, "-x", "c++", str(ROOT / path))
    return f"{path}:\n{done.stderr[:1500]}" if done.returncode else None


def first_include(path):
    found = re.search(r'^#include ["<]([^">]+)', text(path), re.M)
    return found[1] if found else ""


# A header that a source includes before any other compiles alone there.
sources = [p for p in files(".cpp") if p.parts[0] == "src"]
met = {f"/{first_include(p)}" for p in sources}
headers = [p for p in files(".hpp") if not any(str(p).endswith(end) for end in met)]

os.nice(19)  # beside tests that wait, and not in their way
with tempfile.TemporaryDirectory() as directory, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    listed, shared = os.path.join(directory, "shared.hpp"), os.path.join(directory, "shared.pch")
    with open(listed, "w", encoding="utf-8") as out:
        out.writelines(f"#include <{name}>\n" for name in SHARED)
    made = compiled("-fpch-instantiate-templates", "-x", "c++-header", listed, "-o", shared)
    if made.returncode:
        raise SystemExit(f"{COMPILER} cannot parse other people's headers:\n{made.stderr[:1500]}")
    found = list(pool.map(complaint, sources + headers))
report("every header has #pragma once, and compiles on its own as every source does",
       "a file that needs what another one includes breaks whoever includes or orders them differently",
       [f"{p}: no #pragma once" for p in files(".hpp") if "#pragma once" not in text(p)] + [c for c in found if c])
