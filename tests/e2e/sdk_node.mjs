// Checks with the official SDK, those of how long an abort takes ("abort") or all others ("plain"); one JSON line
// each: {"name": ..., "result": "ok" or what went wrong}.
import assert from "node:assert/strict";
import OpenAI from "openai";

const { BASE_URL, STATS_URL, API_KEY, LIMITED_KEY, NARROW_KEY, STEPS_URL, STEPS, SLOW } = process.env;
const user = [{ role: "user", content: "hello" }];
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

const client = (options = {}) =>
  new OpenAI({ apiKey: API_KEY, baseURL: BASE_URL, maxRetries: 0, timeout: 30_000, ...options });
const openai = client();
const chat = (more = {}, sdk = openai, options) =>
  sdk.chat.completions.create({ model: "m", messages: user, ...more }, options);
const stats = async () => (await fetch(STATS_URL)).json();
const echo = (text) => ({ messages: [{ role: "user", content: `echo: ${text}` }] });

async function until(what, limitMs) {
  for (const end = Date.now() + limitMs * Number(SLOW); ; ) {
    const value = await what();
    if (value || Date.now() > end) return value;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

// Milliseconds from the client's abort of a stream to the provider's noticing it.
async function abort(sdk) {
  const before = (await stats()).cancelled;
  const stream = await chat({ model: "sim-tps-100+tokens-10000", stream: true }, sdk);
  let aborted;
  for await (const _ of stream) {
    aborted = process.hrtime.bigint(); // CLOCK_MONOTONIC, as the simulator's
    stream.controller.abort();
    break;
  }
  assert.ok(await until(async () => (await stats()).cancelled > before, 20000));
  return ((await stats()).last_cancel_ns - Number(aborted)) / 1e6;
}

const plain = {
  async "models are listed and found"() {
    const ids = [];
    for await (const model of openai.models.list()) ids.push(model.id);
    assert.ok(ids.includes("m"));
    assert.equal((await openai.models.retrieve("m")).id, "m");
  },
  async "plain chat"() {
    const answer = await chat(echo("Grüße 👋"));
    assert.equal(answer.choices[0].message.content, "Grüße 👋");
    assert.ok(answer.usage.total_tokens > 0);
    assert.ok(answer._request_id);
  },
  async "streamed chat"() {
    let text = "", pieces = 0;
    for await (const chunk of await chat({ stream: true, ...echo("one two three") })) {
      text += chunk.choices[0]?.delta.content ?? "";
      ++pieces;
    }
    assert.equal(text, "one two three");
    assert.ok(pieces > 2);
  },
  async "usage of a stream comes exactly when asked for"() {
    const told = [];
    const asked = { stream: true, stream_options: { include_usage: true } };
    for await (const chunk of await chat(asked)) told.push(chunk.usage);
    assert.equal(told.filter(Boolean).length, 1);
    assert.ok(told.at(-1));
    for await (const chunk of await chat({ stream: true })) {
      assert.ok(!chunk.usage);
      assert.ok(chunk.choices.length > 0);
    }
  },
  async "tools plain and streamed"() {
    const asked = { tools: [weather], tool_choice: "required" };
    const [call] = (await chat(asked)).choices[0].message.tool_calls;
    assert.equal(call.function.name, "get_weather");
    assert.ok("city" in JSON.parse(call.function.arguments));
    let text = "";
    for await (const chunk of await chat({ stream: true, ...asked }))
      for (const part of chunk.choices[0]?.delta.tool_calls ?? []) text += part.function.arguments ?? "";
    assert.ok("city" in JSON.parse(text));
  },
  async "structured output"() {
    const schema = {
      type: "object", additionalProperties: false, required: ["name", "inhabitants"],
      properties: { name: { type: "string" }, inhabitants: { type: "integer" } },
    };
    const response_format = { type: "json_schema", json_schema: { name: "city", strict: true, schema } };
    const answer = await openai.chat.completions.parse({ model: "m", messages: user, response_format });
    assert.equal(typeof answer.choices[0].message.parsed.name, "string");
  },
  async "a body of one mebibyte"() {
    const text = "x".repeat(1 << 20);
    assert.equal((await chat(echo(text))).choices[0].message.content, text);
  },
  async "embeddings base64 and float"() {
    const input = ["one", "two"];
    const decoded = await openai.embeddings.create({ model: "m", input });
    const plain = await openai.embeddings.create({ model: "m", input, encoding_format: "float" });
    assert.equal(decoded.data.length, 2);
    decoded.data.forEach((row, i) => {
      assert.equal(row.embedding.length, plain.data[i].embedding.length);
      row.embedding.forEach((x, k) => assert.ok(Math.abs(x - plain.data[i].embedding[k]) < 1e-5));
    });
  },
  async "responses plain and streamed"() {
    const answer = await openai.responses.create({ model: "m", input: "echo: a whole answer" });
    assert.equal(answer.output_text, "a whole answer");
    let text = "", last;
    for await (const event of await openai.responses.create({ model: "m", input: "echo: in parts", stream: true })) {
      if (event.type === "response.output_text.delta") text += event.delta;
      last = event.type;
    }
    assert.equal(text, "in parts");
    assert.equal(last, "response.completed");
  },
  async "legacy completions"() {
    const plain = await openai.completions.create({ model: "m", prompt: "echo: old" });
    assert.equal(plain.choices[0].text, "old");
    let text = "";
    for await (const chunk of await openai.completions.create({ model: "m", prompt: "echo: old and new", stream: true }))
      text += chunk.choices[0]?.text ?? "";
    assert.equal(text, "old and new");
  },
  async "every error has its class"() {
    const classes = {
      400: OpenAI.BadRequestError, 401: OpenAI.InternalServerError, 403: OpenAI.InternalServerError,
      404: OpenAI.NotFoundError, 409: OpenAI.ConflictError, 422: OpenAI.UnprocessableEntityError,
      429: OpenAI.RateLimitError, 500: OpenAI.InternalServerError,
      502: OpenAI.InternalServerError, 503: OpenAI.InternalServerError,
    };
    for (const [status, kind] of Object.entries(classes))
      for (const stream of [false, true])
        await assert.rejects(chat({ model: `sim-error-${status}`, stream }), (error) => {
          assert.ok(error instanceof kind, `${status}: ${error}`);
          // What a provider has against the gateway's key is no fault of the client's.
          assert.equal(error.status, status === "401" || status === "403" ? 502 : Number(status));
          return true;
        });
  },
  async "the gateway's own errors have their class"() {
    const refused = (call, kind, code) =>
      assert.rejects(call, (error) => {
        assert.ok(error instanceof kind, `${code}: ${error}`);
        assert.equal(error.code, code);
        return true;
      });
    await refused(chat({}, client({ apiKey: "sk-unknown" })), OpenAI.AuthenticationError, "invalid_api_key");
    await refused(chat({ model: "other" }, client({ apiKey: NARROW_KEY })), OpenAI.PermissionDeniedError, "model_not_allowed");
    await refused(chat({ model: undefined }), OpenAI.BadRequestError, "missing_required_parameter");
    await refused(chat({ model: 7 }), OpenAI.BadRequestError, "invalid_type");
    await refused(openai.get("/nothing/here"), OpenAI.NotFoundError, "unknown_path");
    await refused(chat({ model: "sim-reset-head" }), OpenAI.InternalServerError, "bad_gateway");
    await refused(chat({ model: "sim-stall-head" }), OpenAI.InternalServerError, "upstream_timeout");
  },
  async "retries wait as long as the gateway says"() {
    const limited = client({ apiKey: LIMITED_KEY, maxRetries: 5 });
    const begin = Date.now();
    for (let i = 0; i < 3; ++i) assert.ok((await chat({}, limited)).choices.length);
    const took = Date.now() - begin;
    assert.ok(took > 290 && took < 6000, `${took} ms for two waits of 300 ms`);
  },
  async "a provider's 429 is retried until it is over"() {
    const before = (await stats()).requests;
    assert.ok((await chat({ model: "sim-429-1s-every-1001" }, client({ maxRetries: 3 }))).choices.length);
    assert.ok((await stats()).requests - before >= 2);
  },
  async "a refusal that no retry can mend is not retried"() {
    const before = (await stats()).requests;
    await assert.rejects(chat({ model: "sim-error-400" }, client({ maxRetries: 5 })), OpenAI.BadRequestError);
    assert.equal((await stats()).requests - before, 1);
  },
  async "the client's timeout is raised and reaches the provider"() {
    const before = (await stats()).cancelled;
    await assert.rejects(chat({ model: "sim-stall-head" }, client({ timeout: 300 })), OpenAI.APIConnectionTimeoutError);
    assert.ok(await until(async () => (await stats()).cancelled > before, 20000));
  },
  async "a stream that is cut is an error and never a clean end"() {
    for (const how of ["cut-3", "cut-clean-3", "cut-inside-3", "reset-3", "stall-3", "error-in-200-3"]) {
      let seen = 0;
      await assert.rejects(async () => {
        for await (const _ of await chat({ model: `sim-${how}+tps-100`, stream: true })) ++seen;
      }, (error) => {
        assert.ok(error instanceof OpenAI.APIError, `${how}: ${error}`);
        assert.ok(how === "error-in-200-3" || /the provider/.test(error.message), `${how}: ${error.message}`);
        return true;
      });
      assert.ok(seen > 0, `${how}: nothing came before the end`);
    }
  },
  async "a stream of the other APIs that is cut is an error too"() {
    const apis = [
      (model) => openai.completions.create({ model, prompt: "hello", stream: true }),
      (model) => openai.responses.create({ model, input: "hello", stream: true })];
    for (const ask of apis)
      for (const how of ["cut-3", "cut-clean-3", "reset-3", "cut-inside-3"]) {
        let seen = 0;
        await assert.rejects(async () => {
          for await (const _ of await ask(`sim-${how}+tps-100`)) ++seen;
        }, (error) => error instanceof OpenAI.APIError && /the provider/.test(error.message));
        assert.ok(seen > 0, `${how}: nothing came before the end`);
      }
  },
  async "a plain answer that is cut is an error"() {
    for (const how of ["cut-3", "reset-3", "cut-3+tokens-30000", "reset-3+tokens-30000"])
      await assert.rejects(chat({ model: `sim-${how}` }), undefined, how);
  },
  async "what fails before the first token is answered by the fallback"() {
    const one = async (how, stream) => {
      const { data, response } = await chat({ model: `spared-${how}`, stream, ...echo(how) }).withResponse();
      let text = "";
      if (stream) for await (const chunk of data) text += chunk.choices[0]?.delta.content ?? "";
      else text = data.choices[0].message.content;
      assert.equal(text, how);
      assert.equal(response.headers.get("x-sluice-model"), "m");
    };
    const early = ["error-in-200", "cut-0", "reset-head", "stall-head", "error-503"];
    await Promise.all(early.flatMap((how) => [one(how, false), one(how, true)]));
  },
  async "what fails behind the first token is raised though there is a fallback"() {
    for (const how of ["error-in-200-3", "cut-3", "reset-3"]) {
      let text = "";
      await assert.rejects(async () => {
        for await (const chunk of await chat({ model: `spared-${how}`, stream: true, ...echo("one two three four five") }))
          text += chunk.choices[0]?.delta.content ?? "";
      }, OpenAI.APIError);
      assert.ok(text && "one two three four five".startsWith(text), `${how}: ${text}`);
    }
  },
  async "a hundred streams get their tokens one by one"() {
    const one = async (_, i) => {
      const name = `stream ${i}`, headers = { "x-sluice-target": "steps" };
      let text = "";
      for await (const chunk of await chat({ messages: [{ role: "user", content: name }], stream: true }, openai, { headers })) {
        if (!chunk.choices[0]?.delta.content) continue;
        text += chunk.choices[0].delta.content;
        await fetch(STEPS_URL, { method: "POST", body: JSON.stringify({ arrived: name }) });
      }
      return text;
    };
    const whole = Array.from({ length: Number(STEPS) }, (_, step) => `${step} `).join("");
    assert.deepEqual(await Promise.all(Array.from({ length: 100 }, one)), Array(100).fill(whole));
  },
};

const aborts = {
  async "an abort reaches the provider within 5 ms"() {
    // Straight to the provider in turn with through the gateway: what the machine and the SDK cost. A
    // busy machine spoils a round, a slow gateway all of them.
    const straight = client({ baseURL: STATS_URL.replace("/sim/stats", "/v1") });
    const p99 = (all) => all.sort((a, b) => a - b)[98];
    const added = [];
    do {
      const through = [], direct = [];
      for (let i = 0; i < 100; ++i) {
        through.push(await abort(openai));
        direct.push(await abort(straight));
      }
      added.push(p99(through) - p99(direct));
      console.error(`abort to provider: p99 ${p99(through).toFixed(2)} ms, without the gateway ${p99(direct).toFixed(2)} ms`);
    } while (added.length < 10 && Math.min(...added) >= 5 * Number(SLOW));
    assert.ok(Math.min(...added) < 5 * Number(SLOW), `the gateway added ${added} ms at p99`);
  },
};

for (const [name, check] of Object.entries(process.argv[2] === "abort" ? aborts : plain)) {
  let result = "ok";
  try {
    await check();
  } catch (error) {
    result = String(error?.stack ?? error).slice(0, 1500);
  }
  console.log(JSON.stringify({ name, result }));
}
