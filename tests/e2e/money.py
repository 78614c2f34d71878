#!/usr/bin/env python3
"""A budget for exactly a hundred requests: who gets through, and what a clock that jumps does to it."""
import asyncio
import datetime
import json
import os
import pathlib
import random
import sys
import unittest

import harness
from harness import CLIENT_KEY, Case, chat, exchange, fetch, gateway_settings, request_bytes, sha256, until
from upstream import ScriptedUpstream

# Ten tokens in and ten out, at these dollars per million, are one cent.
PRICE = {"input": 100, "output": 900}
TOKENS = 10
AFFORDED = 100
BUDGET = "1 USD"

JUMPS = ("+2d", "+0d", "-2d", "+0d", "+1d", "+0d")
# Of a thousand requests at once against a budget of its own each.
RUNS = int(os.environ.get("SLUICE_BUDGET_RUNS", "20"))

FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


class Provider(ScriptedUpstream):
    """Counts its calls; every answer tells the same usage."""

    def __init__(self):
        self.calls = 0
        self.delay = lambda: 0.02  # seconds
        self.answer = json.dumps({
            "id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": TOKENS, "completion_tokens": TOKENS, "total_tokens": 2 * TOKENS}}).encode()

        async def script(_, write):
            self.calls += 1
            await asyncio.sleep(self.delay())
            await write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                        % (len(self.answer), self.answer))

        super().__init__(script)


def priced(directory, provider, **changes):
    settings = gateway_settings(directory, [("only", provider.url, 1)], **changes)
    settings["models"]["m"]["price"] = PRICE
    settings["keys"][0]["budget"] = {"daily": BUDGET}
    return settings


def question(key=CLIENT_KEY):
    return request_bytes("/v1/chat/completions", chat("hello", max_tokens=TOKENS), key=key)


def ask_all(addresses, count, key=CLIENT_KEY):
    """The answers to `count` requests, all at once, by turns to the addresses."""
    async def run():
        return await asyncio.gather(*(exchange(addresses[i % len(addresses)], question(key)) for i in range(count)))

    return asyncio.run(run())


def spend(addresses, most=1000, key=CLIENT_KEY):
    """One request after the other at each address until all of them refuse; how many got through."""
    through, left = 0, list(addresses)
    while left and through < most:
        for address in list(left):
            answer = ask_all([address], 1, key)[0]
            if answer.status == 200:
                through += 1
            elif answer.json()["error"]["code"] == "insufficient_quota":
                left.remove(address)
    return through


class Money(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.provider = Provider()
        cls.stack.callback(cls.provider.stop)

    def start(self, name, environment=None, **changes):
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        return self.started(harness.Gateway(priced(directory, self.provider, **changes), directory, environment))

    def spend_all(self, server):
        """Also what the last ones have given back, which is just after their answers."""
        spend([server.address])
        server.recorded()
        spend([server.address])

    def start_with_clock(self, name, **changes):
        """The gateway, and the file its system clock's offset is read from."""
        if not FAKETIME.exists():
            self.skipTest("libfaketime is not installed")
        offset = self.directory / f"offset-{name}"
        offset.write_text("+0d\n")
        # Asio's timers that are due already, which a late worker's are, it would put off by as much as the clock has
        # jumped, monotonic or not (libfaketime's issues 378 and 431): without its timerfd_settime nobody's are.
        library = self.directory / f"faketime-{name}.so"
        library.write_bytes(FAKETIME.read_bytes().replace(b"\0timerfd_settime\0", b"\0timerfd_settimE\0"))
        return self.start(name, {
            "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}, **changes), offset

    def test_1_a_thousand_at_once_get_a_hundred_answers(self):
        server = self.start("burst")
        before = self.provider.calls
        answers = ask_all([server.address], 1000)
        refused = [answer for answer in answers if answer.status != 200]
        self.assertLessEqual(self.provider.calls - before, AFFORDED)
        self.assertEqual({answer.status for answer in refused}, {429})
        self.spend_all(server)
        calls = self.provider.calls - before
        print(f"\n    {calls} of {AFFORDED} afforded calls, {len(refused)} of 1000 refused")
        self.assertLessEqual(calls, AFFORDED)
        self.assertGreaterEqual(calls, AFFORDED * 97 // 100)
        last = ask_all([server.address], 1)[0]
        self.assertEqual(last.status, 429)
        self.assertEqual(last.json()["error"]["code"], "insufficient_quota")
        self.assertEqual(last.headers.get("x-should-retry"), "false")
        self.assertEqual(server.stop(), 0)

    @unittest.skipUnless((harness.BENCH / "bench_load").exists(), "the load generator is not built")
    def test_5_no_run_of_many_gets_more_than_its_budget_affords(self):
        directory = self.directory / "runs"
        directory.mkdir()
        settings = priced(directory, self.provider)
        settings["keys"] = [{"id": f"run-{run}", "hash": harness.sha256(f"sk-run-{run}"), "models": ["*"],
                             "budget": {"daily": BUDGET}} for run in range(RUNS)]
        server = self.started(harness.Gateway(settings, directory))
        body = directory / "body.json"
        body.write_text(json.dumps(chat("hello", max_tokens=TOKENS)))
        through = []
        for run in range(RUNS):
            draw = random.Random(run)
            self.provider.delay = lambda: draw.choice([0, 0.001, 0.01, 0.05]) * draw.random()
            before = self.provider.calls
            load = self.started(harness.Program(
                harness.BENCH / "bench_load", "unary", "--port", server.port, "--key", f"sk-run-{run}",
                "--body-file", body, "--connections", draw.choice([100, 500, 1000]), "--count", 1000))
            load.wait(60)
            through.append(self.provider.calls - before)
            self.assertLessEqual(through[-1], AFFORDED, f"run {run}: {load.output()}")
            # On a busy machine the first grant may come when all of them have given up: it is there for others.
            spend([server.address], key=f"sk-run-{run}")
            self.assertLessEqual(self.provider.calls - before, AFFORDED, f"run {run}: {load.output()}")
            self.assertGreaterEqual(self.provider.calls - before, AFFORDED * 97 // 100, f"run {run}: {load.output()}")
        print(f"\n    {RUNS} runs: {min(through)} to {max(through)} of {AFFORDED} afforded calls, "
              f"{sum(through) / RUNS:.1f} on average", end="")
        self.assertEqual(server.stop(), 0)

    def test_2_what_was_spent_stays_spent_over_a_kill_and_a_restart(self):
        server = self.start("restart")
        before = self.provider.calls
        spend([server.address], 50)
        server.kill()
        server = self.start("restart")
        spend([server.address])
        self.assertLessEqual(self.provider.calls - before, AFFORDED)
        server.kill()
        server = self.start("restart")
        self.assertEqual(spend([server.address]), 0, "a budget that was spent is open again")
        self.assertEqual(server.stop(), 0)

    def test_3_a_clock_that_jumps_refills_nothing(self):
        server, offset = self.start_with_clock("clock")
        before = self.provider.calls
        self.spend_all(server)
        spent = self.provider.calls - before
        self.assertLessEqual(spent, AFFORDED)
        told = len(server.access_log())
        for jump in JUMPS:
            offset.write_text(jump + "\n")
            # Longer than anything that looks at the clock waits.
            until(lambda: False, 1.5)
            self.assertEqual(spend([server.address]), 0, f"the clock went to {jump} and the budget was refilled")
        self.assertTrue(until(lambda: len(server.access_log()) >= told + 6))
        days = {line["time"][:10] for line in server.access_log()}
        self.assertGreaterEqual(len(days), 3, f"the gateway did not see the jumps: {days}")
        self.assertEqual(server.stop(), 0)

    def test_4_a_clock_that_jumps_ends_no_key_and_brings_none_back(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        at = {name: (now + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
              for name, hours in (("ending", 12), ("ended", -12))}
        keys = [{"id": "test", "hash": sha256(CLIENT_KEY)},
                *({"id": name, "hash": sha256("sk-" + name), "expires": when} for name, when in at.items())]
        server, offset = self.start_with_clock("expiry", keys=keys)

        def status(name):
            return fetch(server.url + "/v1/models", headers={"authorization": f"Bearer sk-{name}"})[0]

        for jump in ("+0d", *JUMPS):
            offset.write_text(jump + "\n")
            until(lambda: False, 0.5)
            for name, wanted in (("ending", 200), ("ended", 401)):
                self.assertEqual(status(name), wanted, f"the key that is {name}, with the clock at {jump}")
            ask_all([server.address], 1)
        self.assertTrue(until(lambda: len({line["time"][:10] for line in server.access_log()}) >= 3),
                        "the gateway did not see the jumps")
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    sys.exit(harness.main())
