#!/bin/sh
# The digest of usage records, from `meterbook export --format records`, without Meterbook:
#
#   meterbook export --format records --quiet | docs/digest.sh
#   meterbook export --format records --quiet --meter mtr_… | docs/digest.sh 1200
#
# The argument is the number of a usage event: the digest is then of the records as they stood after it.
# Of records with the same meter and identifier, which cannot be, the first counts, as it does in Meterbook.
# Needs jq 1.6 or newer, and sort, cut, wc, mktemp and sha256sum. What cannot be read has no digest: then it prints none and ends with 1.
set -eu

refuse() {
  echo 'The argument is the number of a usage event, as `meterbook digest` says it. Without one the digest is of the records as they stand.' >&2
  exit 1
}
# To jq an empty one would be none at all, and a text comes after every number: the digest would be that of everything.
case ${1-0} in '' | *[!0-9]*) refuse ;; esac
[ $# -le 1 ] || refuse

# An export that failed is as empty as one that found nothing.
first=
IFS= read -r first || true
if [ -z "$first" ]; then
  echo 'No records came in. The digest of none is e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.' >&2
  exit 1
fi

# A line for each part of the pipe that did its work: of a pipe the shell tells only how the last part ended.
finished=$(mktemp)
trap 'rm -f "$finished"' EXIT
digest=$({ printf '%s\n' "$first"; cat; } | { jq -rn --argjson sequence "${1-null}" '
  # Numbers of equal length, so that `sort` puts them in order of the characters.
  def key: [explode[] | . + 1000000 | tostring] | join("");
  # Versions of jq differ in whether they escape DEL.
  def line: tojson | split("\u007f") | join("\\u007f");

  # One after the other: the first that cannot be read ends it.
  inputs
  | select($sequence == null or .sequence <= $sequence)
  | if $sequence != null and .cancelled_sequence != null and .cancelled_sequence > $sequence
    then .cancelled_at = null else . end
  | [
      (.meter | key), (.identifier | key),
      ([.meter, .identifier, .customer, .value, .occurred_at, .recorded_at, .cancelled_at,
        (.payload | to_entries | map([.key, .value]) | sort_by(.[0]))] | line)
    ]
  | join("\t")
' && echo jq >> "$finished"; } |
  { LC_ALL=C sort -s -u -t "$(printf '\t')" -k 1,1 -k 2,2 && echo sort >> "$finished"; } |
  { cut -f 3- && echo cut >> "$finished"; } |
  { sha256sum && echo sha256sum >> "$finished"; })
if [ "$(wc -l < "$finished")" -ne 4 ]; then
  echo 'There is no digest: the records could not be read (were they exported with --format records?), or not be sorted.' >&2
  exit 1
fi
echo "${digest%% *}"
