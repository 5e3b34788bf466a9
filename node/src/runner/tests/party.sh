#!/bin/sh
# Plays what the script in the run's folder says, in place of a party.
for argument; do
    case $argument in --out=*) out=${argument#--out=} ;; esac
done
run=${out%/results}
. "$run/script"
