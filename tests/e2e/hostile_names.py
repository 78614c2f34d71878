#!/usr/bin/env python3
"""Whatever names clients invent, the metrics do not grow."""
import asyncio
import collections
import random
import re
import sys
import time

import harness
from harness import Case, Mock, chat, read_answer, request_bytes

COUNT = 10_000
ODD = ["{}", "{}/../../etc/passwd", "gpt-{}", "M{}", "m {}", "m\\u0000{}", "\"{}", "{{{}}}", "é{}", "x" * 300 + "{}",
       "m\n{}", "le=\"{}\"", "{}\\", "__name__{}"]


def grown(before, after):
    """New series of each metric by all of their labels; a histogram's buckets are one."""
    def families(series):
        sets = collections.defaultdict(set)
        for name in series:
            metric, _, labels = name.partition("{")
            sets[re.sub(r"_(bucket|sum|count)$", "", metric)].add(
                re.sub(r'\ble="[^"]*"', "", labels).rstrip(",}"))
        return sets
    old = families(before)
    return {metric: labels - old[metric] for metric, labels in families(after).items() if labels - old[metric]}


class HostileNames(Case):
    def send(self, server, make):
        """Sends make(i) for i in range(COUNT) over a few connections."""
        host, port = server.address.split(":")

        async def client(numbers):
            reader = None
            for i in numbers:
                if reader is None:
                    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
                writer.write(make(i))
                answer = await asyncio.wait_for(read_answer(reader), 30)
                self.assertTrue(answer.status, f"no answer to {make(i)!r}")
                if answer.headers.get("connection") == "close" or not answer.complete:
                    writer.close()
                    reader = None
            if reader is not None:
                writer.close()

        async def clients():
            await asyncio.gather(*(client(range(k, COUNT, 8)) for k in range(8)))
        asyncio.run(clients())

    def test_names_from_clients_add_at_most_one_series_to_a_metric(self):
        mock = self.started(Mock("--events", 3, "--rate", 10000))
        for wildcard in (False, True):
            settings = harness.gateway_settings(self.directory, [("stable", mock.url + "/v1", 1)])
            del settings["models"]["*"]
            if wildcard:
                settings["models"]["gpt-*"] = {"targets": [{"provider": "stable"}]}
            server = self.started(harness.Gateway(settings, self.directory))
            draw = random.Random(7)

            def word(i):
                return ODD[i % len(ODD)].format(draw.getrandbits(64))

            def path(i):
                return "/" + "".join(draw.choice("abcdefXYZ019-_.~%/") for _ in range(20)).replace("%", "%41")
            def some(**more):
                return chat(stream=draw.random() < 0.5, **more)
            kinds = {
                "model": lambda i: request_bytes("/v1/chat/completions", some(model=word(i))),
                "key": lambda i: request_bytes("/v1/chat/completions", some(), key=f"sk-{draw.getrandbits(64)}"),
                "path": lambda i: request_bytes(path(i), some()),
                "headers": lambda i: request_bytes("/v1/chat/completions", chat(user=word(i)), headers=[
                    ("x-sluice-target", f"t{i}"), ("x-request-id", f"r-{i}"), ("x-sluice-tags", f"a{i}=b{i}"),
                    ("traceparent", "00-%032x-%016x-01" % (i + 1, i + 1))]),
            }
            for model in settings["models"]:  # what is configured has its series already
                for stream in (False, True):
                    asyncio.run(harness.exchange(server.address, request_bytes(
                        "/v1/chat/completions", chat(model=model.replace("*", "4"), stream=stream))))
            # Whatever they are answered, and names, keys and paths together.
            before = server.recorded()
            for kind, make in kinds.items():
                with self.subTest(kind, wildcard=wildcard):
                    if kind == "headers":
                        before = server.recorded()
                    self.send(server, make)
                    for metric, labels in grown(before, server.recorded()).items():
                        self.assertLessEqual(len(labels), 1, f"{metric} grew by {sorted(labels)[:5]}")
            answered = {code: server.total("sluice_requests_total", model="other", code=code)
                        for code in ("400", "401", "404")}
            self.assertTrue(all(answered.values()), f"not tried: {answered}")
            begin = time.monotonic()
            series = server.metrics()
            print(f"\n    {len(series)} series, scraped in {1000 * (time.monotonic() - begin):.0f} ms")
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    sys.exit(harness.main())
