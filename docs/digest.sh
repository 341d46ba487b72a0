#!/bin/sh
# The digest of usage records, from `meterbook export --format records`, without Meterbook:
#
#   meterbook export --format records --quiet | docs/digest.sh
#   meterbook export --format records --quiet --meter mtr_… | docs/digest.sh 1200
#
# The argument is the number of a usage event: the digest is then of the records as they stood after it.
# Of records with the same meter and identifier, which cannot be, the first counts, as it does in Meterbook.
# Needs jq 1.6 or newer, and sort, cut and sha256sum.
set -eu
jq -r --argjson sequence "${1:-null}" '
  # Numbers of equal length, so that `sort` puts them in order of the characters.
  def key: [explode[] | . + 1000000 | tostring] | join("");
  # Versions of jq differ in whether they escape DEL.
  def line: tojson | split("\u007f") | join("\\u007f");

  select($sequence == null or .sequence <= $sequence)
  | if $sequence != null and .cancelled_sequence != null and .cancelled_sequence > $sequence
    then .cancelled_at = null else . end
  | [
      (.meter | key), (.identifier | key),
      ([.meter, .identifier, .customer, .value, .occurred_at, .recorded_at, .cancelled_at,
        (.payload | to_entries | map([.key, .value]) | sort_by(.[0]))] | line)
    ]
  | join("\t")
' | LC_ALL=C sort -s -u -t "$(printf '\t')" -k 1,1 -k 2,2 | cut -f 3- | sha256sum | cut -d ' ' -f 1
