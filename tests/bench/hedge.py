#!/usr/bin/env python3
"""What hedging gains and costs: open-loop streams through a gateway without it and through one with it, each at
a simulator of its own in which every 50th answer begins late. Prints the times to first token and the calls per
request. Exit status 1: an answer was wrong, or hedging did not halve the p99, or took more than 3 % more calls."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from machine import Child, end_on_signals, free_port, wait_until_ready

P99_OF_THAT_WITHOUT = 0.5
CALLS_A_REQUEST = 1.03


def quantile(sorted_times, share):
    return sorted_times[min(len(sorted_times) - 1, int(share * len(sorted_times)))]


class Pair:
    """A simulator and the gateway in front of it."""

    def __init__(self, binary, directory, name, hedge, behaviour):
        self.name = name
        self.home = Path(directory) / name
        self.home.mkdir()
        upstream = free_port()
        self.port = free_port()
        self.admin = free_port()
        config = self.home / "sluice.yaml"
        config.write_text(f"""
listen:
  - address: 127.0.0.1:{self.port}
admin: {{ address: "127.0.0.1:{self.admin}" }}
workers: 1
state: {{ directory: "{self.home}/state" }}
access_log: off
providers:
  sim: {{ dialect: openai, base_url: "http://127.0.0.1:{upstream}/v1", api_key: sk-upstream }}
models:
  m:
    targets:
      - {{ name: only, provider: sim, model: any }}
    hedge: {hedge}
""")
        self.children = [Child(
            [binary, "simulate", "--listen", f"127.0.0.1:{upstream}", "--behaviour", behaviour],
            log=self.home / "sim.log")]
        self.children.append(Child([binary, "serve", "--config", str(config)], log=self.home / "sluice.log"))
        wait_until_ready(self.port, self.children[1])

    def stop(self):
        for child in reversed(self.children):
            child.stop()

    def counters(self, metric):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        return {line.split("{")[1].split("}")[0]: float(line.split()[-1])
                for line in text.splitlines() if line.startswith(metric + "{")}

    def calls(self):
        return sum(self.counters("sluice_attempts_total").values())

    async def ask(self):
        """Seconds to the first token; None: the answer was wrong."""
        body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
        began = time.monotonic()
        first = None
        text = b""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: s\r\nconnection: close\r\n"
                         b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            while piece := await reader.read(65536):
                text += piece
                if first is None and b'"content":"' in text:
                    first = time.monotonic() - began
            writer.close()
        except OSError:
            return None
        return first if text.startswith(b"HTTP/1.1 200") and b"[DONE]" in text else None


async def load(pair, requests, rate):
    begin = time.monotonic()
    tasks = []
    for number in range(requests):
        await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))
        tasks.append(asyncio.create_task(pair.ask()))
    return await asyncio.gather(*tasks)


async def measure(pairs, options):
    for pair in pairs:
        await load(pair, options.warm, options.rate)
    print("| hedge | requests | wrong | p50 ms | p95 ms | p99 ms | calls per request | second attempts |")
    print("|---|---|---|---|---|---|---|---|")
    fine = True
    p99 = []
    for pair in pairs:
        before = pair.calls()
        times = await load(pair, options.requests, options.rate)
        await asyncio.sleep(0.5)
        each = (pair.calls() - before) / len(times)
        named = {key.split('outcome="')[1].split('"')[0]: int(value)
                 for key, value in pair.counters("sluice_hedges_total").items() if value}
        good = sorted(time_ for time_ in times if time_ is not None)
        p50, p95, p99_here = (1e3 * quantile(good, share) for share in (0.5, 0.95, 0.99))
        p99.append(p99_here)
        # Every request is a call at least: fewer would be a count of something else.
        fine = fine and len(good) == len(times) and 1 <= each <= (2 if options.quick else CALLS_A_REQUEST)
        print(f"| {pair.name} | {len(times)} | {len(times) - len(good)} | {p50:.0f} | {p95:.0f} | {p99_here:.0f} "
              f"| {each:.4f} | {named} |")
    if options.quick:
        return fine and named.get("won", 0) > 0
    print(f"p99 time to first token: {p99[1] / p99[0]:.3f} of that without, at most {P99_OF_THAT_WITHOUT}; "
          f"at most {CALLS_A_REQUEST} calls per request")
    return fine and p99[1] <= P99_OF_THAT_WITHOUT * p99[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluice", required=True, help="the binary")
    parser.add_argument("--requests", type=int, default=1500, help="measured, of each")
    parser.add_argument("--warm", type=int, default=300, help="before them, of each")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--after", default="p97")
    parser.add_argument("--budget", default="2.8%")
    parser.add_argument("--behaviour", default="latency-50ms-80ms-120ms+spike-50-1s",
                        help="the simulators'")
    parser.add_argument("--quick", action="store_true", help="a smoke run: answers and counts, not gains")
    options = parser.parse_args()
    if options.quick:
        options.requests, options.warm, options.behaviour, options.after = 100, 10, "spike-10-200ms", "50ms"
        options.budget = "100%"
    end_on_signals()
    with tempfile.TemporaryDirectory() as directory:
        pairs = []
        try:
            pairs.append(Pair(options.sluice, directory, "off", "off", options.behaviour))
            hedge = f"{{ after: {options.after}, budget: {options.budget} }}"
            pairs.append(Pair(options.sluice, directory, "on", hedge, options.behaviour))
            fine = asyncio.run(measure(pairs, options))
        finally:
            for pair in pairs:
                pair.stop()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
