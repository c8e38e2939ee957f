"""A real Slurm of one node on this machine; where it is not installed its tests are skipped."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

NODE = "one"
DAEMONS = ("munged", "slurmctld", "slurmd")
# Slots of the node, whatever the machine has: a few tasks run at once.
SLOTS = 6
GPUS = 6
# Tasks of an array: matrices of the tests are larger, as one of a thousand cells is on a cluster of its own.
ARRAY = 2
# Seconds from the signal before a time limit's end to the next, SIGKILL.
KILL_WAIT = 5
# Seconds that a task waits which is queued again; two minutes where nothing is said.
QUEUED_AGAIN_AFTER = 10
STARTS_WITHIN = 60.0

# Nothing here needs cgroups, accounting or a second machine. What waits in a real cluster does not wait here.
CONFIGURATION = r"""
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire={queued_again_after}
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=1
JobRequeue=1
MaxArraySize={array}
KillWait={kill_wait}
CompleteWait=0
MinJobAge=300
OverTimeLimit=0
SlurmdTimeout=30
InactiveLimit=0
MessageTimeout=20
GresTypes=gpu
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={node_port} \
    CPUs={slots} RealMemory=8000 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=short Nodes={node} Default=YES MaxTime=60 State=UP
PartitionName=brief Nodes={node} MaxTime=2 State=UP
"""


class SlurmCluster:
    """A cluster that runs: what is asked of it goes through Slurm's own commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}

    def command(self, *words: str) -> str:
        """What a command of Slurm prints; an error ends the test."""
        done = subprocess.run(
            words, env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}{self.logs()}"
        return done.stdout

    def states(self) -> dict[str, str]:
        """The state of every job that Slurm remembers, of an array of each task: `12_0` is RUNNING."""
        lines = self.command("squeue", "--noheader", "--array", "--states=all", "--format=%i %T").splitlines()
        return dict(line.split(maxsplit=1) for line in lines)

    def wait(self, what: str, reached: Callable[[], bool], seconds: float = 300.0) -> None:
        """Wait until something is so; a test fails that waits too long, saying for what."""
        ends = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < ends, f"waited {seconds:.0f} s for {what}: {self.states()}{self.logs()}"
            time.sleep(0.1)

    def wait_for_all(self, seconds: float = 300.0) -> dict[str, str]:
        """Wait until nothing waits or runs any more, and give the states that all ended in."""
        self.wait("the queue to be empty", lambda: not self.command("squeue", "--noheader"), seconds)
        return self.states()

    def processes(self, **variables: str) -> dict[int, list[str]]:
        """The command lines of the processes of jobs, by number: those that have these variables of Slurm."""
        signs = {f"{name}={value}".encode() for name, value in {**self.environment, **variables}.items()}
        found = {}
        for folder in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                environment = set((folder / "environ").read_bytes().split(b"\0"))
                words = (folder / "cmdline").read_bytes().decode().split("\0")
                of_job = any(variable.startswith(b"SLURM_JOB_ID=") for variable in environment)
                if signs <= environment and (of_job or words[0].startswith("slurmstepd")):
                    found[int(folder.name)] = words
        return found

    def logs(self) -> str:
        """The last lines of what the daemons wrote."""
        tails = (
            f"\n{name}:\n" + "\n".join((self.folder / f"{name}.log").read_text().splitlines()[-15:])
            for name in DAEMONS
            if (self.folder / f"{name}.log").is_file()
        )
        return "".join(tails)


@contextmanager
def slurm_cluster(folder: Path) -> Iterator[SlurmCluster]:
    """A cluster with its files in `folder`, whose path must be short: a socket has 107 bytes for its own."""
    missing = [name for name in (*DAEMONS, "sbatch") if _found(name) is None]
    if missing:
        pytest.skip(f"there is no {' and no '.join(missing)} here (Debian: slurm-wlm and munge)")
    if os.geteuid() != 0:
        pytest.skip("the daemons of Slurm are started by root alone")
    cluster = SlurmCluster(folder)
    _configure(folder)
    with ExitStack() as stack:
        stack.callback(_end_jobs, cluster)
        for name, command in _commands(folder).items():
            stack.enter_context(_daemon(name, command, cluster))
            _wait_until_there(name, cluster)
        yield cluster


def _found(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _configure(folder: Path) -> None:
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True, mode=0o755)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    controller_port, node_port = _free_ports(2)
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(
            host=socket.gethostname().partition(".")[0],
            folder=folder,
            node=NODE,
            slots=SLOTS,
            gpus=GPUS,
            user=pwd.getpwuid(os.geteuid()).pw_name,
            kill_wait=KILL_WAIT,
            array=ARRAY,
            queued_again_after=QUEUED_AGAIN_AFTER,
            controller_port=controller_port,
            node_port=node_port,
        )
    )
    # No real GPU: a file stands for each, and jobs that ask for one are given a number.
    for number in range(GPUS):
        (folder / f"gpu{number}").touch()
    (folder / "gres.conf").write_text(f"NodeName={NODE} Name=gpu File={folder}/gpu[0-{GPUS - 1}]\n")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _commands(folder: Path) -> dict[str, list[str]]:
    """How the daemons are started in the foreground, in order."""
    files = ("key-file=munge.key", "socket=munge.socket", "pid-file=munged.pid", "seed-file=munge.seed")
    munge = [f"--{kind}={folder / name}" for kind, _, name in (file.partition("=") for file in files)]
    # Forced, because the folder above it belongs to one user, or to all.
    return {
        "munged": ["munged", "--foreground", "--force", *munge, f"--log-file={folder / 'munged.log'}"],
        "slurmctld": ["slurmctld", "-D", "-c", "-f", f"{folder / 'slurm.conf'}"],
        "slurmd": ["slurmd", "-D", "-f", f"{folder / 'slurm.conf'}"],
    }


@contextmanager
def _daemon(name: str, command: list[str], cluster: SlurmCluster) -> Iterator[None]:
    program = _found(name) or name
    with (cluster.folder / f"{name}.out").open("wb") as output:
        process = subprocess.Popen(
            # A daemon ends with the tests, also where these are killed.
            ["setpriv", "--pdeathsig", "TERM", program, *command[1:]],
            env={**os.environ, **cluster.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_there(name: str, cluster: SlurmCluster) -> None:
    ends = time.monotonic() + STARTS_WITHIN
    while not _is_there(name, cluster):
        if time.monotonic() > ends:
            raise RuntimeError(f"{name} did not start within {STARTS_WITHIN:.0f} s{cluster.logs()}")
        time.sleep(0.1)


def _is_there(name: str, cluster: SlurmCluster) -> bool:
    if name == "munged":
        return (cluster.folder / "munge.socket").is_socket()
    asked = ("scontrol", "ping") if name == "slurmctld" else ("sinfo", "--noheader", "--format=%t")
    done = subprocess.run(asked, env={**os.environ, **cluster.environment}, capture_output=True, text=True)
    return ("UP" if name == "slurmctld" else "idle") in done.stdout


def _end_jobs(cluster: SlurmCluster) -> None:
    """Kill what jobs left, once nobody starts more."""
    for number in cluster.processes():
        with suppress(OSError):
            os.kill(number, signal.SIGKILL)
