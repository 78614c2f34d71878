#!/usr/bin/env python3
"""The newest official OpenAI SDK for Python, unmodified, through the gateway."""
import asyncio
import json
import sys
import time

import harness
import sdk_setup
from harness import CLIENT_KEY, OFFLINE, Case, until

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

USER = [{"role": "user", "content": "hello"}]
WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}


class Sdk(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server, cls.stable, cls.steps = sdk_setup.start(cls)

    def client(self, key=CLIENT_KEY, kind=openai.OpenAI, **options):
        options.setdefault("max_retries", 0)
        options.setdefault("timeout", 30)
        return kind(api_key=key, base_url=self.server.url + "/v1", **options)

    def chat(self, client=None, model="m", messages=None, **options):
        return (client or self.client()).chat.completions.create(
            model=model, messages=messages or USER, **options)

    def spent(self):
        """Requests the stable provider has seen."""
        return self.stable.stats()["requests"]

    # ---- what works ----

    def test_models_are_listed_and_found(self):
        client = self.client()
        self.assertIn("m", [model.id for model in client.models.list()])
        self.assertEqual(client.models.retrieve("m").id, "m")

    def test_plain_chat(self):
        answer = self.chat(messages=[{"role": "user", "content": "echo: Grüße 👋"}])
        self.assertEqual(answer.choices[0].message.content, "Grüße 👋")
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertGreater(answer.usage.total_tokens, 0)
        self.assertTrue(answer._request_id)

    def test_streamed_chat(self):
        pieces = [chunk.choices[0].delta.content or "" for chunk in
                  self.chat(stream=True, messages=[{"role": "user", "content": "echo: one two three"}])
                  if chunk.choices]
        self.assertEqual("".join(pieces), "one two three")
        self.assertGreater(len(pieces), 2)

    def test_usage_of_a_stream_comes_exactly_when_asked_for(self):
        told = [chunk.usage for chunk in self.chat(stream=True, stream_options={"include_usage": True})]
        self.assertEqual(sum(usage is not None for usage in told), 1)
        self.assertIsNotNone(told[-1])
        chunks = list(self.chat(stream=True))
        self.assertTrue(all(chunk.usage is None and chunk.choices for chunk in chunks))

    def test_tools_plain_and_streamed(self):
        asked = dict(tools=[WEATHER], tool_choice="required",
                     messages=[{"role": "user", "content": "get_weather"}])
        call = self.chat(**asked).choices[0].message.tool_calls[0]
        self.assertEqual(call.function.name, "get_weather")
        self.assertIn("city", json.loads(call.function.arguments))
        arguments = ""
        for chunk in self.chat(stream=True, **asked):
            for part in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
                arguments += part.function.arguments or ""
        self.assertIn("city", json.loads(arguments))

    def test_structured_output(self):
        import pydantic

        class City(pydantic.BaseModel):
            name: str
            inhabitants: int

        answer = self.client().chat.completions.parse(model="m", messages=USER, response_format=City)
        self.assertIsInstance(answer.choices[0].message.parsed, City)

    def test_a_body_of_one_mebibyte(self):
        text = "x" * (1 << 20)
        answer = self.chat(messages=[{"role": "user", "content": "echo: " + text}])
        self.assertEqual(answer.choices[0].message.content, text)

    def test_embeddings_base64_and_float(self):
        client = self.client()
        decoded = client.embeddings.create(model="m", input=["one", "two"])  # the SDK asks for base64
        plain = client.embeddings.create(model="m", input=["one", "two"], encoding_format="float")
        self.assertEqual(len(decoded.data), 2)
        for a, b in zip(decoded.data, plain.data):
            self.assertEqual(len(a.embedding), len(b.embedding))
            for x, y in zip(a.embedding, b.embedding):
                self.assertAlmostEqual(x, y, places=5)

    def test_responses_plain_and_streamed(self):
        client = self.client()
        answer = client.responses.create(model="m", input="echo: a whole answer")
        self.assertEqual(answer.output_text, "a whole answer")
        events = list(client.responses.create(model="m", input="echo: in parts", stream=True))
        text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
        self.assertEqual(text, "in parts")
        self.assertEqual(events[-1].type, "response.completed")

    def test_legacy_completions(self):
        client = self.client()
        self.assertEqual(client.completions.create(model="m", prompt="echo: old").choices[0].text, "old")
        pieces = [c.choices[0].text for c in
                  client.completions.create(model="m", prompt="echo: old and new", stream=True) if c.choices]
        self.assertEqual("".join(pieces), "old and new")

    def test_a_target_can_be_chosen_by_a_key_that_may(self):
        for target in ("stable", "canary"):
            raw = self.client().chat.completions.with_raw_response.create(
                model="m", messages=USER, extra_headers={"x-sluice-target": target})
            self.assertEqual(raw.headers["x-sluice-target"], target)
            self.assertTrue(raw.parse().choices[0].message.content.startswith(target))

    # ---- what fails, and as what ----

    def test_every_error_has_its_class(self):
        for status, kind in ((400, openai.BadRequestError), (401, openai.InternalServerError),
                             (403, openai.InternalServerError), (404, openai.NotFoundError),
                             (409, openai.ConflictError), (422, openai.UnprocessableEntityError), (429, openai.RateLimitError), (500, openai.InternalServerError),
                             (502, openai.InternalServerError), (503, openai.InternalServerError)):
            for stream in (False, True):
                with self.subTest(f"{status} of the provider, stream {stream}"):
                    with self.assertRaises(kind) as caught:
                        self.chat(model=f"sim-error-{status}", stream=stream)
                    # What a provider has against the gateway's key is no fault of the client's.
                    self.assertEqual(caught.exception.status_code, 502 if status in (401, 403) else status)
                    self.assertTrue(caught.exception.message)

    def test_the_gateways_own_errors_have_their_class(self):
        def refused(kind, code, call):
            with self.subTest(code), self.assertRaises(kind) as caught:
                call()
            self.assertEqual(caught.exception.code, code)

        refused(openai.AuthenticationError, "invalid_api_key", lambda: self.chat(self.client("sk-unknown")))
        refused(openai.PermissionDeniedError, "model_not_allowed",
                lambda: self.chat(self.client(sdk_setup.NARROW_KEY), model="other"))
        refused(openai.BadRequestError, "missing_required_parameter",
                lambda: self.client().post("/chat/completions", cast_to=object, body={"messages": USER}))
        refused(openai.BadRequestError, "invalid_type",
                lambda: self.client().post("/chat/completions", cast_to=object, body={"model": 7}))
        refused(openai.NotFoundError, "unknown_path",
                lambda: self.client().get("/nothing/here", cast_to=object))
        refused(openai.InternalServerError, "bad_gateway", lambda: self.chat(model="sim-reset-head"))
        refused(openai.InternalServerError, "upstream_timeout", lambda: self.chat(model="sim-stall-head"))

    def test_a_limit_is_a_rate_limit_error_that_says_when_to_come_again(self):
        client = self.client(sdk_setup.LIMITED_KEY)
        with self.assertRaises(openai.RateLimitError) as caught:
            for _ in range(30):  # one of them comes within the 300 ms
                self.chat(client)
        headers = caught.exception.response.headers
        self.assertLessEqual(int(headers["retry-after-ms"]), 300)
        self.assertGreaterEqual(int(headers["retry-after"]), 1)
        self.assertEqual(headers["x-ratelimit-remaining-requests"], "0")

    def test_the_sdks_retries_wait_as_long_as_the_gateway_says(self):
        client = self.client(sdk_setup.LIMITED_KEY, max_retries=5)
        begin = time.monotonic()
        for _ in range(3):
            self.assertTrue(self.chat(client).choices)
        took = time.monotonic() - begin
        self.assertGreater(took, 0.29, "two waits for a token every 300 ms")
        self.assertLess(took, 6, "the SDK's own back-off instead of retry-after-ms")

    def test_a_providers_429_is_retried_until_it_is_over(self):
        before = self.spent()
        self.assertTrue(self.chat(self.client(max_retries=3), model="sim-429-1s-every-1000").choices)
        self.assertGreaterEqual(self.spent() - before, 2)

    def test_a_refusal_that_no_retry_can_mend_is_not_retried(self):
        before = self.spent()
        with self.assertRaises(openai.BadRequestError):
            self.chat(self.client(max_retries=5), model="sim-error-400")
        self.assertEqual(self.spent() - before, 1)

    def test_the_clients_timeout_is_raised_and_reaches_the_provider(self):
        before = self.stable.stats()["cancelled"]
        with self.assertRaises(openai.APITimeoutError):
            self.chat(self.client(timeout=0.3), model="sim-stall-head")
        self.assertTrue(until(lambda: self.stable.stats()["cancelled"] > before))

    def test_a_stream_that_is_cut_is_an_error_and_never_a_clean_end(self):
        for how in ("cut-3", "cut-clean-3", "reset-3", "stall-3", "error-in-200-3", "cut-inside-3"):
            with self.subTest(how):
                seen = []
                with self.assertRaises(openai.APIError) as caught:
                    for chunk in self.chat(model=f"sim-{how}+tps-100", stream=True):
                        seen.append(chunk)
                self.assertGreater(len(seen), 0)
                if how != "error-in-200-3":
                    self.assertIn("the provider", caught.exception.message)

    def test_a_stream_of_the_other_apis_that_is_cut_is_an_error_too(self):
        client = self.client()
        apis = {"completions": lambda model: client.completions.create(model=model, prompt="hello", stream=True),
                "responses": lambda model: client.responses.create(model=model, input="hello", stream=True)}
        for api, ask in apis.items():
            for how in ("cut-3", "cut-clean-3", "reset-3", "cut-inside-3"):
                with self.subTest(f"{api}, {how}"):
                    seen = 0
                    with self.assertRaises(openai.APIError) as caught:
                        for _ in ask(f"sim-{how}+tps-100"):
                            seen += 1
                    self.assertGreater(seen, 0)
                    self.assertIn("the provider", caught.exception.message)

    def test_a_plain_answer_that_is_cut_is_an_error(self):
        for how in ("cut-3", "reset-3"):
            with self.subTest(how), self.assertRaises((openai.APIError, httpx.HTTPError)):
                self.chat(model=f"sim-{how}")
        # Of which the client has a part already.
        for how in ("cut-3", "reset-3"):
            with self.subTest(how + ", a long one"), self.assertRaises((openai.APIConnectionError, httpx.HTTPError)):
                self.chat(model=f"sim-{how}+tokens-30000")

    def test_a_hundred_streams_get_their_tokens_one_by_one(self):
        async def one(client, provider, name):
            text = ""
            async for chunk in await client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": name}], stream=True,
                    extra_headers={"x-sluice-target": "steps"}):
                if chunk.choices and chunk.choices[0].delta.content:
                    text += chunk.choices[0].delta.content
                    await provider.post(self.steps.url, json={"arrived": name})
            return text

        async def all_of_them():
            async with self.client(kind=openai.AsyncOpenAI) as client, httpx.AsyncClient(timeout=30) as provider:
                return await asyncio.gather(*(one(client, provider, f"stream {i}") for i in range(100)))

        whole = "".join(f"{step} " for step in range(sdk_setup.STEPS))
        self.assertEqual(asyncio.run(all_of_them()), [whole] * 100)


if __name__ == "__main__":
    sys.exit(harness.main())
