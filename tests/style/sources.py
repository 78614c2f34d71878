"""What the style tests share: the files of the repository, code without its comments, and the report."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = ["base", "policy", "http", "wire", "observe", "net", "config", "state", "proxy", "server"]

TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def files(*suffixes):
    """Every file git knows or would add, so that a new file is held to the rules before it is committed."""
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    paths = [pathlib.Path(name) for name in sorted(set(names)) if name]
    return [p for p in paths if (ROOT / p).is_file() and (not suffixes or p.suffix in suffixes)]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def code_only(source):
    """The same number of lines, with comments and the insides of literals blanked."""
    return TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), source)


def excused(lines, index):
    """An exception needs one line saying why, on the spot: `// exception: ...` on it or just above."""
    return any("// exception: " in lines[i] for i in (index, index - 1) if i >= 0)


def report(rule, why, complaints):
    if complaints:
        print(f"{rule}\nwhy: {why}\n")
        print("\n".join(complaints))
        sys.exit(1)
    print(f"{rule}: held")
