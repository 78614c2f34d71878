#!/usr/bin/env python3
"""The official OpenAI SDK for Python, unmodified, while the model's own provider fails and another stands in:
before the first token it sees an answer, behind it an exception, never a fake or half answer."""
import sys

import harness
from harness import CLIENT_KEY, OFFLINE, Case

try:
    import httpx
    import openai
except ImportError:
    try:
        import httpx2 as httpx
        import openai
    except ImportError as missing:
        if OFFLINE:
            harness.skip_all(f"SLUICE_OFFLINE=1 and {missing}")
        sys.exit(f"{missing}: tests/run installs the openai package into build/venv; "
                 "SLUICE_OFFLINE=1 skips this test where there is no package index")

# What the simulator does, before the client has anything of it.
EARLY = ("error-in-200", "stall-head", "stall-0", "cut-0", "reset-0", "reset-head", "error-503", "429-60s")
EARLY_STREAMED = (*EARLY, "cut-clean-0", "stall-0+keep-alive-100ms")
# Behind the first token of a stream; behind the part of a plain answer that is held back.
LATE_STREAMED = ("error-in-200-3", "stall-3", "cut-3", "cut-clean-3", "reset-3")
LATE_PLAIN = ("cut-3+tokens-2000", "reset-3+tokens-2000", "stall-3+tokens-2000")


class Failover(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own, cls.other = cls.simulator(name="own"), cls.simulator(name="other")
        models = {"spare": {"targets": [{"name": "other", "provider": "other"}]}}
        for how in {*EARLY_STREAMED, *LATE_STREAMED, *LATE_PLAIN}:
            models[cls.model(how)] = {
                "targets": [{"name": "own", "provider": "limited" if how.startswith("429") else "own",
                             "model": f"sim-{how}"}],
                "fallbacks": ["spare"], "retry": {"attempts": 1}, "precommit": {"bytes": "1KiB"}}
        cls.server = cls.gateway(
            # A rate limit lets the provider's key rest, so it is a provider of its own.
            [("own", cls.own.url + "/v1", 1), ("limited", cls.own.url + "/v1", 1),
             ("other", cls.other.url + "/v1", 1)], models=models,
            # Of who stalls; who does not is held up by a busy machine for less.
            timeouts={"first_byte": "3s", "first_token": "3s", "stream_idle": "3s"},
            # A reset on a connection that was idle is tried once more on a fresh one (it may have died idle), so calls
            # are counted where the request before has used up the idle one: with a second worker it might be its own.
            workers=1)

    @staticmethod
    def model(how):
        return "m-" + how.replace("+", "-")

    def ask(self, how, text, **options):
        """The answer, and the headers it came with."""
        client = openai.OpenAI(api_key=CLIENT_KEY, base_url=self.server.url + "/v1", max_retries=0, timeout=30)
        raw = client.chat.completions.with_raw_response.create(
            model=self.model(how), messages=[{"role": "user", "content": f"echo: {text}"}], **options)
        return raw.parse(), raw.headers

    def calls(self):
        """Of the failing provider, of the other."""
        return self.own.stats()["requests"], self.other.stats()["requests"]

    def assert_calls(self, before, own, other):
        self.assertEqual([now - then for now, then in zip(self.calls(), before)], [own, other])

    def test_a_plain_answer_comes_from_the_fallback(self):
        for how in EARLY:
            with self.subTest(how):
                before = self.calls()
                answer, headers = self.ask(how, f"plain {how}")
                self.assertEqual(answer.choices[0].message.content, f"plain {how}")
                self.assertEqual(answer.choices[0].finish_reason, "stop")
                self.assertEqual(headers["x-sluice-model"], "spare")
                self.assertEqual(headers["x-sluice-attempts"], "2")
                self.assert_calls(before, 1, 1)

    def test_a_stream_comes_from_the_fallback(self):
        for how in EARLY_STREAMED:
            with self.subTest(how):
                before = self.calls()
                chunks, headers = self.ask(how, f"streamed {how}", stream=True)
                chunks = [chunk for chunk in chunks if chunk.choices]
                self.assertEqual("".join(c.choices[0].delta.content or "" for c in chunks), f"streamed {how}")
                self.assertEqual(len({chunk.id for chunk in chunks}), 1, "one answer")
                self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")
                self.assertEqual(headers["x-sluice-model"], "spare")
                self.assertEqual(self.calls()[1] - before[1], 1)
                self.assertLessEqual(self.calls()[0] - before[0], 1)

    def test_a_stream_that_fails_behind_its_first_token_is_raised(self):
        for how in LATE_STREAMED:
            with self.subTest(how):
                before, text = self.calls(), ""
                chunks, headers = self.ask(how, "one two three four five six", stream=True)
                self.assertEqual(headers["x-sluice-model"], self.model(how))
                with self.assertRaises(openai.APIError):
                    for chunk in chunks:
                        text += chunk.choices[0].delta.content or "" if chunk.choices else ""
                self.assertTrue(text)
                self.assertTrue("one two three four five six".startswith(text), text)
                self.assert_calls(before, 1, 0)

    def test_a_plain_answer_that_fails_when_it_has_begun_is_raised(self):
        for how in LATE_PLAIN:
            with self.subTest(how):
                before = self.calls()
                with self.assertRaises((openai.APIError, httpx.HTTPError)):
                    self.ask(how, "word " * 5000)
                self.assert_calls(before, 1, 0)


if __name__ == "__main__":
    sys.exit(harness.main())
