"""What the end-to-end tests share: they start the real program, with a configuration of their own, on
ports the system chooses, and stop it by its process id."""
import asyncio
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))
from ports import free_port, free_ports
BINARY = os.environ.get("SLUICE_BINARY", str(ROOT / "build/release/sluice"))
BENCH = pathlib.Path(os.environ.get("SLUICE_BENCH", str(pathlib.Path(BINARY).parent / "tests/bench")))
SHARED = pathlib.Path(os.environ.get("SLUICE_SHARED", str(ROOT / "../shared"))).resolve()
OFFLINE = os.environ.get("SLUICE_OFFLINE") == "1"
# A sanitized program is several times slower; what a test demands of time is multiplied by this.
SLOW = int(os.environ.get("SLUICE_SLOW", "1"))

CLIENT_KEY = "sk-test"
PROVIDER_KEY = "sk-upstream-SECRET-5d1f"
ADMIN_TOKEN = "admin-token-77aa"
# Limits of a key that none reaches: its requests wait for a part of the budget that a busy machine is late to grant.
PATIENT = {"requests": "100000/s", "max_wait": "10s"}
SKIPPED = 77  # the exit code ctest reads as "skipped"


class Program:
    """A child process whose output is kept, line by line."""

    def __init__(self, *arguments, cwd=None, environment=None):
        self.lines = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [str(word) for word in arguments], cwd=cwd, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.lines.append(None)
            self._changed.notify_all()

    def output(self):
        with self._changed:
            return "\n".join(line for line in self.lines if line is not None)

    def wait_for(self, pattern, timeout=20):
        """The match of the first line that has the pattern."""
        deadline, seen = time.monotonic() + timeout * SLOW, 0
        with self._changed:
            while True:
                for line in self.lines[seen:]:
                    if line is None:
                        raise AssertionError(f"ended without a line like {pattern!r}:\n" + self.output())
                    if found := re.search(pattern, line):
                        return found
                seen = len(self.lines)
                if not self._changed.wait(max(0, deadline - time.monotonic())):
                    raise AssertionError(f"no line like {pattern!r} in time:\n" + self.output())

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=20):
        code = self.process.wait(timeout * SLOW)
        self._reader.join(5)
        self.process.stdout.close()
        return code

    def stop(self, timeout=20):
        """Asks it to end; its exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            raise AssertionError("did not end after SIGTERM:\n" + self.output()[-4000:]) from None

    def kill(self):
        """With all patience: what the kernel does for it ends first, as an fsync on a busy disk."""
        self.process.kill()
        self.wait(120)

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) * 1024

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Simulator(Program):
    def __init__(self, *options, name="simulator"):
        super().__init__(BINARY, "simulate", "--listen", "127.0.0.1:0", "--name", name, *options)
        self.address = self.wait_for(r"(127\.0\.0\.1:\d+)")[1]
        self.url = f"http://{self.address}"

    def stats(self):
        return json.loads(fetch(self.url + "/sim/stats")[2])

    def behave(self, **what):
        status, _, body = fetch(self.url + "/sim/behaviour", "PUT", what)
        assert status < 300, body


class Mock(Program):
    """An upstream that costs next to nothing, for load: completions of 1 KB, streams at a rate."""

    def __init__(self, *options):
        super().__init__(BENCH / "bench_mock", *options)
        self.url = "http://127.0.0.1:" + self.wait_for(r'"port":(\d+)')[1]


class Load(Program):
    """bench_load against a gateway; failures() after it has ended."""

    def __init__(self, kind, gateway, *options):
        super().__init__(BENCH / "bench_load", kind, "--port", gateway.port, "--key", CLIENT_KEY,
                         "--model", "m", *options)

    def report(self, timeout=120):
        code = self.wait(timeout)
        report = json.loads(self.output().splitlines()[-1])
        report["exit"] = code
        return report


class Gateway(Program):
    """`sluice serve` with the settings of gateway_settings(); everything it writes is in .directory."""

    def __init__(self, settings, directory, environment=None, ready=20):
        self.directory = pathlib.Path(directory)
        self.config = self.directory / "sluice.yaml"
        self.write_config(settings)
        super().__init__(BINARY, "serve", "--config", self.config, environment=environment)
        try:
            self.address = self.wait_for(r"listening on (127\.0\.0\.1:\d+)", ready)[1]
            self.admin_address = "127.0.0.1:" + self.wait_for(r"admin on port (\d+)", ready)[1]
            self.wait_for('"ready"', ready)
        except BaseException:
            self.process.kill()
            raise
        self.url = f"http://{self.address}"
        self.host, port = self.address.split(":")
        self.port = int(port)

    def write_config(self, settings):
        """JSON is YAML. Written beside and renamed, as an editor does."""
        self.settings = settings
        beside = self.config.with_suffix(".new")
        beside.write_text(json.dumps(settings, indent=1))
        beside.replace(self.config)

    def admin(self, path, method="GET", body=None, headers=None):
        """Status, headers, parsed body."""
        status, answer_headers, text = fetch(
            f"http://{self.admin_address}{path}", method, body,
            {"authorization": f"Bearer {ADMIN_TOKEN}", **(headers or {})})
        try:
            return status, answer_headers, json.loads(text)
        except ValueError:
            return status, answer_headers, text

    def ctl(self, *arguments, code=0):
        """What `sluice ctl` says; its complaints where it is to end with another code than 0."""
        done = subprocess.run(
            [BINARY, "ctl", "--admin", f"http://{self.admin_address}", *arguments],
            capture_output=True, text=True, timeout=60, env={"SLUICE_ADMIN_TOKEN": ADMIN_TOKEN})
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def canary(self, model, percent):
        status, _, body = self.admin(f"/admin/v1/models/{model}/canary", "PUT", {"percent": percent})
        assert status == 200, body
        return body

    def metrics(self, begins="sluice_"):
        """{series: value}, e.g. {'sluice_requests_total{model="m",...}': 3.0}"""
        status, _, text = self.admin("/metrics")
        assert status == 200, text
        series = {}
        for line in text.splitlines():
            if line.startswith(begins):
                name, _, value = line.rpartition(" ")
                series[name] = float(value)
        return series

    def recorded(self):
        """The metrics once all that was answered is counted, which is just after an answer."""
        assert until(lambda: self.total("sluice_in_flight_requests") == 0), "requests stay in flight"
        return self.metrics()

    def total(self, name, **labels):
        """The sum of all series of a metric that have these labels."""
        return sum(value for series, value in self.metrics(name).items()
                   if series.partition("{")[0] == name
                   and all(f'{key}="{wanted}"' in series for key, wanted in labels.items()))

    def access_log(self):
        """Its lines, without one that is being written."""
        path = self.directory / "access.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def sha256(key):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def gateway_settings(directory, upstreams, **changes):
    """A gateway for `upstreams`, [(name, base URL, weight)...], the first of them stable, the last the
    canary when there are several. The model "m" passes to `m` there, everything else by its own name.
    What a test provokes is to reach its client: nothing is tried twice, and no failure shuts a target out."""
    plainly = {"retry": {"attempts": 1}, "breaker": "off"}
    targets = [{"name": name, "provider": name, "weight": weight} for name, _, weight in upstreams]
    split = {"targets": targets, **plainly, **({"canary": targets[-1]["name"]} if len(targets) > 1 else {})}
    return {
        "listen": [{"address": "127.0.0.1:0"}],
        "admin": {"address": "127.0.0.1:0", "token": ADMIN_TOKEN},
        "workers": 2,
        "state": {"directory": str(directory / "state")},
        "access_log": str(directory / "access.jsonl"),
        "providers": {name: {"dialect": "openai", "base_url": url, "api_key": PROVIDER_KEY, "retry_after_cap": "0"}
                      for name, url, _ in upstreams},
        "models": {"m": split, "*": {"targets": targets[:1], **plainly}},
        "keys": [{"id": "test", "hash": sha256(CLIENT_KEY), "models": ["*"], "may_choose_target": True}],
        **changes,
    }


def fetch(url, method="GET", body=None, headers=None, timeout=30):
    """Status, headers, text; an error status is an answer like any other."""
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    request = urllib.request.Request(url, data, headers or {}, method=method)
    if data is not None and "Content-type" not in request.headers:
        request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode("utf-8", "replace")


def until(what, timeout=30, every=0.02):
    """Waits until what() is true; what it said last."""
    deadline = time.monotonic() + timeout * SLOW
    while not (last := what()) and time.monotonic() < deadline:
        time.sleep(every)
    return last


# ---- a bare client: nothing between the test and the bytes ------------------------------------------

class Answer:
    """One answer as it came: body decoded, .complete only if its framing ended as it should."""

    def __init__(self):
        self.status, self.headers, self.body, self.complete = 0, {}, bytearray(), False
        self.bad_framing = None  # what of it is not HTTP
        self.times = []  # of the pieces of the body, time.monotonic()

    def json(self):
        return json.loads(bytes(self.body))


def request_bytes(path, body=None, method=None, key=CLIENT_KEY, headers=()):
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else (body or b"")
    lines = [f"{method or ('POST' if body is not None else 'GET')} {path} HTTP/1.1", "host: gateway.test"]
    if key is not None:
        lines.append(f"authorization: Bearer {key}")
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


async def read_answer(reader, on_piece=None):
    answer = Answer()
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        answer.status = int(lines[0].split(" ")[1])
        for line in lines[1:]:
            name, _, value = line.partition(":")
            answer.headers[name.lower()] = value.strip()
        if answer.headers.get("transfer-encoding") == "chunked":
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                piece = await reader.readexactly(size + 2)
                if piece[-2:] != b"\r\n":
                    raise ValueError(f"a chunk ends with {piece[-2:]!r}")
                answer.body += piece[:-2]
                answer.times.append(time.monotonic())
                if on_piece:
                    on_piece(answer)
            await reader.readuntil(b"\r\n")
        else:
            answer.body += await reader.readexactly(int(answer.headers.get("content-length", 0)))
            answer.times.append(time.monotonic())
        answer.complete = True
    except asyncio.IncompleteReadError as cut:
        if answer.status:
            answer.body += cut.partial if "content-length" in answer.headers else b""
    except (ConnectionError, asyncio.LimitOverrunError):
        pass
    except ValueError as bad:
        answer.bad_framing = str(bad)
    return answer


async def exchange(address, request, on_piece=None, timeout=60):
    """One request on a connection of its own."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
    try:
        writer.write(request)
        await writer.drain()
        return await asyncio.wait_for(read_answer(reader, on_piece), timeout * SLOW)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def chat(content="hello", model="m", **more):
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


def data_events(body):
    """The data of every event of a stream."""
    return [line[6:].decode() for line in bytes(body).split(b"\n") if line.startswith(b"data: ")]


# ---- tests ------------------------------------------------------------------------------------------

class Case(unittest.TestCase):
    """Programs started by start() are stopped, and the directory removed, after each class."""

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-"))
        cls.stack.callback(shutil.rmtree, cls.directory, ignore_errors=True)

    @classmethod
    def started(cls, program):
        def finish():
            if program.process.poll() is None:
                program.kill()
        cls.stack.callback(finish)
        return program

    @classmethod
    def simulator(cls, *options, **more):
        return cls.started(Simulator(*options, **more))

    @classmethod
    def gateway(cls, upstreams, environment=None, **changes):
        settings = gateway_settings(cls.directory, upstreams, **changes)
        return cls.started(Gateway(settings, cls.directory, environment))


def raise_file_limit():
    import resource
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def skip_all(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def main():
    raise_file_limit()
    # A hung test says where it hangs before ctest kills it.
    import faulthandler
    faulthandler.register(signal.SIGUSR1)
    program = unittest.main(module="__main__", verbosity=2, exit=False)
    ran = program.result.testsRun - len(program.result.skipped)
    if not program.result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if ran == 0 else 0)
