#!/bin/bash
# Starts Kibana with its secrets from files: it has no option for a password's file, and its image would turn ELASTICSEARCH_PASSWORD into a command-line argument that `ps` shows.
# So they go into variables that the image does not know, and kibana.yml names them.
set -euo pipefail

: "${SECRETS_DIR:?SECRETS_DIR must name the folder of the secrets}"

file="$SECRETS_DIR/elasticsearch-kibana-password"
if [[ ! -s "$file" || ! -r "$file" ]]; then
  echo "There is no readable password in $file: the one-shot \`init\` makes it, at the first start of the stack." >&2
  exit 1
fi
password=$(<"$file")

# Kibana's three encryption keys, the same at each start. They are hashes of the password, which is 256 random bits and made anew only together with the
# data that the keys are for.
key_for() {
  printf 'vitals %s key:%s' "$1" "$password" | sha256sum | cut -d ' ' -f 1
}

VITALS_KIBANA_PASSWORD=$password
VITALS_KIBANA_SESSION_KEY=$(key_for session)
VITALS_KIBANA_OBJECTS_KEY=$(key_for objects)
VITALS_KIBANA_REPORTING_KEY=$(key_for reporting)
export VITALS_KIBANA_PASSWORD VITALS_KIBANA_SESSION_KEY VITALS_KIBANA_OBJECTS_KEY VITALS_KIBANA_REPORTING_KEY

exec "${@:-/usr/local/bin/kibana-docker}"
