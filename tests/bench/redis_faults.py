#!/usr/bin/env python3
"""What becomes of requests when the Redis that gateways share fails: two gateways with limits and budgets, one of
them under load, Redis stopped, killed, restarted and flushed in the middle of a measurement, each in turn with a
measurement in which it is well. Also: a key whose limit is far below what it asks for, meanwhile.
Exit status 1: a request failed, the small key got more than its limit, or with --gate the p99 added by a fault is 2 ms
or more in the median round."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile

BOUND_MS = 2
FAULTS = ("stop", "kill", "restart", "flush")
SMALL, SMALL_BURST, SMALL_OFFERED = 50, 50, 200  # requests/s of the small key


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluice", required=True, help="the sluice binary")
    parser.add_argument("--load", required=True, help="the bench_load binary; bench_mock stands beside it")
    parser.add_argument("--mock", help="stands beside bench_load; only so that all scripts are called alike")
    parser.add_argument("--rate", type=int, default=2000, help="requests/s")
    parser.add_argument("--seconds", type=int, default=6, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gate", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one short round at a tenth of the rate, as a test")
    options = parser.parse_args()
    if options.quick:
        options.rate, options.seconds, options.rounds, options.gate = options.rate // 10, 4, 1, False
    return options


class World:
    def __init__(self, stack, options):
        self.options = options
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-redis-faults-"))
        stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self.stack = stack
        self.mock = harness.Mock()
        stack.callback(self.mock.kill)
        self.redis = None
        self.start_redis()
        stack.callback(lambda: self.redis.kill())
        self.gateways = [self.gateway(name) for name in ("busy", "idle")]
        for one in self.gateways:
            assert harness.until(lambda: one.total("sluice_store_gateways") == 2), "the gateways do not see each other"

    def start_redis(self):
        self.redis = fleet.Redis(self.directory, self.redis.port if self.redis else None)

    def gateway(self, name):
        directory = self.directory / name
        directory.mkdir()
        settings = harness.gateway_settings(directory, [("only", self.mock.url + "/v1", 1)])
        settings["state"]["redis"] = self.redis.url
        settings["models"]["m"]["price"] = {"input": 1, "output": 1}
        settings["keys"] = [
            {"id": "test", "hash": harness.sha256(harness.CLIENT_KEY), "budget": {"daily": "100000 USD"},
             "limits": {"requests": "100000/s", "burst": 100000, "tokens": "900000000/s", "concurrent": 100000}},
            {"id": "small", "hash": harness.sha256("sk-small"),
             "limits": {"requests": f"{SMALL}/s", "burst": SMALL_BURST}}]
        gateway = harness.Gateway(settings, directory)
        self.stack.callback(gateway.kill)
        return gateway

    def load(self, key, rate):
        return harness.Program(
            self.options.load, "unary", "--port", self.gateways[0].port, "--key", key, "--model", "m",
            "--rate", rate, "--seconds", self.options.seconds, "--connections", 64)

    def measure(self, fault):
        """The reports of both keys, with the fault a third of the time after the beginning."""
        loads = [self.load(harness.CLIENT_KEY, self.options.rate), self.load("sk-small", SMALL_OFFERED)]
        harness.until(lambda: False, self.options.seconds / 3 / harness.SLOW)
        self.fail(fault)
        reports = []
        for load in loads:
            load.wait(self.options.seconds + 120)
            reports.append(json.loads(load.output().splitlines()[-1]))
        self.mend(fault)
        return reports

    def fail(self, fault):
        if fault == "stop":
            self.redis.signal(signal.SIGSTOP)
        elif fault in ("kill", "restart"):
            self.redis.kill()
            if fault == "restart":
                self.start_redis()
        elif fault == "flush":
            self.redis.flush()

    def mend(self, fault):
        if fault == "stop":
            self.redis.signal(signal.SIGCONT)
        elif fault == "kill":
            self.start_redis()
        for one in self.gateways:
            assert harness.until(lambda: one.total("sluice_store_up") == 1, 30), "redis is not found again"


def main():
    options = arguments()
    harness.raise_file_limit()
    with contextlib.ExitStack() as stack:
        world = World(stack, options)
        world.measure("none")
        added = {fault: [] for fault in FAULTS}
        failed, requests, small = 0, 0, []
        for number in range(options.rounds):
            for fault in FAULTS:
                pair = [world.measure(which) for which in ("none", fault)]
                well, ill = (main_key["latency_us"]["p99"] / 1000 for main_key, _ in pair)
                added[fault].append(ill - well)
                failed += sum(main_key["failures"]["total"] for main_key, _ in pair)
                requests += sum(main_key["requests"] for main_key, _ in pair)
                small += [key["requests"] - key["failures"]["total"] for _, key in pair]
                print(json.dumps({"round": number + 1, "fault": fault, "p99_ms": {
                    "well": round(well, 3), "fault": round(ill, 3), "added": round(ill - well, 3)},
                    "failed": failed, "small key": small[-2:]}), flush=True)
        most = SMALL * options.seconds * 1.05 + SMALL_BURST
        found = {fault: round(statistics.median(each), 3) for fault, each in added.items()}
        print(json.dumps({
            "requests": requests, "failed": failed, "p99_added_ms": found,
            "small key": {"offered": SMALL_OFFERED * options.seconds, "let through": max(small), "at most": most}}))
        late = options.gate and max(found.values()) >= BOUND_MS
        return 1 if failed or max(small) > most or late else 0


if __name__ == "__main__":
    given = arguments()
    os.environ["SLUICE_BINARY"] = given.sluice
    os.environ["SLUICE_BENCH"] = str(pathlib.Path(given.load).parent)
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
    import fleet
    import harness
    if fleet.SERVER is None:
        harness.skip_all("redis-server is not installed")
    sys.exit(main())
