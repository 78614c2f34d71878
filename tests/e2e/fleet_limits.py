#!/usr/bin/env python3
"""Limits of four gateways that share a real redis-server, behind a real HAProxy that sends most to one of them:
rates of tokens and of requests, and requests at once, streams and plain answers mixed. What is counted is what
the provider saw."""
import asyncio
import json
import shutil
import sys
import threading
import time

import harness
from fleet import Redis, SERVER
from harness import Case, Program, chat, exchange, fetch, free_port, gateway_settings, request_bytes, sha256, until
from upstream import ScriptedUpstream

WEIGHTS = (100, 60, 20, 10)  # of the gateways at the balancer
CLIENTS = 24
EACH = 20  # tokens of a request, as the provider counts them
TOKENS, TOKEN_BURST = 2000, 200  # a second
REQUESTS, BURST = 60, 20         # a second
AT_ONCE = 12
WINDOW = 5  # seconds
SETTLING = 4  # after which the parts are found

# Of deploy/SCALING.md: the parts of those that use a limit are at most the whole and a twentieth.
ABOVE = 1.05

USAGE = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": EACH}
UNARY = json.dumps({
    "id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": USAGE,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}).encode()


def event(**more):
    return b"data: %s\n\n" % json.dumps({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], **more}).encode()


STREAM = (event(choices=[{"index": 0, "delta": {"role": "assistant", "content": "h"}, "finish_reason": None}]),
          event(choices=[{"index": 0, "delta": {"content": "i"}, "finish_reason": "stop"}]),
          event(usage=USAGE), b"data: [DONE]\n\n")


class Provider(ScriptedUpstream):
    """Knows when each request came, and how many were there at once."""

    def __init__(self):
        self.came, self.inside, self.most, self.lasts = [], 0, 0, 0.02
        super().__init__(self.answer)

    async def answer(self, body, write):
        self.came.append(time.monotonic())
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            if json.loads(body).get("stream"):
                await write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
                for piece in STREAM:
                    await asyncio.sleep(self.lasts / len(STREAM))
                    await write(b"%x\r\n%s\r\n" % (len(piece), piece))
                await write(b"0\r\n\r\n")
            else:
                await asyncio.sleep(self.lasts)
                await write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                            % (len(UNARY), UNARY))
        finally:
            self.inside -= 1

    def begin(self, lasts=0.02):
        self.came, self.most, self.lasts = [], 0, lasts

    def most_in(self, window, since):
        """Of all stretches of so many seconds."""
        best, first, came = 0, 0, [at for at in self.came if at >= since]
        for last, at in enumerate(came):
            while came[first] <= at - window:
                first += 1
            best = max(best, last - first + 1)
        return best


class FleetLimits(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.provider = Provider()
        cls.stack.callback(cls.provider.stop)
        redis = cls.started(Redis(cls.directory))
        cls.gateways = [cls.started(cls.gateway_of(i, redis)) for i in range(len(WEIGHTS))]
        cls.port = free_port()
        config = cls.directory / "haproxy.cfg"
        config.write_text("\n".join([
            "defaults", " mode http", " timeout connect 2s", " timeout client 30s", " timeout server 30s", " retries 3",
            " option redispatch", "listen all", f" bind 127.0.0.1:{cls.port}", " balance roundrobin",
            *(f" server g{i} {one.address} weight {WEIGHTS[i]} check inter 200ms"
              for i, one in enumerate(cls.gateways)), ""]))
        cls.started(Program(shutil.which("haproxy"), "-db", "-f", config))
        cls.address = f"127.0.0.1:{cls.port}"

    @classmethod
    def gateway_of(cls, number, redis):
        directory = cls.directory / str(number)
        directory.mkdir()
        settings = gateway_settings(directory, [("only", cls.provider.url, 1)])
        settings["state"].update(redis=redis.url, redis_timeout="2s")  # late on a busy machine is not away
        settings["keys"] = [
            {"id": name, "hash": sha256("sk-" + name), "limits": limits} for name, limits in (
                ("tokens", {"tokens": f"{TOKENS}/s", "token_burst": TOKEN_BURST}),
                ("requests", {"requests": f"{REQUESTS}/s", "burst": BURST}),
                ("places", {"concurrent": AT_ONCE}))]
        return harness.Gateway(settings, directory)

    def setUp(self):
        def ready():
            try:
                return fetch(f"http://{self.address}/healthz")[0] == 200
            except OSError:
                return False
        self.assertTrue(until(ready))
        for one in self.gateways:
            if one.process.poll() is None:
                self.assertTrue(until(lambda: one.total("sluice_store_gateways") >= 3), "they do not see each other")

    def load(self, key, seconds, meanwhile=lambda: None):
        """Clients that ask again and again; what they were told besides an answer and to come later."""
        ended, wrong, count = threading.Event(), [], [0]

        async def again(number):
            body = chat("hello", max_tokens=10, stream=number % 2 == 0)
            request = request_bytes("/v1/chat/completions", body, key="sk-" + key)
            while not ended.is_set():
                answer = await exchange(self.address, request)
                count[0] += 1
                if answer.status == 429:
                    await asyncio.sleep(min(float(answer.headers["retry-after-ms"]) / 1000, 0.1))
                elif answer.status != 200 or not answer.complete:
                    wrong.append((answer.status, bytes(answer.body[-200:])))

        async def all_of_them():
            await asyncio.gather(*(again(i) for i in range(CLIENTS)))

        asking = threading.Thread(target=lambda: asyncio.run(all_of_them()))
        asking.start()
        try:
            until(lambda: False, seconds / harness.SLOW)
            meanwhile()
        finally:
            ended.set()
            asking.join()
        return wrong

    def check_rate(self, key, per_request, rate, burst):
        self.provider.begin()
        began = time.monotonic()

        def most_settled():
            return per_request * self.provider.most_in(WINDOW, began + SETTLING)

        # Nothing of the rate is lost, also where there was no burst. A machine that stands still for a moment spoils
        # a stretch, parts that are too small all of them.
        def enough():
            return most_settled() - burst >= rate * WINDOW * 0.85
        wrong = self.load(key, SETTLING + 2 * WINDOW, lambda: until(enough, 6 * WINDOW / harness.SLOW, 0.5))
        self.assertEqual(wrong[:3], [])
        most = most_settled()
        print(f"\n    {key}: at most {most} in {WINDOW} s of {rate * WINDOW} and a burst of {burst}")
        self.assertLessEqual(most, rate * WINDOW * ABOVE + burst)
        self.assertTrue(enough())
        # From the first request on: an even part of those that began to use it on top, for two turns.
        first = per_request * self.provider.most_in(WINDOW, began)
        self.assertLessEqual(first, rate * WINDOW * ABOVE + 2 * burst + rate)

    def test_1_a_rate_of_tokens_holds_over_all_gateways(self):
        self.check_rate("tokens", EACH, TOKENS, TOKEN_BURST)

    def test_2_a_rate_of_requests_holds_over_all_gateways(self):
        self.check_rate("requests", 1, REQUESTS, BURST)

    def test_3_requests_at_once_are_never_more_than_the_limit(self):
        self.provider.begin(lasts=0.15)
        seen = []

        def settled():
            self.provider.most = 0
            # A machine that is busy for a moment spoils a stretch, places that are lost all of them.
            while len(seen) < 8 and max(seen, default=0) < AT_ONCE * 0.6:
                count = len(self.provider.came)
                until(lambda: False, WINDOW / harness.SLOW)
                seen.append((len(self.provider.came) - count) * 0.15 / WINDOW)
        wrong = self.load("places", SETTLING, settled)
        self.assertEqual(wrong[:3], [])
        print(f"\n    places: at most {self.provider.most} at once of {AT_ONCE}, {max(seen):.1f} in the mean")
        self.assertLessEqual(self.provider.most, AT_ONCE)
        self.assertGreaterEqual(max(seen), AT_ONCE * 0.6)

    def test_4_the_part_of_a_gateway_that_dies_is_taken_over(self):
        self.provider.begin()
        counted = []

        def die():
            self.gateways[0].kill()
            until(lambda: False, 8 / harness.SLOW)
            while len(counted) < 8 and max(counted, default=0) < REQUESTS * 0.85:
                self.provider.begin()
                began = time.monotonic()
                until(lambda: False, WINDOW / harness.SLOW)
                counted.append(len(self.provider.came) / (time.monotonic() - began))
        self.load("requests", SETTLING, die)
        print(f"\n    {max(counted):.0f} requests a second of {REQUESTS} after the busiest gateway died")
        self.assertGreaterEqual(max(counted), REQUESTS * 0.85)
        self.assertLessEqual(max(counted), REQUESTS * ABOVE + BURST / WINDOW)


if SERVER is None:
    harness.skip_all("redis-server is not installed")
if shutil.which("haproxy") is None:
    harness.skip_all("haproxy is not installed")
if __name__ == "__main__":
    sys.exit(harness.main())
