"""The proxies under comparison, each with its whole configuration, and the mock behind them."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from machine import Child, free_port, wait_until_ready

KEY = "sk-bench-0123456789abcdef0123456789abcdef"
MODEL = "bench-model"


class Mock:
    """bench_mock, pinned; `port` and `body_bytes` as it printed them."""

    def __init__(self, binary, cpus, **options):
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        self.child = Child([binary, *words], cpus, stdout=subprocess.PIPE)
        line = self.child.process.stdout.readline()
        if not line:
            self.child.stop()
            raise RuntimeError("the mock did not start")
        listening = json.loads(line)
        self.port, self.body_bytes = listening["port"], listening["body_bytes"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stop()


class Proxy:
    """A way to start one proxy. `start` gives a Child with `port` once it answers."""

    name = ""
    headers = ()  # more request fields this one needs
    ready_path = "/healthz"  # answered with 200, by the proxy or by the mock behind it
    certificate = None  # a PEM file with certificate and key: clients speak TLS

    def missing(self):
        """Why it cannot be run here; empty when it can."""
        return ""

    def version(self):
        return ""

    def command(self, directory, port, upstream):
        raise NotImplementedError

    def start(self, directory, upstream, cpus=None, wrapper=(), env=None, patience=20.0):
        home = Path(directory) / re.sub(r"\W+", "-", self.name)
        home.mkdir(parents=True, exist_ok=True)
        port = free_port()
        command = [*wrapper, *self.command(home, port, upstream)]
        child = Child(command, cpus, log=home / "stderr", env={**os.environ, **(env or {})})
        child.port = port
        child.home = home
        try:
            wait_until_ready(port, child, patience, self.ready_path, tls=bool(self.certificate))
        except BaseException:
            child.stop()
            raise
        return child


def _first_line(command):
    answer = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=20)
    return (answer.stdout.splitlines() or [""])[0].strip()


def _find(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")


class Direct(Proxy):
    """No proxy at all: what the mock and the load generator cost and add by themselves."""

    name = "direct"

    def start(self, directory, upstream, cpus=None, wrapper=(), env=None, patience=20.0):
        child = Child(["sleep", "86400"])
        child.port = upstream
        return child


class Nginx(Proxy):
    name = "nginx"

    def __init__(self, master=True):
        self.master = master  # callgrind needs it all in one process

    def missing(self):
        return "" if _find("nginx") else "nginx is not installed"

    def version(self):
        return _first_line([_find("nginx"), "-v"]).rpartition("/")[2]

    def command(self, directory, port, upstream):
        temporary = "\n".join(
            f"    {part}_temp_path {directory}/{part};"
            for part in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        tls = f"ssl_certificate {self.certificate}; ssl_certificate_key {self.certificate};" if self.certificate else ""
        (directory / "nginx.conf").write_text(f"""
daemon off;
master_process {"on" if self.master else "off"};
worker_processes 1;
{"user root;" if os.geteuid() == 0 else ""}
pid {directory}/pid;
error_log {directory}/error.log crit;
events {{ worker_connections 16384; }}
http {{
{temporary}
    access_log off;
    keepalive_requests 1000000000;
    client_body_buffer_size 64k;
    client_max_body_size 32m;
    upstream mock {{
        server 127.0.0.1:{upstream};
        keepalive 4096;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} {"ssl" if tls else ""} backlog=4096;
        {tls}
        location / {{
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_request_buffering on;
            proxy_read_timeout 600s;
        }}
    }}
}}
""")
        return [_find("nginx"), "-p", str(directory), "-c", str(directory / "nginx.conf"),
                "-e", str(directory / "error.log")]


class Haproxy(Proxy):
    name = "HAProxy"

    def missing(self):
        return "" if _find("haproxy") else "haproxy is not installed"

    def version(self):
        return _first_line([_find("haproxy"), "-v"]).split()[2]

    def command(self, directory, port, upstream):
        (directory / "haproxy.cfg").write_text(f"""
global
    nbthread 1
    maxconn 8192
defaults
    mode http
    option http-no-delay
    http-reuse always
    timeout connect 5s
    timeout client 600s
    timeout server 600s
frontend clients
    bind 127.0.0.1:{port} backlog 4096 {f"ssl crt {self.certificate}" if self.certificate else ""}
    default_backend mock
backend mock
    server mock 127.0.0.1:{upstream}
""")
        return [_find("haproxy"), "-db", "-f", str(directory / "haproxy.cfg")]


class Floor(Proxy):
    """bench_floor: copies bytes and reads none of them. No proxy gets below what the kernel takes for that."""

    name = "floor"

    def __init__(self, binary):
        self.binary = binary

    def command(self, directory, port, upstream):
        return [self.binary, str(port), str(upstream)]


class Sluice(Proxy):
    """Everything a team would run it with: a key with limits, a split with a canary, sticky clients,
    usage read from every stream, metrics, the admin listener, and the access log in a file; and, with
    nothing to do for them, retries, a breaker, a fallback, hedging, a shadow, a rollout and prices."""

    name = "Sluice"

    def __init__(self, binary, workers=1, accounts=True, budgets=True):
        self.binary = binary
        self.workers = workers
        self.accounts = accounts  # limits, budgets and prices
        self.budgets = budgets
        if not accounts:
            self.name = "Sluice without limits, budgets and prices"
        elif not budgets:
            self.name = "Sluice without budgets"
        if workers != 1:
            self.name = f"Sluice, {workers} workers"

    def missing(self):
        if not self.binary:
            return "no path to the sluice binary was given"
        if not os.access(self.binary, os.X_OK):
            return f"{self.binary} is not there"
        return ""

    def version(self):
        return _first_line([self.binary, "--version"])

    def command(self, directory, port, upstream):
        (directory / "state").mkdir(exist_ok=True)
        tls = f"tls: {{ certificate: {self.certificate}, private_key: {self.certificate} }}" if self.certificate else ""
        price = limits = ""
        if self.accounts:
            price = "price: { input: 0.21, cached_input: 0.02, output: 0.42 }"
            limits = """limits: { requests: 1000000/s, burst: 1000000, tokens: 900000000/s, concurrent: 1000000, max_wait: 2s }"""
        budget = ""
        if self.accounts and self.budgets:
            budget = "budget: { daily: 100000 USD, monthly: 1000000 USD }"
        (directory / "sluice.yaml").write_text(f"""
listen:
  - address: 127.0.0.1:{port}
    {tls}
admin: {{ address: "127.0.0.1:{free_port()}" }}
workers: {self.workers}
state: {{ directory: {directory}/state }}
access_log: {directory}/access.log
providers:
  mock: {{ dialect: openai, base_url: "http://127.0.0.1:{upstream}/v1", api_key: sk-upstream }}
models:
  {MODEL}:
    targets:
      - {{ name: stable, provider: mock, model: bench-stable, weight: 90 }}
      - {{ name: canary, provider: mock, model: bench-canary, weight: 10 }}
    canary: canary
    sticky: key
    fallbacks: [spare]
    retry: {{ attempts: 3 }}
    ejection: {{ factor: 3 }}
    hedge: {{ after: 30s }}
    shadow: {{ model: spare, target: spare, percent: 0.001% }}
    rollout: {{ steps: [25, 50, 100], guards: {{ errors: 1%, p99: 10s }} }}
    {price}
  spare:
    targets:
      - {{ name: spare, provider: mock, model: bench-spare }}
keys:
  - id: bench
    hash: "sha256:{hashlib.sha256(KEY.encode()).hexdigest()}"
    tenant: bench
    models: ["*"]
    {limits}
    {budget}
""")
        return [self.binary, "serve", "--config", str(directory / "sluice.yaml")]


class Portkey(Proxy):
    name = "Portkey"
    ready_path = "/"
    PACKAGE = "@portkey-ai/gateway"

    def __init__(self, directory):
        self.script = Path(directory) / "node_modules" / self.PACKAGE / "build" / "start-server.js"

    def missing(self):
        if not _find("node"):
            return "node is not installed"
        return "" if self.script.exists() else f"{self.PACKAGE} is not under {self.script.parents[4]}"

    def version(self):
        return json.loads((self.script.parents[1] / "package.json").read_text())["version"]

    def command(self, directory, port, upstream):
        self.headers = (
            "x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{upstream}/v1")
        return [_find("node"), str(self.script), "--headless", f"--port={port}"]

    def start(self, directory, upstream, cpus=None, wrapper=(), env=None, patience=60.0):
        return super().start(directory, upstream, cpus, wrapper, env, patience)
