#!/usr/bin/env python3
"""README.md's table of metrics is the one the binary prints. --write brings it up to date."""
from readme_table import hold

hold("metric", "--print-metrics", "README.md's table of metrics is not what the code exposes; a dashboard would be built on it.")
