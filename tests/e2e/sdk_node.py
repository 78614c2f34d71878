#!/usr/bin/env python3
"""The newest official OpenAI SDK for node, unmodified, through the gateway: runs sdk_node.mjs, whose
checks are reported one by one."""
import json
import os
import shutil
import subprocess
import sys

import harness
import sdk_setup
from harness import CLIENT_KEY, OFFLINE, ROOT, Case

MODULES = ROOT / "build/node/node_modules"
NODE = ROOT / "build/venv/bin/node"


def checked(case, server, stable, steps, which):
    """The reports of the script's checks of that kind, "plain" or "abort"; all of them are well."""
    # A module is looked for beside the script that imports it, so the script goes to the modules.
    script = MODULES.parent / f"sdk_node_{which}.mjs"
    shutil.copyfile(ROOT / "tests/e2e/sdk_node.mjs", script)
    run = subprocess.run(
        [NODE, script, which], capture_output=True, text=True, timeout=300 * harness.SLOW,
        env={**os.environ, "BASE_URL": server.url + "/v1", "STATS_URL": stable.url + "/sim/stats",
             "API_KEY": CLIENT_KEY, "LIMITED_KEY": sdk_setup.LIMITED_KEY,
             "NARROW_KEY": sdk_setup.NARROW_KEY, "STEPS_URL": steps.url,
             "STEPS": str(sdk_setup.STEPS), "SLOW": str(harness.SLOW)})
    reports = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    for report in reports:
        print(f"    {report['name']}: {report['result']}")
    print(run.stderr)
    case.assertEqual([r for r in reports if r["result"] != "ok"], [])
    case.assertEqual(run.returncode, 0, run.stderr)
    return reports


class NodeSdk(Case):
    def test_everything_the_node_sdk_does(self):
        self.assertGreater(len(checked(self, *sdk_setup.start(self), "plain")), 15)


if not (MODULES / "openai").is_dir() or not NODE.exists():
    if OFFLINE:
        harness.skip_all("SLUICE_OFFLINE=1 and no node with an openai package")
    sys.exit("no node or no openai package for it: tests/run installs them into build/venv and build/node; "
             "SLUICE_OFFLINE=1 skips this test where there is no package registry")
if __name__ == "__main__":
    sys.exit(harness.main())
