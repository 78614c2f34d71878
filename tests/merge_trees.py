#!/usr/bin/env python3
"""Writes one CTestTestfile.cmake over several build trees, each test named TREE.NAME, so that one ctest
runs and counts them all. Only tests matching the tree's pattern are taken; a wanted test whose program
was not built is an error, not a gap."""
import argparse
import json
import os
import re
import subprocess
import sys

SANITIZER_ENVIRONMENT = {
    "asan": ["ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0",
             "UBSAN_OPTIONS=print_stacktrace=1"],
    "tsan": ["TSAN_OPTIONS=halt_on_error=0:exitcode=66:second_deadlock_stack=1"],
}
SLOWER = {"asan": 3, "tsan": 5}
COPIED = ("RUN_SERIAL", "SKIP_RETURN_CODE", "WILL_FAIL", "PROCESSORS", "RESOURCE_LOCK", "COST",
          "WORKING_DIRECTORY", "LABELS")


def quoted(value):
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, list):
        value = ";".join(value)
    return "[====[" + str(value) + "]====]"


def tests_of(directory):
    answer = subprocess.run(["ctest", "--test-dir", directory, "--show-only=json-v1"],
                            check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)["tests"]


def entry(tree, test):
    name = f"{tree}.{test['name']}"
    properties = {p["name"]: p["value"] for p in test.get("properties", [])}
    kept = {key: properties[key] for key in COPIED if key in properties}
    kept["TIMEOUT"] = int(float(properties.get("TIMEOUT", 300)) * SLOWER.get(tree, 1))
    kept["LABELS"] = list(properties.get("LABELS", [])) + [tree]
    kept["ENVIRONMENT"] = list(properties.get("ENVIRONMENT", [])) + SANITIZER_ENVIRONMENT.get(tree, [])
    lines = [f"add_test({quoted(name)} " + " ".join(quoted(word) for word in test["command"]) + ")"]
    pairs = " ".join(f"{key} {quoted(value)}" for key, value in kept.items() if value != [])
    lines.append(f"set_tests_properties({quoted(name)} PROPERTIES {pairs})")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="directory that gets the CTestTestfile.cmake")
    parser.add_argument("--tree", action="append", required=True, metavar="NAME=PATTERN")
    options = parser.parse_args()
    root = os.path.dirname(os.path.abspath(options.out))
    entries, missing = [], []
    for tree, pattern in (word.split("=", 1) for word in options.tree):
        for test in tests_of(os.path.join(root, tree)):
            if not re.search(pattern, test["name"]):
                continue
            if not test.get("command") or not os.path.exists(test["command"][0]):
                missing.append(f"{tree}.{test['name']}")
            else:
                entries.append(entry(tree, test))
    if missing:
        sys.exit("merge_trees: these tests have no program: " + ", ".join(missing))
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "CTestTestfile.cmake"), "w") as file:
        file.write("\n".join(entries) + "\n")
    print(f"{len(entries)} tests in {options.out}")


main()
