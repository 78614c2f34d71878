#!/usr/bin/env python3
"""Gates on counts that come out the same on a busy machine: user instructions, allocations and system calls
per request, and resident memory per connection that is held open. Each is the difference of two runs with
different amounts of work, so that start-up, connections and shut-down cancel out. Prints its numbers; exit 1: a bound is exceeded; 77: a tool is missing."""

import argparse
import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from counters import (TRACEPOINT, Allocations, callgrind, can_trace, instructions, syscalls_by_perf,
                      instructions_in, syscalls_by_strace)
from machine import Child, end_on_signals, raise_descriptor_limit, resident_bytes
from proxies import Haproxy, Mock, Nginx, Sluice
from scenarios import faults, idle_memory, load_command, run_load, stream_memory

SKIP = 77

# Instructions: no more than nginx in the same run, with the same request.
INSTRUCTIONS_OF_NGINX = 1.0
# What limits, prices and the ledger add to a request.
LIMITS_SHARE = 0.05
# The same with a daily and a monthly budget: what has been reached, 5.0 %, and room for commits that fall into
# the one run and not into the other.
ACCOUNTS_SHARE = 0.07
# Allocations: none, and room for what grows once in a while, such as a log buffer.
ALLOCATIONS_EACH = 0.05
# System calls at 64 connections: 4.3 is the goal (two reads, two writes, and a share of epoll_wait and of the
# background threads); 5 % more for a run in which the load came in smaller bursts.
SYSCALLS_EACH = 4.3 * 1.05
# KiB resident: of a client connection that has had an answer and waits, and of an open plain stream with both of its
# sockets.
IDLE_KIB_EACH = 3
STREAM_KIB_EACH = 10


class Skip(Exception):
    pass


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gate", choices=("instructions", "allocations", "syscalls", "memory"))
    parser.add_argument("--mock", required=True, help="the bench_mock binary")
    parser.add_argument("--load", required=True, help="the bench_load binary")
    parser.add_argument("--sluice", help="the sluice binary; without it the peers' numbers are printed")
    parser.add_argument("--malloc-count", help="libbench_malloc_count.so, for allocations")
    parser.add_argument("--body-bytes", type=int, default=1024)
    return parser.parse_args()


def require_plain_build(binary):
    """A gate on an unoptimised or sanitized program would measure the compiler's flags."""
    if not Path(binary).exists():
        raise Skip(f"{binary} is not there")
    image = Path(binary).read_bytes()
    for mark in (b"__asan_init", b"__tsan_init", b"__ubsan_handle"):
        if mark in image:
            raise Skip(f"{binary} is built with a sanitizer")


def drive(options, proxy, child, mock, *load):
    """Requests or events done; wrong answers end the run."""
    command = load_command(
        options.load, proxy, child.port, load, options.body_bytes, mock.body_bytes)
    answer = run_load(command)
    if wrong := faults(answer):
        raise SystemExit(f"{proxy.name} answered wrongly: {wrong}")
    return answer["events"] if load[0] == "sse" else answer["answered"]


def by_the_clock(library, function):
    """The ledger's commits, four a second, and the budgets' looks, forty a second, however many requests there
    are: a program that is 50 times slower under callgrind spreads them over few."""
    return "sqlite3" in library or re.search(r"\bstate::(grant|budget_store)|\bpolicy::lease_planner", function)


def of_ledger(library, function):
    """What a bill costs its worker and the ledger's thread; all but what they call in the C library."""
    return not by_the_clock(library, function) and re.search(r"\bstate::|::bill_request\(", function)


def instructions_each(options, proxy, mock, directory, chosen=None):
    """Per request; `chosen`: parts of them instead, see instructions_in()."""
    totals = []
    for count in (200, 1200):
        # What is done once, such as making a database, is to be done in both.
        home = Path(tempfile.mkdtemp(dir=directory))
        out = home / "callgrind"
        child = proxy.start(home, mock.port, wrapper=callgrind(out), patience=120)
        try:
            done = drive(options, proxy, child, mock, "unary", f"--count={count}", "--connections=8")
        finally:
            child.stop(patience=60)
        parts = [instructions_in(out, part) for part in chosen or ()]
        totals.append((done, instructions(out), *parts))
    if chosen:
        (few, *less), (many, *more) = totals
        return [(b - a) / (many - few) for a, b in zip(less, more)]
    each = (totals[1][1] - totals[0][1]) / (totals[1][0] - totals[0][0])
    if each < 100:  # a wrapper was counted, not the program it started
        raise SystemExit(f"{proxy.name}: {each:.0f} instructions per request cannot be")
    return each


def gate_instructions(options, mock, directory):
    if not shutil.which("valgrind"):
        raise Skip("valgrind is not installed")
    found = {}
    for proxy in (Nginx(master=False), Haproxy(), Sluice(options.sluice)):
        if reason := proxy.missing():
            print(f"not counted: {reason}")
            continue
        found[proxy.name] = instructions_each(options, proxy, mock, directory)
        print(f"{proxy.name}: {found[proxy.name]:,.0f} user instructions per request "
              f"({options.body_bytes} bytes, 8 connections)", flush=True)
    fine = gate_accounts(options, mock, directory)
    if "nginx" not in found or "Sluice" not in found:
        raise Skip("the gate compares nginx and sluice, and one of them is missing")
    ratio = found["Sluice"] / found["nginx"]
    print(f"Sluice / nginx: {ratio:.2f}, bound {INSTRUCTIONS_OF_NGINX}")
    return fine and ratio <= INSTRUCTIONS_OF_NGINX


def gate_accounts(options, mock, directory):
    """With and without limits, prices, ledger and budgets, each without the database's commits."""
    if Sluice(options.sluice).missing():
        return True
    found = []
    for what in ({}, {"budgets": False}, {"accounts": False}):
        proxy = Sluice(options.sluice, **what)
        all_, ledger, clock = instructions_each(
            options, proxy, mock, directory, chosen=(of_ledger, by_the_clock))
        print(f"{proxy.name}: {all_:,.0f} user instructions per request, of them the ledger {ledger:,.0f}; "
              f"by the clock {clock:,.0f}", flush=True)
        found.append(all_ - clock - (0 if what.get("accounts", True) else ledger))
    *with_, without = found
    fine = True
    for cost, what, bound in ((with_[1], "limits, prices and ledger", LIMITS_SHARE),
                              (with_[0], "limits, prices, ledger and two budgets", ACCOUNTS_SHARE)):
        share = cost / without - 1
        print(f"{what}: {cost:,.0f} instead of {without:,.0f}, {share:+.1%}, bound {bound:+.0%}")
        fine = fine and share <= bound
    return fine


def allocations_between(counter, little, much):
    """Per unit of work: what `much` allocates beyond `little`; both open the same connections."""
    readings = [counter.read()]
    done = []
    for work in (little, much):
        done.append(work())
        readings.append(counter.read())
    first, second = (tuple(b - a for a, b in zip(*pair)) for pair in zip(readings, readings[1:]))
    units = done[1] - done[0]
    return (second[0] - first[0]) / units, (second[1] - first[1]) / units


def gate_allocations(options, mock, directory):
    if not options.malloc_count or not Path(options.malloc_count).exists():
        raise Skip("the counting library is not built")
    fine = True
    for proxy in (Nginx(), Haproxy(), Sluice(options.sluice)):
        if reason := proxy.missing():
            print(f"not counted: {reason}")
            continue
        counter = Allocations(options.malloc_count, directory)
        child = proxy.start(directory, mock.port, env=counter.env)
        try:
            def unary(count, proxy=proxy, child=child):
                return drive(options, proxy, child, mock, "unary", f"--count={count}", "--connections=64")

            def streams(seconds, proxy=proxy, child=child):
                return drive(options, proxy, child, mock, "sse", "--streams=50", f"--seconds={seconds}",
                             "--ramp-ms=200", "--expect-events=200")

            unary(5000)
            request = allocations_between(counter, lambda: unary(2000), lambda: unary(22_000))
            streams(0)
            event = allocations_between(counter, lambda: streams(0), lambda: streams(3))
        finally:
            child.stop()
        if counter.read()[0] == 0:
            raise Skip(f"{proxy.name} did not load the counting library")
        print(f"{proxy.name}: {request[0]:.4f} allocations ({request[1]:,.1f} bytes) per request, "
              f"{event[0]:.4f} ({event[1]:,.1f} bytes) per event", flush=True)
        if isinstance(proxy, Sluice):
            fine = max(request[0], event[0]) <= ALLOCATIONS_EACH
            print(f"Sluice: bound {ALLOCATIONS_EACH} per request and per event")
    if Sluice(options.sluice).missing():
        raise Skip("no sluice to hold to the bound")
    return fine


def calls_each(options, proxy, child, mock, connections, by_name):
    """System calls per request, between 1,000 and 6,000 requests; by name with strace."""
    count = syscalls_by_strace if by_name else syscalls_by_perf
    totals = []
    for requests in (1000, 6000):
        calls, done = count(child.pid, child.home, lambda n=requests: drive(
            options, proxy, child, mock, "unary", f"--count={n}", f"--connections={connections}"))
        totals.append((calls if by_name else {"all": calls}, done))
    units = totals[1][1] - totals[0][1]
    return {name: (calls - totals[0][0].get(name, 0)) / units for name, calls in totals[1][0].items()}


def gate_syscalls(options, mock, directory):
    tracing, stracing = can_trace(), shutil.which("strace")
    if not tracing and not stracing:
        raise Skip(f"neither perf may count {TRACEPOINT} nor is strace installed")
    method = "perf" if tracing else "strace"
    fine = True
    for proxy in (Nginx(), Haproxy(), Sluice(options.sluice)):
        if reason := proxy.missing():
            print(f"not counted: {reason}")
            continue
        child = proxy.start(directory, mock.port)
        try:
            drive(options, proxy, child, mock, "unary", "--count=2000", "--connections=64")
            for connections in (16, 64):
                each = sum(calls_each(options, proxy, child, mock, connections, not tracing).values())
                print(f"{proxy.name}: {each:.2f} system calls per request at {connections} connections, "
                      f"closed loop, by {method}", flush=True)
                if isinstance(proxy, Sluice) and connections == 64:
                    fine = each <= SYSCALLS_EACH
                    print(f"Sluice: bound {SYSCALLS_EACH:.2f} at 64 connections")
            if stracing:
                names = calls_each(options, proxy, child, mock, 64, True)
                print(f"{proxy.name}: under strace, which slows it: " + ", ".join(
                    f"{name} {n:.2f}" for name, n in sorted(names.items(), key=lambda x: -x[1]) if n >= 0.005))
        finally:
            child.stop()
    if Sluice(options.sluice).missing():
        raise Skip("no sluice to hold to the bound")
    return fine


@contextlib.contextmanager
def held_open(options, proxy, child, mock, load):
    """The connections of one load, open until the end of the block."""
    command = load_command(options.load, proxy, child.port, load, options.body_bytes, mock.body_bytes)
    with Child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as clients:
        if wrong := faults(json.loads(clients.process.stdout.readline())):
            raise SystemExit(f"{proxy.name} answered wrongly: {wrong}")
        yield
        clients.process.stdin.close()
        clients.process.wait(60)
        clients.process.stdin = None


def gate_memory(options, mock, directory):
    """What as many connections again add to those that are there: what is made once is in both."""
    proxy = Sluice(options.sluice)
    if reason := proxy.missing():
        raise Skip(reason)
    fine = True
    for scenario, what, bound in ((idle_memory(2000), "idle connection", IDLE_KIB_EACH),
                                  (stream_memory(2000), "open plain stream", STREAM_KIB_EACH)):
        with contextlib.ExitStack() as open_:
            silent = open_.enter_context(Mock(options.mock, None, **scenario.mock))
            child = proxy.start(Path(tempfile.mkdtemp(dir=directory)), silent.port)
            open_.callback(child.stop)
            readings = []
            for _ in range(2):
                open_.enter_context(held_open(options, proxy, child, silent, scenario.load))
                readings.append(resident_bytes(child.pid))
            each = (readings[1] - readings[0]) / 1024 / scenario.held
            print(f"{proxy.name}: {each:.2f} KiB resident per {what}, {scenario.held:,} beside as many, bound {bound}")
            fine = fine and 0 < each <= bound
    return fine


def main():
    options = arguments()
    end_on_signals()
    raise_descriptor_limit()
    gates = {"instructions": gate_instructions, "allocations": gate_allocations, "syscalls": gate_syscalls,
             "memory": gate_memory}
    try:
        if options.sluice:
            require_plain_build(options.sluice)
        with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory:
            with Mock(options.mock, None, events=200, rate=200) as mock:
                fine = gates[options.gate](options, mock, Path(directory))
    except Skip as reason:
        print(f"skipped: {reason}")
        return SKIP
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
