#!/usr/bin/env python3
"""Every header begins with #pragma once, and compiles alone, given only other people's headers: the build compiles dozens of
files as one, where each sees what those before it included. A header that a source includes first is left to the builds, which
put the sources together in two orders (SLUICE_LAST_FIRST): what a file lacks is missing in one of them."""
import concurrent.futures
import functools
import os
import pathlib
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
          "boost/asio/connect.hpp", "boost/asio/post.hpp", "boost/beast/http/parser.hpp", "boost/beast/http/string_body.hpp",
          "boost/test/unit_test.hpp", "simdjson.h",
          "chrono", "functional", "map", "mutex", "random", "span", "string", "thread", "unordered_map", "vector"]


def compiled(*arguments):
    return subprocess.run([COMPILER, *FLAGS, *arguments], capture_output=True, text=True, check=False)


# Parsed once for the files that include them: those see nothing by it that they would not see without.
HEADS = [pathlib.Path("include/sluice") / name for name in (
    "config/snapshot.hpp", "config/load.hpp", "observe/cells.hpp", "proxy/exchange.hpp", "proxy/services.hpp",
    "server/control.hpp", "server/admin.hpp")]


def included(path):
    """The project's headers that a file includes."""
    for name in re.findall(r'^#include ["<]([^">]+)', text(path), re.M):
        for folder in ("include", "src", "tests", path.parent):
            if (ROOT / folder / name).is_file():
                yield pathlib.Path(folder) / name
                break


@functools.cache
def closure(path):
    """... and those that they include."""
    return frozenset().union(*({header} | closure(header) for header in included(path)))


def parsed(source, out, *before):
    done = compiled(*before, "-fpch-instantiate-templates", "-x", "c++-header", source, "-o", out)
    if done.returncode:
        raise SystemExit(f"{COMPILER} cannot parse {source}:\n{done.stderr[:1500]}")
    return out


def nearest(path):
    """What is parsed already of what a file includes: the most there is."""
    return next((parsed_heads[head] for head in reversed(parsed_heads) if head in closure(path)), shared)


def complaint(path):
    done = compiled("-fsyntax-only", "-include-pch", nearest(path), "-x", "c++", str(ROOT / path))
    return f"{path}:\n{done.stderr[:1500]}" if done.returncode else None


def first_include(path):
    found = re.search(r'^#include ["<]([^">]+)', text(path), re.M)
    return found[1] if found else ""


met = {f"/{first_include(p)}" for p in files(".cpp") if p.parts[0] == "src"}
headers = [p for p in files(".hpp") if not any(str(p).endswith(end) for end in met)]

os.nice(19)  # beside tests that wait, and in nobody's way
with tempfile.TemporaryDirectory() as directory, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    listed = os.path.join(directory, "shared.hpp")
    with open(listed, "w", encoding="utf-8") as out:
        out.writelines(f"#include <{name}>\n" for name in SHARED)
    shared = parsed(listed, os.path.join(directory, "shared.pch"))
    parsed_heads = {}
    for head in sorted(HEADS, key=lambda path: len(closure(path))):
        parsed_heads[head] = parsed(str(ROOT / head), os.path.join(directory, f"{head.stem}.pch"),
                                    "-include-pch", nearest(head))
    found = list(pool.map(complaint, headers))
report("every header has #pragma once, and compiles on its own",
       "a file that needs what another one includes breaks whoever includes or orders them differently",
       [f"{p}: no #pragma once" for p in files(".hpp") if "#pragma once" not in text(p)] + [c for c in found if c])
