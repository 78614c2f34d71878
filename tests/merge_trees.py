#!/usr/bin/env python3
"""Writes one CTestTestfile.cmake over several build trees, each test named TREE.NAME, so that one ctest
runs and counts them all. Each tree's build is a test too, build.TREE, which those of the tree wait for: while
one tree is compiled, the tests of those before it, which mostly wait, are run; and build.tools is the installation of
what tests need beside the compilers. A build that fails, or a program
that it does not make, leaves tests that cannot run, and they count as failed.

The trees need only be configured. What CMake wrote is read as it is: ctest tells the command of a test only
when its program is there."""
import argparse
import os
import re
import shlex
import sys

SANITIZER_ENVIRONMENT = {
    "asan": ["ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0",
             "UBSAN_OPTIONS=print_stacktrace=1"],
    "tsan": ["TSAN_OPTIONS=halt_on_error=0:exitcode=66:second_deadlock_stack=1"],
}
SLOWER = {"asan": 3, "tsan": 5}
COPIED = ("RUN_SERIAL", "SKIP_RETURN_CODE", "WILL_FAIL", "PROCESSORS", "RESOURCE_LOCK", "COST",
          "WORKING_DIRECTORY", "LABELS")
COMMAND = re.compile(r"^(add_test|set_tests_properties|subdirs)\((.*)\)$", re.M)
WORD = re.compile(r'\[=\[(.*?)\]=\]|"((?:[^"\\]|\\.)*)"|([^\s"]+)')


def quoted(value):
    return "[====[" + str(value) + "]====]"


def words(text):
    for bracket, string, plain in WORD.findall(text):
        yield bracket or re.sub(r"\\(.)", r"\1", string) or plain


def tests_of(directory):
    """name -> (command, properties)"""
    found = {}
    with open(os.path.join(directory, "CTestTestfile.cmake"), encoding="utf-8") as file:
        text = file.read()
    for command, rest in COMMAND.findall(text):
        first, *others = words(rest)
        if command == "subdirs":
            found.update(tests_of(os.path.join(directory, first)))
        elif command == "add_test":
            found[first] = (others, {"WORKING_DIRECTORY": directory})
        else:
            found[first][1].update(zip(others[1::2], others[2::2]))
    return found


def entry(name, command, properties):
    pairs = " ".join(f"{key} {quoted(value)}" for key, value in properties.items() if value != "")
    return (f"add_test({quoted(name)} {' '.join(map(quoted, command))})\n"
            f"set_tests_properties({quoted(name)} PROPERTIES {pairs})")


def test_entry(tree, name, command, properties):
    kept = {key: properties[key] for key in COPIED if key in properties}
    kept["TIMEOUT"] = int(float(properties.get("TIMEOUT", 300)) * SLOWER.get(tree, 1))
    kept["LABELS"] = f"{properties.get('LABELS', '')};{tree}".lstrip(";")
    environment = [properties.get("ENVIRONMENT", ""), *SANITIZER_ENVIRONMENT.get(tree, [])]
    kept["ENVIRONMENT"] = ";".join(filter(None, environment))
    kept["FIXTURES_REQUIRED"] = f"{tree};tools"
    return entry(f"{tree}.{name}", command, kept)


def build_entry(tree, number, command):
    """One build at a time, in the order given, with a quarter of the places: the others are for tests, which go first
    when they want the processor, so that they take no longer than alone and the compiler has what they leave."""
    return entry(f"build.{tree}", ["nice", "-n", "10", *shlex.split(command)], {
        "FIXTURES_SETUP": tree, "RESOURCE_LOCK": "compiler", "COST": 10000 - number, "PROCESSORS": 2,
        "TIMEOUT": 5000, "LABELS": "build"})


def tools_entry(status):
    """Waits for the packages and SDKs that tests need, and ends as their installation did."""
    wait = f"until [ -s {shlex.quote(status)} ]; do sleep 0.2; done; exit $(cat {shlex.quote(status)})"
    return entry("build.tools", ["sh", "-c", wait], {"FIXTURES_SETUP": "tools", "COST": 20000, "TIMEOUT": 5000, "LABELS": "build"})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="directory that gets the CTestTestfile.cmake")
    parser.add_argument("--tree", action="append", required=True, nargs=3, metavar=("NAME", "PATTERN", "BUILD"),
                        help="its tests whose names match, and the command that builds their programs")
    parser.add_argument("--tools", required=True, help="file that says how the installation of what tests need ended")
    options = parser.parse_args()
    root = os.path.dirname(os.path.abspath(options.out))
    entries = [tools_entry(options.tools)]
    for number, (tree, pattern, build) in enumerate(options.tree):
        wanted = [item for item in tests_of(os.path.join(root, tree)).items() if re.search(pattern, item[0])]
        if not wanted:
            sys.exit(f"merge_trees: no test of {tree} matches {pattern}")
        entries.append(build_entry(tree, number, build))
        entries += [test_entry(tree, name, *test) for name, test in wanted]
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "CTestTestfile.cmake"), "w", encoding="utf-8") as file:
        file.write("\n".join(entries) + "\n")
    print(f"{len(entries)} tests in {options.out}")


main()
