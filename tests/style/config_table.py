#!/usr/bin/env python3
"""README.md's table of configuration keys is the one the binary prints. --write brings it up to date."""
from readme_table import hold

hold("config", "--print-table", "README.md's table of keys is not what the code says; a reader would configure by it.")
