#!/bin/sh
# Keeps one machine running: supervise.sh FOLDER
# A process of its own, so that machines and nova-compute outlive each other. systemd-nspawn with --keep-unit ends with exit
# code 133 when the machine asks for a reboot and leaves it to its caller to start it again.
folder=$1
while read -r procs; do echo $$ > "$procs"; done < "$folder/cgroups"
set --
while IFS= read -r word; do set -- "$@" "$word"; done < "$folder/command"
while :; do
    rm -f "$folder/furnished"
    env -i PATH="$PATH" SYSTEMD_NSPAWN_API_VFS_WRITABLE=network "$@" &
    nspawn=$!
    echo "$$ $nspawn" > "$folder/pids.part" && mv "$folder/pids.part" "$folder/pids"
    sh "$(dirname "$0")/furnish.sh" "$folder" &
    wait $nspawn
    [ $? = 133 ] || break
    echo "--- reboot asked for by the machine, $(date -u +%FT%TZ)"
done
rm -f "$folder/pids"
