"""The gateway both SDK tests talk to: a stable and a canary provider, one that answers step by step, several kinds
of keys."""
import asyncio
import json

from harness import CLIENT_KEY, SLOW, Gateway, gateway_settings, sha256
from upstream import ScriptedUpstream

LIMITED_KEY = "sk-limited"    # one request, then a new one every 300 ms
NARROW_KEY = "sk-narrow"      # only the model "m"
STEPS = 20
# Models "spared-..." do this first and have "m" for a fallback.
FAILING = ("error-in-200", "cut-0", "reset-head", "stall-head", "error-503", "error-in-200-3", "cut-3", "reset-3")

ANSWER = (b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")


def chunk(data):
    event = b"data: %s\n\n" % data
    return b"%x\r\n%s\r\n" % (len(event), event)


class StepByStep(ScriptedUpstream):
    """Sends a token only when it was told, by {"arrived": content of the request}, that the client has the one
    before: whoever holds a token back for another, holds both back for ever."""

    def __init__(self):
        self._arrived = {}
        super().__init__(self._answer)

    async def _answer(self, body, write):
        asked = json.loads(body)
        if "arrived" in asked:
            self._arrived[asked["arrived"]].release()
            await write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            return
        arrived = self._arrived[asked["messages"][0]["content"]] = asyncio.Semaphore(0)
        await write(ANSWER)
        for step in range(STEPS):
            await write(chunk(json.dumps({
                "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": 0, "delta": {"content": f"{step} "},
                             "finish_reason": "stop" if step + 1 == STEPS else None}]}).encode()))
            await asyncio.wait_for(arrived.acquire(), 20 * SLOW)
        await write(chunk(b"[DONE]") + b"0\r\n\r\n")


def start(case):
    """(gateway, stable simulator, step-by-step provider: only by x-sluice-target "steps")"""
    stable, canary, steps = case.simulator(name="stable"), case.simulator(name="canary"), StepByStep()
    case.addClassCleanup(steps.stop)
    settings = gateway_settings(
        case.directory, [("stable", stable.url + "/v1", 90), ("steps", steps.url, 0), ("canary", canary.url + "/v1", 10)],
        timeouts={"first_byte": "4s", "stream_idle": "10s"},
        keys=[{"id": "test", "hash": sha256(CLIENT_KEY), "models": ["*"], "may_choose_target": True},
              {"id": "limited", "hash": sha256(LIMITED_KEY),
               "limits": {"requests": "200/min", "burst": 1}},
              {"id": "narrow", "hash": sha256(NARROW_KEY), "models": ["m"]}])
    for how in FAILING:
        settings["models"][f"spared-{how}"] = {
            "targets": [{"provider": "stable", "model": f"sim-{how}"}], "fallbacks": ["m"], "retry": {"attempts": 1}}
    gateway = case.started(Gateway(settings, case.directory))
    return gateway, stable, steps
