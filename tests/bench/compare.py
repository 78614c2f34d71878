#!/usr/bin/env python3
"""nginx, HAProxy, Sluice and whatever else is asked for, side by side on one mock: interleaved rounds,
pinned, a fixed amount of work in each; prints a Markdown table per scenario. README.md says how to read it."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import table
from counters import can_trace, syscalls_by_perf, syscalls_by_strace
from machine import Quiet, end_on_signals, own_cpu_ns, raise_descriptor_limit, usage, use_memory
from proxies import Direct, Floor, Haproxy, Mock, Nginx, Portkey, Sluice
from scenarios import STANDARD, faults, load_command, measure, run_load, scenario

SKIP = 77


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mock", required=True, help="the bench_mock binary")
    parser.add_argument("--load", required=True, help="the bench_load binary")
    parser.add_argument("--sluice", help="the sluice binary; left out without")
    parser.add_argument("--floor", help="the bench_floor binary; left out without")
    parser.add_argument("--portkey", metavar="DIR", help=f"where {Portkey.PACKAGE} is installed; "
                        "an empty or new directory gets it from npm")
    parser.add_argument("--scenario", action="append", metavar="NAME", help="repeatable; default: "
                        + " ".join(STANDARD) + "; the numbers in a name may be others")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=20_000, help="of a unary round")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a stream or an open-loop round")
    parser.add_argument("--syscalls", choices=("auto", "perf", "strace", "no"), default="auto",
                        help="in a pass of its own; auto: by perf where it may, else not at all")
    parser.add_argument("--json", metavar="FILE", help="everything, round by round")
    parser.add_argument("--quick", action="store_true", help="a smoke run: answers, not times")
    return parser.parse_args()


def commit():
    answer = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def install_portkey(directory):
    """The versions that were measured before; a no-op when they are there."""
    if Portkey(directory).missing():
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", directory,
             f"{Portkey.PACKAGE}@1.15.2", "hono@4.9.7", "@hono/node-server@1.13.5", "@hono/node-ws@1.2.0"],
            check=False, stdout=subprocess.DEVNULL)


def candidates(options, wanted):
    """The proxies of a scenario, peers first: they are what the others are divided by."""
    found = [Direct()] if wanted.direct else []
    if wanted.peers:
        found += [Nginx(), Haproxy()]
    if options.floor and wanted.peers:
        found.append(Floor(options.floor))
    found += [Sluice(options.sluice, workers) for workers in wanted.sluice_workers]
    if options.portkey and wanted.peers:
        found.append(Portkey(options.portkey))
    return found


class Bench:
    """One scenario: the mock and every proxy are started, measured in turn, and stopped."""

    def __init__(self, options, wanted, directory):
        self.options = options
        self.wanted = wanted
        self.directory = Path(directory)
        self.rounds = []
        self.rejected = []
        self.left_out = []
        self.syscalls = {}
        self.pin()

    def pin(self):
        """Scenarios say 0 and 1: the first two CPUs this process may use. With one CPU nothing is pinned."""
        allowed = sorted(os.sched_getaffinity(0))
        for name in ("proxy_cpus", "load_cpus"):
            chosen = ",".join(str(allowed[int(i)]) for i in getattr(self.wanted, name).split(",")) \
                if len(allowed) > 1 else None
            setattr(self.wanted, name, chosen)

    def run(self):
        with Mock(self.options.mock, self.wanted.load_cpus, **self.wanted.mock) as self.mock:
            self.running = []
            try:
                for proxy in candidates(self.options, self.wanted):
                    if reason := proxy.missing():
                        self.left_out.append(reason)
                        continue
                    child = proxy.start(self.directory, self.mock.port, self.wanted.proxy_cpus)
                    self.running.append((proxy, child))
                if self.running and any(not isinstance(proxy, Direct) for proxy, _ in self.running):
                    self.measure_all()
            finally:
                for _, child in self.running:
                    child.stop()
        return self

    def measure_all(self):
        for proxy, child in self.running:
            self.warm_up(proxy, child)
        # Memory is a difference between before and after, and what has grown stays: one round.
        asked = 1 if self.wanted.held else self.options.rounds
        for _ in range(asked if self.options.quick else 2 * asked):
            if len(self.rounds) < asked:
                self.one_round()
        if not self.wanted.held and not self.options.quick:
            self.count_syscalls()

    def warm_up(self, proxy, child):
        load = ["unary", "--count=50", "--connections=4"] if self.wanted.held else \
            ["unary", "--count=2000", "--connections=64"]
        run_load(load_command(self.options.load, proxy, child.port, load, self.wanted.body_bytes,
                              self.mock.body_bytes), self.wanted.load_cpus)

    def ours_ns(self):
        return own_cpu_ns() + sum(
            usage(child.pid)["cpu_ns"] for child in (self.mock.child, *(c for _, c in self.running)))

    def one_round(self):
        figures, disturbed = {}, []
        for proxy, child in self.running:
            quiet = Quiet(self.ours_ns)
            quiet.before()
            figures[proxy.name] = measure(
                self.wanted, proxy, child, self.options.load, self.mock.body_bytes)
            found = [quiet.after()]
            # Alone on its CPU it never queues for it; unpinned proxies share theirs with the load.
            if self.wanted.proxy_cpus != self.wanted.load_cpus \
                    and figures[proxy.name].get("wait_share", 0) > 0.15:
                found.append(f"{figures[proxy.name]['wait_share']:.0%} of its CPU time spent queueing")
            if why := ", ".join(filter(None, found)):
                disturbed.append(f"{proxy.name}: {why}")
        # Resident memory does not depend on who else computes.
        if disturbed and not self.wanted.held and not self.options.quick:
            self.rejected.append({"why": "; ".join(disturbed), "figures": figures})
        else:
            self.rounds.append(figures)

    def count_syscalls(self):
        method = self.options.syscalls
        if method == "auto":
            method = "perf" if can_trace() else "no"
        if method == "no":
            return
        for proxy, child in self.running:
            if isinstance(proxy, Direct):
                continue
            command = load_command(self.options.load, proxy, child.port, self.wanted.load,
                                   self.wanted.body_bytes, self.mock.body_bytes)
            count = syscalls_by_perf if method == "perf" else syscalls_by_strace
            calls, answer = count(
                child.pid, child.home, lambda c=command: run_load(c, self.wanted.load_cpus))
            done = max(1, answer["events"] if self.wanted.unit == "event" else answer["answered"])
            total = calls if method == "perf" else sum(calls.values())
            self.syscalls[proxy.name] = {
                "method": method, "each": total / done, "faults": faults(answer),
                "by_name": {} if method == "perf" else {name: n / done for name, n in calls.items()}}

    def record(self):
        return {
            "scenario": self.wanted.name, "title": self.wanted.title, "unit": self.wanted.unit,
            "proxy_cpus": self.wanted.proxy_cpus or "any",
            "load_cpus": self.wanted.load_cpus or "any",
            "rounds": self.rounds, "rejected": self.rejected, "left_out": self.left_out,
            "syscalls": self.syscalls}

    def complaints(self):
        everything = self.rounds + [round_["figures"] for round_ in self.rejected]
        found = [f"{self.wanted.name}: {name}: {figures['faults']}"
                 for round_ in everything for name, figures in round_.items() if figures["faults"]]
        return found + [f"{self.wanted.name}: {name}, counting calls: {calls['faults']}"
                        for name, calls in self.syscalls.items() if calls["faults"]]


def header(options):
    known = [Nginx(), Haproxy(), Sluice(options.sluice)]
    if options.portkey:
        known.append(Portkey(options.portkey))
    return {
        "commit": commit(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} CPUs, Linux {platform.release()}",
        "versions": {p.name: p.version() for p in known if not p.missing()},
        "left_out": [reason for p in known if (reason := p.missing())],
    }


def main():
    options = arguments()
    end_on_signals()
    raise_descriptor_limit()
    if options.portkey:
        install_portkey(options.portkey)
    names = options.scenario or list(STANDARD)
    if options.quick:
        names = options.scenario or ["unary-1k", "unary-32k", "sse-20x50", "idle-memory-50", "stream-memory-50"]
        options.rounds, options.requests, options.seconds = 1, 500, 0.5
    try:
        wanted = [scenario(name, options.requests, options.seconds) for name in names]
    except ValueError as error:
        sys.exit(str(error))
    head = header(options)
    print(table.heading(head), flush=True)
    if not head["versions"]:
        print("nothing to compare: " + "; ".join(head["left_out"]))
        return SKIP
    if not options.quick:
        use_memory()
    records, complaints = [], []
    for one in wanted:
        with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory:
            bench = Bench(options, one, directory).run()
        records.append(bench.record())
        complaints += bench.complaints()
        print(table.scenario(records[-1]), flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps({**head, "scenarios": records}, indent=1) + "\n")
    for complaint in complaints:
        print(f"WRONG ANSWERS: {complaint}")
    if options.quick and head["left_out"]:
        print("not compared: " + "; ".join(head["left_out"]))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
