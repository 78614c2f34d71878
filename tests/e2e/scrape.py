#!/usr/bin/env python3
"""A scrape of 1,000 models with 4 targets each, all of them used: what it costs, and whom."""
import asyncio
import pathlib
import sys

import harness
from harness import Case, Mock, chat, read_answer, request_bytes

MODELS, TARGETS, WORKERS = 1000, 4, 2
SCRAPES, MOST_SCRAPES = 10, 100
MOST_MS = 50


def spent(program):
    """Milliseconds of CPU, by thread."""
    threads = pathlib.Path(f"/proc/{program.process.pid}/task").iterdir()
    return {thread.name: int((thread / "schedstat").read_text().split()[0]) / 1e6 for thread in threads}


class Scrape(Case):
    def use_all(self, server):
        """One request to every target of every model."""
        async def one_connection(jobs):
            reader, writer = await asyncio.open_connection(server.host, server.port, limit=1 << 20)
            for model, target in jobs:
                writer.write(request_bytes("/v1/chat/completions", chat(model=f"m{model}"),
                                           headers=[("x-sluice-target", f"t{target}")]))
                answer = await read_answer(reader)
                self.assertEqual(answer.status, 200, bytes(answer.body))
            writer.close()

        async def all_of_them():
            jobs = iter([(model, target) for model in range(MODELS) for target in range(TARGETS)])
            await asyncio.gather(*(one_connection(jobs) for _ in range(16)))
        asyncio.run(all_of_them())

    def test_it_takes_less_than_50_ms_and_no_worker_has_to_do_with_it(self):
        mock = self.started(Mock())
        targets = [{"name": f"t{number}", "provider": "only", "weight": 1} for number in range(TARGETS)]
        server = self.gateway([("only", mock.url + "/v1", 1)], workers=WORKERS, access_log="off", models={
            f"m{number}": {"targets": targets, "retry": {"attempts": 1}} for number in range(MODELS)})
        before = spent(server)
        self.use_all(server)
        serving = {thread: now - before.get(thread, 0) for thread, now in spent(server).items()}
        workers = sorted(serving, key=serving.get)[-WORKERS:]
        samples, each, of_workers = 0, [], []

        def enough():
            good = each and min(each) < MOST_MS * harness.SLOW and min(of_workers) < 3 * harness.SLOW
            return len(each) >= (SCRAPES if good else MOST_SCRAPES)
        while not enough():
            last = spent(server)
            status, _, text = server.admin("/metrics", headers={"accept": "application/openmetrics-text"})
            self.assertEqual(status, 200)
            now = spent(server)
            each.append(sum(now[thread] - last.get(thread, 0) for thread in now))
            of_workers.append(max(now[thread] - last.get(thread, 0) for thread in workers))
            samples = sum(not line.startswith("#") for line in text.splitlines())
        self.assertGreater(samples, MODELS * TARGETS * 20)
        # A busy machine makes some of them dearer, a slow scrape all of them.
        print(f"\n    {samples} samples, {len(text) / 1e6:.1f} MB: at best {min(each):.1f} ms of CPU, "
              f"{min(of_workers):.2f} ms of it on a worker; at worst {max(each):.1f} and {max(of_workers):.2f}")
        self.assertLess(min(each), MOST_MS * harness.SLOW)
        # Its ticks go on meanwhile, and nothing else.
        self.assertLess(min(of_workers), 3 * harness.SLOW)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    sys.exit(harness.main())
