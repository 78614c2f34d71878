#!/usr/bin/env python3
"""The chart, the manifests rendered from it and the composition hold to their schemas, and the configurations in them
to `sluice check`. --write renders deploy/kubernetes again."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sources import ROOT, report

CHART = ROOT / "deploy/helm/sluice"
EXAMPLE = CHART / "ci/example-values.yaml"
RENDERED = ROOT / "deploy/kubernetes"
COMPOSE = ROOT / "deploy/compose.yaml"
VERSIONS = ("1.30", "1.36")  # the oldest the chart says, and a new one
# tests/run puts what checks there.
VENV = ROOT / "build/venv/bin"
PLACES = os.pathsep.join([os.environ.get("PATH", ""), str(VENV)])
# Merges (`<<`) are resolved before: it takes them for a name of the composition.
COMPOSE_CHECK = "import sys, yaml, compose_spec; compose_spec.PyCompose.from_yaml(yaml.safe_dump(yaml.safe_load(sys.stdin)))"


def tool(name):
    program = shutil.which(name, path=PLACES)
    if program is None:
        print(f"not checked: {name} is not installed")
    return program


def run(*words, text=None, **environment):
    return subprocess.run([str(word) for word in words], cwd=ROOT, capture_output=True, text=True, input=text,
                          env={**os.environ, **environment})


def template(helm, *options):
    return run(helm, "template", "sluice", CHART, "--namespace", "sluice", "--kube-version", VERSIONS[0] + ".0", *options)


def rendered(helm, *options):
    done = template(helm, "--values", EXAMPLE, *options)
    if done.returncode:
        raise SystemExit(f"helm template {' '.join(options)}: {done.stderr}")
    return done.stdout


def files_of(helm):
    """What deploy/kubernetes has to hold, as {name: text}."""
    operator = ("--set", "serviceMonitor.enabled=true,prometheusRule.enabled=true", "--show-only", "templates/monitoring.yaml")
    says = "# Rendered from deploy/helm/sluice by tests/style/manifests.py --write. "
    return {
        "sluice.yaml": says + "The namespace and the Secret `sluice` have to be there.\n" + rendered(helm),
        "monitoring.yaml": says + "For clusters with the Prometheus operator.\n" + rendered(helm, *operator),
    }


def grace_of(text):
    return int(re.search(r"terminationGracePeriodSeconds: (\d+)", text)[1])


def wrong_with_chart(helm):
    done = run(helm, "lint", "--strict", CHART)
    if done.returncode:
        yield f"helm lint: {done.stdout}{done.stderr}"
    for name, text in files_of(helm).items():
        path = RENDERED / name
        if "--write" in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield f"deploy/kubernetes/{name} is not what the chart renders: run tests/style/manifests.py --write"
    for drain, seconds in (("2m", 120), ("1500ms", 2), ("0", 0)):
        if grace_of(rendered(helm, "--set-string", f"config.timeouts.drain={drain}")) != 10 + seconds + 15:
            yield f"the termination grace does not follow timeouts.drain: {drain}"
    yield from wrong_with_edges(helm)
    yield from wrong_with_values(helm)
    bare = rendered(helm, "--set", "autoscaling.enabled=false,networkPolicy.enabled=false,podDisruptionBudget.enabled=false,"
                                   "topologySpread=false,secretFiles=more")
    if "replicas: 2" not in bare or "HorizontalPodAutoscaler" in bare or "secretName: \"more\"" not in bare:
        yield "switches of values.yaml do not do what they say"
    yield from valid(bare, "with everything switched off")


def wrong_with_edges(helm):
    """What empty lists, a zero and a long name become."""
    nobody = rendered(helm, "--set-json", "networkPolicy.admin=[]", "--set-json", "networkPolicy.providerPorts=[]")
    if "port: admin" in nobody.partition("kind: NetworkPolicy")[2].partition("---")[0]:
        yield "networkPolicy.admin: [] lets everybody reach the admin address instead of nobody"
    if "cidr: 0.0.0.0/0" in nobody:
        yield "networkPolicy.providerPorts: [] lets every port out instead of none"
    yield from valid(nobody, "with nobody at the admin address")
    if "seconds: 0" in rendered(helm, "--set", "preStopSeconds=0"):
        yield "preStopSeconds: 0 becomes a pause of 0, which the API of 1.30 refuses"
    long = run(helm, "template", "a" * 53, CHART, "--kube-version", VERSIONS[0] + ".0", "--values", EXAMPLE).stdout
    names = re.findall(r"^  name: (\S+)$", long, re.M)
    if not names or max(map(len, names)) > 63:
        yield f"a long release gets names that no Service may have: {max(names, key=len, default='')}"
    for address in ("[::1]:9090", "127.0.0.1:9090"):
        if template(helm, "--values", EXAMPLE, "--set", f"config.admin.address={address}").returncode == 0:
            yield f"the admin address {address}, which no probe reaches, is taken"


def wrong_with_values(helm):
    """What a platform team sets is what there is."""
    own = ("--set-json", 'config={"providers":{"own":{"base_url":"http://own.models:8000/v1"}},"models":{"m":{"targets":[{"provider":"own"}]}}}')
    alone = template(helm, *own).stdout
    names = re.findall(r"^      (\S+):$", alone.partition("sluice.yaml: |")[2].partition("---")[0], re.M)
    if names != ["m", "own"]:
        yield f"models and providers of the chart are beside one's own: {names}"
    if template(helm).returncode == 0:
        yield "a configuration without models is rendered, and no pod of it starts"
    if "envFrom" in rendered(helm, "--set", "secret=", "--set", "secretFiles=more"):
        yield "secret: '' asks for a Secret without a name"
    tls = {"address": "0.0.0.0:8443", "tls": {"certificate": "a", "private_key": "b"}}
    if "targetPort: http, appProtocol: https }" not in rendered(helm, "--set-json", f"config.listen={json.dumps([tls])}"):
        yield "the Service says http of a port that speaks TLS"
    # An ipBlock is for what is outside of the cluster; who takes it for pods too is not every network.
    provider_egress = rendered(helm).partition("port: 443")[2].partition("- ports:")[0]
    if "namespaceSelector: {}" not in provider_egress:
        yield "providers in the cluster cannot be reached where ipBlocks are none of pods"


def valid(text, what):
    """Complaints of the API's own schemas, in which nothing unknown is allowed."""
    checker = tool("kubernetes-validate")
    if checker is None:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        for version in VERSIONS:
            done = run(checker, "--strict", "--no-warn", "--quiet", "-k", version, file.name)
            if done.returncode:
                yield f"{what}, Kubernetes {version}: {done.stdout}{done.stderr}"


def wrong_with_manifests(binary):
    text = (RENDERED / "sluice.yaml").read_text(encoding="utf-8")
    yield from valid(text, "deploy/kubernetes/sluice.yaml")
    if tool("kubernetes-validate") and not list(valid(text.replace("maxSurge", "maxSurges"), "")):
        yield "the check itself finds nothing wrong with what is wrong"
    block = re.search(r"^  sluice\.yaml: \|\n((?:    .*\n|\n)+)", text, re.M)[1]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(re.sub(r"^    ", "", block, flags=re.M))
        file.flush()
        yield from unaccepted(binary, file.name, "deploy/kubernetes/sluice.yaml")


def unaccepted(binary, path, what):
    done = run(binary, "check", "--config", path, SLUICE_ADMIN_TOKEN="one", OPENAI_API_KEY="two")
    if done.returncode:
        yield f"{what}: {done.stdout}{done.stderr}"


def wrong_with_composition(binary):
    yield from unaccepted(binary, ROOT / "deploy/compose/sluice.yaml", "deploy/compose/sluice.yaml")
    for source in re.findall(r"[\"\s-](\.\.?/[^:\s]*):/", COMPOSE.read_text(encoding="utf-8")):
        if not (COMPOSE.parent / source).exists():
            yield f"deploy/compose.yaml mounts {source}, which is not there"
    if not (VENV / "python").exists() or run(VENV / "python", "-c", "import compose_spec, yaml").returncode:
        print("not checked: compose-spec is not installed")
        return
    text = COMPOSE.read_text(encoding="utf-8")
    done = run(VENV / "python", "-c", COMPOSE_CHECK, text=text)
    if done.returncode:
        yield f"deploy/compose.yaml: {done.stdout}{done.stderr}"
    if run(VENV / "python", "-c", COMPOSE_CHECK, text=text.replace("read_only:", "readonly:")).returncode == 0:
        yield "the check of the composition finds nothing wrong with what is wrong"


def main():
    binary = os.environ.get("SLUICE_BINARY")
    if not binary or not Path(binary).exists():
        sys.exit("SLUICE_BINARY does not name the built sluice")
    helm = tool("helm")
    complaints = list(wrong_with_chart(helm)) if helm else []
    complaints += [*wrong_with_manifests(binary), *wrong_with_composition(binary)]
    report("chart, manifests and composition hold to their schemas", "a cluster refuses them, or worse, half of them",
           complaints)


main()
