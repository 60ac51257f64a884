#!/usr/bin/env bash
# Does for the units of a test what systemctl does: it runs what the unit file says, with the directories of the test.
# AS_ACCOUNT are the words before a command that make it run as another user; none where the test may not do that.
set -euo pipefail
action=$1
shift

setting() {
  sed -n "s/^$1=//p" "$UNITS/resolution-center@.service" |
    sed "s|/etc/resolution-center|$CONFIG|; s|/opt/resolution-center|$APP|; s|/usr/bin/node|$NODE|; s|%i|$instance|"
}

stop() {
  [ -e "$UNITS/$instance.pid" ] || return 0
  local pid
  pid=$(cat "$UNITS/$instance.pid")
  kill -TERM "$pid" 2>/dev/null || true
  while grep -qs '^State:.[^Z]' "/proc/$pid/status"; do sleep 0.02; done
  rm "$UNITS/$instance.pid"
}

start() {
  local variables program
  variables=$(setting EnvironmentFile | xargs cat | grep .)
  program=$(setting ExecStart)
  mapfile -t variables <<<"$variables"
  cd "$(setting WorkingDirectory)"
  # shellcheck disable=SC2086
  setsid env -i PATH="$PATH" "${variables[@]}" $AS_ACCOUNT $program >>"$UNITS/$instance.log" 2>&1 </dev/null &
  echo $! >"$UNITS/$instance.pid"
}

for unit in "$@"; do
  [[ $unit == resolution-center@* ]] || continue # --now, and Prometheus
  instance=${unit#*@}
  case $action in
    start | enable) start ;;
    stop) stop ;;
    restart)
      stop
      start
      ;;
  esac
done
