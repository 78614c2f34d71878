#!/usr/bin/env python3
"""What every recorded answer with usage costs, calculated here from the recording and a price list, and
what the gateway makes of the same bytes (bench_cost): equal to the micro-dollar, or the test fails.

Nothing is shared with the gateway's code: JSON is parsed whole, sums are decimal fractions of a dollar."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
from decimal import ROUND_HALF_UP, Decimal

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = pathlib.Path(os.environ.get("SLUICE_SHARED", str(ROOT / "../shared"))).resolve() / "corpus"
ENDPOINTS = {"chat.completions": "chat_completions", "completions": "completions",
             "embeddings": "embeddings", "responses": "responses"}
MILLION = Decimal(1_000_000)

# Dollars per million tokens: input, cached input, cache write, output, reasoning; None: no price of its own.
PRICES = {
    "gpt-4.1": ("2", "0.5", None, "8", None),
    "gpt-4.1-nano": ("0.1", "0.025", None, "0.4", None),
    "gpt-4o-mini": ("0.15", "0.075", None, "0.6", None),
    "o3": ("2", "0.5", None, "8", None),
    "deepseek-chat": ("0.28", "0.028", None, "0.42", None),
    "kimi-k2": ("0.6", "0.15", None, "2.5", None),
    "gemini-2.5-flash": ("0.3", "0.03", None, "2.5", None),
    "claude-sonnet-4.5": ("3", "0.3", "3.75", "15", None),
    "grok-3-mini": ("0.3", "0.075", None, "0.5", None),
    "text-embedding-3-small": ("0.02", None, None, "0", None),
    "everything apart": ("1.234567", "0.111111", "1.543209", "7.654321", "9.876543"),
    "free": ("0", None, None, "0", None),
}


def count(value):
    """A count, or nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def first(*values):
    return next((value for value in values if value is not None), None)


def usages(row):
    """The usage objects of an answer, in order."""
    data = (CORPUS / row["file"]).read_bytes()
    if row["kind"] == "response":
        try:
            body = json.loads(data)
        except ValueError:
            return
        if isinstance(body, dict):
            yield body.get("usage")
        return
    for line in data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line.startswith("data:"):
            continue
        try:
            event = json.loads(line[5:])
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event.get("usage")
            for place in ("response", "x_groq"):
                if isinstance(event.get(place), dict):
                    yield event[place].get("usage")


def tokens(usage):
    """Tokens by price: plain input, cached, written to the cache, plain output, reasoning. None: not told."""
    into = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    out = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    prompt = first(count(usage.get("prompt_tokens")), count(usage.get("input_tokens")))
    answer = first(count(usage.get("completion_tokens")), count(usage.get("output_tokens")))
    total = count(usage.get("total_tokens"))
    if prompt is None and answer is None:
        return (total, 0, 0, 0, 0) if total is not None else None
    prompt, answer = prompt or 0, answer or 0
    cached = first(count(into.get("cached_tokens")), count(usage.get("prompt_cache_hit_tokens")),
                   count(usage.get("cached_tokens")), count(usage.get("num_cached_tokens")), 0)
    written = first(count(into.get("cache_write_tokens")), count(usage.get("cache_creation_input_tokens")), 0)
    audio = first(count(into.get("audio_tokens")), 0)
    reasoning = first(count(out.get("reasoning_tokens")), 0)
    if reasoning and total == prompt + answer + reasoning:
        visible = answer  # xAI: the answer does not include the reasoning
    elif total is not None and audio and total == prompt + answer + audio:
        prompt, visible = prompt + audio, answer  # Mistral: the prompt does not include its audio
    else:
        if total is not None and total > prompt + answer:
            answer = total - prompt  # generated and not shown: Gemini's thoughts
        visible = answer - reasoning if reasoning <= answer else answer
    plain = prompt - cached if cached <= prompt else prompt
    plain = plain - written if written <= plain else plain
    return plain, cached, written, visible, reasoning


def dollars(counts, price):
    into, cached, written, out, reasoning = (None if one is None else Decimal(one) for one in price)
    each = (into, first(cached, into), first(written, into), out, first(reasoning, out))
    return sum(Decimal(number) * one for number, one in zip(counts, each)) / MILLION


def micros(text):
    return "-" if text is None else str(int(Decimal(text) * MILLION))


def questions():
    """What bench_cost is asked, and the exact answer in dollars; None where the answer tells no usage."""
    for row in map(json.loads, (CORPUS / "index.jsonl").read_text().splitlines()):
        if row["kind"] not in ("response", "stream") or row["api"] not in ENDPOINTS:
            continue
        told = [counts for counts in map(tokens, filter(lambda one: isinstance(one, dict), usages(row)))
                if counts is not None]
        for name, price in PRICES.items():
            words = [str(CORPUS / row["file"]), row["kind"], ENDPOINTS[row["api"]], *map(micros, price)]
            yield f"{row['id']} at {name}", " ".join(words), dollars(told[-1], price) if told else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="bench_cost")
    parser.add_argument("--list", action="store_true", help="also print every cost")
    options = parser.parse_args()
    if not (CORPUS / "index.jsonl").exists():
        print(f"skipped: no recordings at {CORPUS} (SLUICE_SHARED names the folder above it)")
        return 77
    asked = list(questions())
    ran = subprocess.run([options.program], input="".join(line + "\n" for _, line, _ in asked),
                         capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        print(f"bench_cost failed: {ran.stderr.strip()}")
        return 1
    answers = ran.stdout.split()
    wrong = 0
    if len(answers) != len(asked):
        print(f"{len(answers)} answers to {len(asked)} questions")
        return 1
    for (name, _, exact), answer in zip(asked, answers):
        want = None if exact is None else exact.quantize(Decimal("1e-9"), ROUND_HALF_UP)
        got = None if answer == "unknown" else Decimal(answer) / 1_000_000_000
        if options.list:
            print(f"{name}: {want}")
        if want != got:
            wrong += 1
            print(f"{name}: {want} by the recording, {got} by the gateway")
    told = len({line.split()[0] for _, line, exact in asked if exact is not None})
    print(f"{told} answers with usage, {len(PRICES)} prices each: {wrong} differ")
    if told == 0:
        print("no recorded answer tells its usage")
    return 1 if wrong or told == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
