#!/usr/bin/env python3
"""A provider that answers 429 or 503 to everything: calls it gets for each request the gateway is offered, alone
and with a fallback. Exit status 1: more than 1.2, or an answer that is neither an answer nor an error."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import sys
import tempfile

BOUND = 1.2
RESERVE = 10  # of the retry budget: beside the bound in a storm of less than 25,600 requests, in it in one of more

STORMS = {  # what the simulator does, and what the model says of breakers
    "429": ("sim-429-60m", {}),
    "429-no-advice": ("sim-429-60m+retry-after-none", {}),
    "503": ("sim-error-503", {}),
    "503-no-breaker": ("sim-error-503", {"breaker": "off"}),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluice", required=True, help="the sluice binary")
    parser.add_argument("--load", required=True, help="the bench_load binary")
    parser.add_argument("--rate", type=int, default=500, help="requests/s")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--storm", choices=STORMS, action="append", help="default: all; repeatable")
    return parser.parse_args()


def settings_for(directory, failing, healthy, target, more, fallback):
    settings = harness.gateway_settings(directory, [("failing", failing, 1), ("healthy", healthy, 1)])
    settings["models"] = {
        "m": {"targets": [{"provider": "failing", "model": target}],
              **({"fallbacks": ["spare"]} if fallback else {}), **more},
        "spare": {"targets": [{"provider": "healthy"}]}}
    return settings


def storm(options, name, fallback):
    """Whether it stayed within the bound."""
    target, more = STORMS[name]
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-storm-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        failing = harness.Simulator(name="failing")
        stack.callback(failing.kill)
        healthy = harness.Simulator(name="healthy")
        stack.callback(healthy.kill)
        gateway = harness.Gateway(
            settings_for(directory, failing.url + "/v1", healthy.url + "/v1", target, more, fallback), directory)
        stack.callback(gateway.kill)
        report = harness.Load(
            "unary", gateway, "--rate", options.rate, "--seconds", options.seconds,
            "--connections", 1000).report(options.seconds + 120)
        failures = report["failures"]
        calls = failing.stats()["requests"]
        share = calls / report["requests"]
        refused = sum(failures["statuses"].get(status, 0) for status in ("429", "503"))
        broken = report["requests"] - report["answered"] - refused
        most = BOUND * report["requests"] + (RESERVE if report["requests"] < RESERVE * 512 / (BOUND - 1) else 0)
        good = calls <= most and not broken and (not fallback or report["answered"] == report["requests"])
        print(json.dumps({
            "storm": name, "fallback": fallback, "offered": report["requests"], "calls": calls,
            "share": round(share, 4), "answered": report["answered"], "statuses": failures["statuses"],
            "broken": broken, "p99_ms": round(report["latency_us"]["p99"] / 1000, 2), "held": good}), flush=True)
        return good


def main():
    options = arguments()
    harness.raise_file_limit()
    held = [storm(options, name, fallback)
            for name in options.storm or STORMS for fallback in (False, True)]
    return 0 if all(held) else 1


if __name__ == "__main__":
    given = arguments()
    os.environ["SLUICE_BINARY"] = given.sluice
    os.environ["SLUICE_BENCH"] = str(pathlib.Path(given.load).parent)
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
    import harness
    sys.exit(main())
