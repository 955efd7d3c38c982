#!/bin/sh
# What a container of the image runs: `receiver`, `webserver`, `daemon`, `code-server`, `dashboard`, `migrate`, or any
# other command. Each file in /run/secrets becomes the variable of its name. `healthcheck` asks whether the role is well.
set -eu

for file in "${FIT_SECRETS_DIR:-/run/secrets}"/FIT_* "${FIT_SECRETS_DIR:-/run/secrets}"/DAGSTER_*; do
  if [ -f "$file" ]; then
    export "$(basename "$file")=$(cat "$file")"
  fi
done

role_file="${TMPDIR:-/tmp}/fit-role"
role="${1:-help}"
host="${FIT_LISTEN_HOST:-0.0.0.0}"
if [ -n "${DAGSTER_LOG_DIR:-}" ]; then mkdir -p "$DAGSTER_LOG_DIR"; fi
if [ -n "${DAGSTER_STATE_DIR:-}" ]; then mkdir -p "$DAGSTER_STATE_DIR"; fi

answers() { # does this address answer with 2xx within 5 s?
  python -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$1"
}

case "$role" in
  receiver)
    echo "$role" > "$role_file"
    exec fit-platform webhooks serve --host "$host" --port "${PORT:-8090}"
    ;;
  webserver)
    echo "$role" > "$role_file"
    exec dagster-webserver --host "$host" --port "${PORT:-3000}" --workspace "$DAGSTER_HOME/workspace.yaml"
    ;;
  daemon)
    echo "$role" > "$role_file"
    exec dagster-daemon run --workspace "$DAGSTER_HOME/workspace.yaml"
    ;;
  dashboard)
    echo "$role" > "$role_file"
    exec fit-platform dashboard --host "$host" --port "${PORT:-8088}"
    ;;
  code-server)
    echo "$role" > "$role_file"
    # What is missing is in the log of the start; it neither waits for that nor fails by it.
    timeout 300 fit-platform doctor >&2 &
    fit-platform recover
    exec dagster code-server start --host "$host" --port "$DAGSTER_CODE_SERVER_PORT" \
      --module-name fit_platform.definitions --location-name fit_platform --startup-timeout 180
    ;;
  migrate)
    exec dagster instance migrate
    ;;
  healthcheck)
    case "$(cat "$role_file")" in
      receiver) answers "http://127.0.0.1:${PORT:-8090}/healthz" ;;
      webserver) answers "http://127.0.0.1:${PORT:-3000}/server_info" ;;
      dashboard) python -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)' "${PORT:-8088}" ;;
      daemon) exec dagster-daemon liveness-check ;;
      code-server) exec dagster api grpc-health-check --port "$DAGSTER_CODE_SERVER_PORT" ;;
    esac
    ;;
  help)
    exec fit-platform --help
    ;;
  *)
    exec "$@"
    ;;
esac
