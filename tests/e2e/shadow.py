#!/usr/bin/env python3
"""`sluice ctl shadow`: how a copy's target compares with the one that serves, as a person reads it."""
import json
import sys

import harness
from harness import CLIENT_KEY, Case, chat, fetch, until

COPIED, FAILED = 12, 3
PRICE = {"input": 1, "output": 1}


class Shadow(Case):
    def ask(self, times, outcome):
        """Requests until so many of their copies have ended so. A worker that is late leaves a copy out; that one is
        asked again."""
        before, left_out, asked = self.pairs(outcome), self.pairs("dropped_load"), 0
        while (done := int(self.pairs(outcome) - before)) < times and asked < 20 * times:
            status, _, text = fetch(
                self.server.url + "/v1/chat/completions", "POST", chat(f"question {done}", model="m"),
                {"authorization": f"Bearer {CLIENT_KEY}", "x-request-id": f"asked-{done}"})
            self.assertEqual(status, 200, text)
            asked += 1
            self.assertTrue(until(
                lambda: self.pairs(outcome) - before + self.pairs("dropped_load") - left_out == asked))
        self.assertEqual(done, times)

    def pairs(self, outcome):
        return self.server.total("sluice_shadow_pairs_total", model="m", outcome=outcome)

    def row(self, text, name):
        """The words of the line that begins with `name`."""
        found = [line.split() for line in text.splitlines() if line.split()[:1] == [name]]
        self.assertEqual(len(found), 1, text)
        return found[0][1:]

    def test_it_tells_pairs_ratios_and_the_worst_of_them(self):
        serving, copied = self.simulator(name="serving"), self.simulator(name="copied")
        targets = [{"name": "serving", "provider": "serving", "price": PRICE},
                   {"name": "candidate", "provider": "copied", "weight": 0, "price": PRICE}]
        self.server = self.gateway(
            [("serving", serving.url + "/v1", 1), ("copied", copied.url + "/v1", 0)],
            models={"m": {"targets": targets, "shadow": {"target": "candidate", "percent": "100%"}},
                    "plain": {"targets": targets}})
        self.assertEqual(self.server.ctl("shadow", "plain"), "no shadow is configured for plain\n")
        self.assertIn("nobody", self.server.ctl("shadow", "nobody", code=2))

        fresh = self.server.ctl("shadow", "m")
        self.assertEqual(fresh, "100% of m copied to m/candidate, breaker closed, 0.0000 USD today\n")

        self.ask(COPIED, "compared")
        self.assertTrue(until(lambda: self.server.total("sluice_shadow_likeness_count") == COPIED))
        told = self.server.ctl("shadow", "m")
        print("\n" + told)
        self.assertEqual(self.row(told, "compared"), [str(COPIED)])
        self.assertNotIn("failed", told)
        for ratio in ("duration_ratio", "cost_ratio", "likeness"):
            pairs, *figures = self.row(told, ratio)
            self.assertEqual(pairs, str(COPIED))
            self.assertEqual(len(figures), 3)
            self.assertTrue(all(float(figure) > 0 for figure in figures), figures)
        # The same prompt at the same price: what differs is the length of the answers alone.
        answer = json.loads(self.server.ctl("shadow", "m", "--json"))
        self.assertEqual(answer["pairs"]["compared"], COPIED)
        spent = float(told.splitlines()[0].split()[-3])
        self.assertAlmostEqual(spent, answer["cost_usd"], places=4)

        # A copy that fails is the worst there is, and the client knows nothing of it.
        copied.behave(default="error-503")
        self.ask(FAILED, "failed")
        self.assertTrue(until(lambda: len(self.worst_failed()) == FAILED))
        told = self.server.ctl("shadow", "m")
        self.assertEqual(self.row(told, "compared"), [str(COPIED)])
        self.assertEqual(self.row(told, "failed"), [str(FAILED)])
        for name in (f"asked-{i}" for i in range(FAILED)):
            self.assertIn(name, told)
        self.assertEqual(self.server.stop(), 0)

    def worst_failed(self):
        """The lines of the table of the worst whose copy failed, which come first."""
        lines = self.server.ctl("shadow", "m").splitlines()
        begin = next(i for i, line in enumerate(lines) if line.startswith("REQUEST"))
        failed = [line for line in lines[begin + 1:] if line.split()[1] == "failed"]
        self.assertEqual(lines[begin + 1:begin + 1 + len(failed)], failed)
        return failed


if __name__ == "__main__":
    sys.exit(harness.main())
