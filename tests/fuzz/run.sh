#!/usr/bin/env bash
# Runs fuzz targets that ./dev fuzz has built, each a bounded number of times:
# run.sh [--runs N] [TARGET …]. What they find lies under build/fuzz/findings.
set -u
cd "$(dirname "$0")/../.."
runs=20000
targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --runs) runs=${2:?--runs takes a number}; shift ;;
    *) targets+=("$1") ;;
  esac
  shift
done
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls tests/fuzz/corpus | grep -v README)

findings=build/fuzz/findings
mkdir -p "$findings"
export UBSAN_OPTIONS=print_stacktrace=1
bad=0
total=0
printf '%-12s %12s %8s\n' target executions 'exec/s'
for target in "${targets[@]}"; do
  binary=build/fuzz/tests/fuzz/fuzz_$target
  [ -x "$binary" ] || { echo "no such target: $target" >&2; exit 2; }
  # Whole stores are slow: a tenth of the runs takes long enough.
  case $target in proof | bundle) wanted=$((runs / 10)) ;; *) wanted=$runs ;; esac
  # What libFuzzer adds to the corpus stays for the next run.
  inputs=build/fuzz/inputs/$target log=build/fuzz/$target.log
  mkdir -p "$inputs"
  "$binary" -runs="$wanted" -timeout=30 -print_final_stats=1 -artifact_prefix="$findings/$target-" \
    "$inputs" "tests/fuzz/corpus/$target" >"$log" 2>&1
  failed=$?
  stat() { sed -n "s/^stat::$1: *//p" "$log"; }
  executions=$(stat number_of_executed_units)
  total=$((total + ${executions:-0}))
  printf '%-12s %12s %8s\n' "$target" "${executions:--}" "$(stat average_exec_per_sec)"
  [ $failed -eq 0 ] && continue
  bad=1
  grep -E 'broken invariant|ERROR:|SUMMARY:|runtime error|Test unit written' "$log" || tail -n 20 "$log"
done
printf '%-12s %12s\n' all "$total"
exit $bad
