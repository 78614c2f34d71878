"""A gateway whose process changes, for the tests that let another program take over."""
import contextlib
import json
import os
import re
import shutil
import signal
import time

import harness
from harness import until


class Served(harness.Gateway):
    """A gateway whose process changes. `.pid` is that of whoever serves."""

    def __init__(self, directory, settings, environment=None):
        directory.mkdir(exist_ok=True)
        self.binary = directory / "sluice"
        shutil.copy2(harness.BINARY, self.binary)
        before, harness.BINARY = harness.BINARY, str(self.binary)
        try:
            super().__init__(settings, directory, environment)
        finally:
            harness.BINARY = before
        self.pid = self.process.pid
        self.pids = [self.pid]

    def place(self, source=None, text=None):
        """Puts another program where this one was started from."""
        beside = self.directory / "sluice.new"
        if text is None:
            shutil.copy2(source or harness.BINARY, beside)
        else:
            beside.write_text(text)
            beside.chmod(0o755)
        beside.rename(self.binary)

    def count(self, event):
        return sum(f'"event":"{event}"' in line.replace('": "', '":"') for line in self.output().splitlines())

    def upgrade(self):
        """The seconds until another process serves."""
        begun, before = time.monotonic(), self.count("took_over")
        os.kill(self.pid, signal.SIGUSR2)
        if not until(lambda: self.count("took_over") > before and self.count("upgraded") > before, 30):
            raise AssertionError("nobody took over:\n" + self.output()[-4000:])
        took = time.monotonic() - begun
        line = [line for line in self.output().splitlines() if '"upgraded"' in line][-1]
        self.pid = json.loads(line)["pid"]
        self.pids.append(self.pid)
        return took

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        """All there ever were, also those that nobody waited for."""
        for pid in {self.process.pid, *(int(pid) for pid in re.findall(r'"pid":(\d+)', self.output()))}:
            if not self.gone(pid):
                with contextlib.suppress(ProcessLookupError):  # it ends by itself just now
                    os.kill(pid, signal.SIGKILL)
        self.wait()

    @staticmethod
    def gone(pid):
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    def end(self, timeout=40):
        """Whether all of its processes end when the last one is told to."""
        if not self.gone(self.pid):
            os.kill(self.pid, signal.SIGTERM)
        ended = until(lambda: all(self.gone(pid) for pid in self.pids), timeout)
        return self.process.wait(5) if ended else "still there"


def kept(case, gateway):
    """Ends with the test, whichever of its processes serves by then."""
    case.stack.callback(gateway.kill)
    return gateway
