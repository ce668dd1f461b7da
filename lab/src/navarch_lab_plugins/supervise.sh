#!/bin/sh
# Keeps one machine running: supervise.sh FOLDER LOOP MOUNT-OPTIONS
# In a mount namespace of its own, so that the root disk is mounted for this machine alone and its mount ends with it. In the
# host's, any `ip netns exec` would copy the mount and keep it, and the disk, for as long as what it runs.
# A process of its own, so that machines and nova-compute outlive each other. systemd-nspawn with --keep-unit ends with exit
# code 133 when the machine asks for a reboot and leaves it to its caller to start it again.
folder=$1 loop=$2 options=$3
tell() { echo "$1 $2" > "$folder/pids.part" && mv "$folder/pids.part" "$folder/pids"; } # never seen half written
tell $$ 0
while read -r procs; do echo $$ > "$procs"; done < "$folder/cgroups"
mount -o "$options" "$loop" "$folder/root" || exit 1
losetup --detach "$loop" # from now on it frees itself when the mount is gone
set --
while IFS= read -r word; do set -- "$@" "$word"; done < "$folder/command"
while :; do
    rm -f "$folder/furnished"
    env -i PATH="$PATH" SYSTEMD_NSPAWN_API_VFS_WRITABLE=network "$@" &
    nspawn=$!
    tell $$ $nspawn
    sh "$(dirname "$0")/furnish.sh" "$folder" &
    wait $nspawn
    [ $? = 133 ] || break
    echo "--- reboot asked for by the machine, $(date -u +%FT%TZ)"
done
rm -f "$folder/pids"
