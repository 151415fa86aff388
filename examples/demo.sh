#!/usr/bin/env bash
# Build a model from the documentation that lies on every machine that can run Ingot, and ask it something.
#
# The documents are the standard library of this interpreter (read in place, without its tests and tables) and the
# pages behind `help()`. `make demo` sets up the environment and calls this; nothing here uses the network.
set -euo pipefail

home=${DEMO_HOME:-.demo/home}
time=${DEMO_TIME:-4m}
pages=$(dirname "$home")/language-reference
library=$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')

# Tests, other people's packages, compiled files and tables of characters are not documentation.
left_out=(test tests idle_test site-packages dist-packages __pycache__ lib-dynload ensurepip encodings pydoc_data 'config-*')

run() {
  printf '\n$ %s\n' "$*"
  "$@"
}

python examples/python_documentation.py "$pages"
run ingot build "$library" "$pages" --name python --time "$time" --home "$home" "${left_out[@]/#/--exclude=}"
run ingot chat python --home "$home" --prompt 'def read_file(path):' --max-tokens 60

cat <<TEXT

That was a base model: it continues text in the manner of what it read, and knows nothing else.
  ask it more              ingot chat python --home $home
  serve it                 ingot serve python --home $home
  see where it came from   ingot lineage python --home $home
  use your own documents   ingot build ./my-docs --name acme --time 10m
TEXT
