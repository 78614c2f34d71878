#!/usr/bin/env python3
"""How long an abort by the official SDKs takes to reach the provider. Their other tests are in sdk_python.py and
sdk_node.py: these times are of a few milliseconds, so nothing else may run."""
import sys
import time

import harness
import sdk_node
import sdk_setup
from harness import CLIENT_KEY, Case, until
from sdk_python import USER, openai


class SdkAbort(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.providers = sdk_setup.start(cls)
        cls.server, cls.stable, _ = cls.providers

    def abort(self, client):
        """Milliseconds from the client's closing of a stream to the provider's noticing it."""
        before = self.stable.stats()["cancelled"]
        stream = client.chat.completions.create(model="sim-tps-100+tokens-10000", messages=USER, stream=True)
        next(iter(stream))
        aborted = time.monotonic_ns()
        stream.close()
        self.assertTrue(until(lambda: self.stable.stats()["cancelled"] > before, 20, 0.001))
        return (self.stable.stats()["last_cancel_ns"] - aborted) / 1e6

    def test_an_abort_by_the_sdk_for_python_reaches_the_provider_within_5_ms(self):
        # Straight to the provider in turn with through the gateway: what the machine and the SDK cost. A
        # busy machine spoils a round, a slow gateway all of them.
        straight, gateway = (openai.OpenAI(api_key=CLIENT_KEY, base_url=end.url + "/v1", max_retries=0)
                             for end in (self.stable, self.server))
        added = []
        while len(added) < 10 and min(added, default=99) >= 5 * harness.SLOW:
            pairs = [(self.abort(gateway), self.abort(straight)) for _ in range(100)]
            through, direct = (sorted(column) for column in zip(*pairs))
            added.append(through[98] - direct[98])
            print(f"\n    abort to provider: median {through[50]:.2f} ms, p99 {through[98]:.2f} ms; "
                  f"without the gateway {direct[50]:.2f} and {direct[98]:.2f} ms")
        self.assertLess(min(added), 5 * harness.SLOW)

    def test_an_abort_by_the_sdk_for_node_reaches_the_provider_within_5_ms(self):
        self.assertEqual(len(sdk_node.checked(self, *self.providers, "abort")), 1)


if __name__ == "__main__":
    sys.exit(harness.main())
