#!/bin/sh
# Emulates a cluster of Slurm on this machine: a controller and three nodes of two CPUs, on loopback.
#
#   cluster.sh up DIR      starts it; DIR is made, and holds everything
#   cluster.sh down DIR    ends it
#
# Then `SLURM_CONF=DIR/slurm.conf` in the environment is all that Slurm's commands need.
set -eu
action=$1 folder=$(realpath -m "$2")

down() {
    for name in n1 n2 n3 slurmctld munge; do
        [ ! -f "$folder/$name.pid" ] || kill "$(cat "$folder/$name.pid")" || true
    done
}

up() {
    mkdir -p "$folder/state" "$folder/spool-n1" "$folder/spool-n2" "$folder/spool-n3"
    chmod 755 "$folder"
    head -c 1024 /dev/urandom >"$folder/key"
    chmod 600 "$folder/key"
    munged --force --socket="$folder/socket" --key-file="$folder/key" --log-file="$folder/munge.log" \
        --pid-file="$folder/munge.pid" --seed-file="$folder/munge.seed"
    host=$(uname -n) user=$(id -un)
    cat >"$folder/slurm.conf" <<CONFIGURATION
ClusterName=emulated
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=27817
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
TmpFS=$folder/spool-%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=27821 CPUs=2 RealMemory=500
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=27822 CPUs=2 RealMemory=500
NodeName=n3 NodeHostname=$host NodeAddr=127.0.0.1 Port=27823 CPUs=2 RealMemory=500
PartitionName=debug Nodes=n1,n2,n3 Default=YES MaxTime=INFINITE State=UP
CONFIGURATION
    export SLURM_CONF="$folder/slurm.conf"
    slurmctld -i
    for node in n1 n2 n3; do slurmd -N "$node"; done
    for _ in $(seq 60); do
        [ "$(sinfo -h -o '%T %D')" != "idle 3" ] || exit 0
        sleep 0.5
    done
    echo "the nodes did not come up: see $folder/*.log" >&2
    exit 1
}

case $action in
up) up ;;
down) down ;;
*) echo "cluster.sh up|down DIR" >&2; exit 2 ;;
esac
