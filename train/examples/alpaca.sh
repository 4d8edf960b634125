#!/usr/bin/env bash
# From instruction data to an evaluated model, once through every stage:
#
#     train/examples/alpaca.sh alpaca.json http://127.0.0.1:8001/v1    # a teacher of yours
#     train/examples/alpaca.sh alpaca.json demo      # the demo model teaches: all of it is nonsense
#
# More arguments are changes of alpaca.toml: sft.method=lora run.dir=runs/lora.  Run again it goes on
# where it stopped.  PYTHON is the interpreter (.venv/bin/python), LIMIT the samples that are read
# (200), ASKED the questions of each task at the end (50), PORT where servers listen (8010).
set -euo pipefail

data=$(realpath "${1:?the file of instruction data is missing}")
teacher=${2:?a teacher is missing: the URL of an endpoint, or demo}
changes=("${@:3}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
python=${PYTHON:-.venv/bin/python} url=http://127.0.0.1:${PORT:-8010} folder=runs/alpaca
for change in "${changes[@]}"; do case $change in run.dir=*) folder=${change#run.dir=} ;; esac; done
mkdir -p "$folder"

server=
trap '[ -z "$server" ] || kill "$server"' EXIT
serve() { # MODEL: start a server and wait until it is ready
  "$python" -m reflect serve "$1" --port "${url##*:}" --max-num-seqs 16 --kv-cache-gib 0.5 \
    >>"$folder/server.log" 2>&1 &
  server=$!
  until curl -sf "$url/ready" >/dev/null; do
    kill -0 "$server" 2>/dev/null || { tail "$folder/server.log" >&2; exit 1; }
    sleep 1
  done
}
stop() {
  kill "$server"
  wait "$server" || true
  server=
}

if [ "$teacher" = demo ]; then
  teacher=$url/v1
  [ -e "$folder/recycled.json" ] || serve models/demo
fi
run=(-c train/examples/alpaca.toml "teacher.base_url=$teacher")
run+=("data.sources=[{kind='alpaca',path='$data',limit=${LIMIT:-200}}]" "${changes[@]}")

"$python" -m train recycle "${run[@]}" # what the teacher makes of it, and what the student takes
[ -z "$server" ] || stop
"$python" -m train score "${run[@]}"  # how difficult it is for the student
"$python" -m train build "${run[@]}"  # as token ids and labels
"$python" -m train sft "${run[@]}"    # the tuned model
"$python" -m train export "${run[@]}" # a folder that the server takes
"$python" -m train report "${run[@]}" # all of it on one page

serve "$folder/bundle"
out=--out
[ ! -d "$folder/eval" ] || out=--resume
"$python" -m reflect eval run word_problems,countdown --seed 1 --limit "${ASKED:-50}" \
  --base-url "$url/v1" "$out" "$folder/eval"
