#!/bin/sh
# Waits for a machine's init and gives the machine what it should see: furnish.sh FOLDER
# mknod needs the machine's own /proc (and so its PID namespace), or it fails with "Operation not supported".
folder=$1
read -r _ nspawn < "$folder/pids"
[ "$nspawn" != 0 ] || exit 1
tries=0
while :; do
    read -r init _ 2> /dev/null < "/proc/$nspawn/task/$nspawn/children"
    [ -n "$init" ] && read -r name 2> /dev/null < "/proc/$init/comm" && [ "$name" = systemd ] && break
    tries=$((tries + 1))
    [ $tries -gt 3000 ] || ! [ -d "/proc/$nspawn" ] && { echo "the machine's init did not start" >&2; exit 1; }
    sleep 0.02
done
nsenter -t "$init" -m -p -- sh -e < "$folder/furnish" && : > "$folder/furnished"
