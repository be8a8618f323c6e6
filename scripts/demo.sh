#!/usr/bin/env bash
# The main job on both sample tables: fit, draw, judge, report.
set -euo pipefail
cd "$(dirname "$0")/.."

judge() {  # table, then options
    local table=$1 out=runs/demo-$1 state=0
    shift
    printf '\n══ data/%s.csv → %s\n' "$table" "$out"
    .venv/bin/synthdata run "data/$table.csv" "$@" --seed 1 --out "$out" --overwrite || state=$?
    # 1 is a verdict (the report says why), anything else a failure.
    [ "$state" -le 1 ] || exit "$state"
}

# The schema file says what values alone cannot: nobody is discharged before being admitted.
judge admissions --schema data/admissions.schema.json
judge breast_cancer --target diagnosis

cat <<END

The reports (open them in any browser):
  $PWD/runs/demo-admissions/report.html
  $PWD/runs/demo-breast_cancer/report.html
The synthetic tables lie beside them as synthetic.parquet.

The dashboard:
  .venv/bin/synthdata dashboard --runs runs
END
