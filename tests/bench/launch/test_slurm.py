"""A matrix on a real Slurm: submitted, also twice, cancelled, refused; submitter killed, node down."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from bench.launch.slot import PREPARE
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import OVERFLOWS, TINY, bench, own_environment, own_process
from slurm_cluster import ARRAY, NODE, SlurmCluster
from slurm_tasks import LAST, Task, assert_same_results, epochs_in, has_got, jobs, submit, submitted_in
from trees import write_voc

pytestmark = pytest.mark.slow

SETTINGS = "cpus: 1\nlook_again: 0.05\n"
RUN = ("run", "--methods", "resnet", "--epochs", str(LAST), *TINY)
SLURM = ("--launcher", "slurm", "--slurm", "gpu.yaml")


@pytest.fixture(autouse=True)
def in_reach(cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_voc(tmp_path / "data", train=40, test=8)
    return tmp_path / "data"


def begin(folder: Path, data: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """Begin to submit, in a process of its own."""
    folder.mkdir()
    (folder / "gpu.yaml").write_text(SETTINGS)
    return subprocess.Popen(own_process(*arguments, *SLURM), cwd=folder, env=own_environment(folder, data))


def test_submitted_twice_at_once_each_cell_is_run_once_and_a_dead_holder_is_taken_over_from(
    cluster: SlurmCluster, tmp_path: Path, data: Path
) -> None:
    results, people = tmp_path / "results", (tmp_path / "one", tmp_path / "other")
    matrix = (
        "run",
        "--methods",
        f"{OVERFLOWS},resnet",
        "--epochs",
        str(LAST),
        *TINY,
        "--results",
        str(results),
    )
    assert [process.wait() for process in [begin(folder, data, *matrix) for folder in people]] == [0, 0]
    both = [submitted_in(folder) for folder in people]
    (run_id,) = (one for one in both[0].job.cells if "-resnet-" in one)
    tasks = [Task(cluster, submitted, run_id) for submitted in both]
    cluster.wait("an epoch", lambda: any(task.epochs() for task in tasks))
    holder, other = sorted(tasks, key=lambda task: not task.epochs())

    with holder.held_still() as process:
        cluster.wait("the other to find it claimed", lambda: "another process has its cell" in other.log())
        shown = [bench(folder, data, "status", "--results", str(results)).stdout for folder in people]
        assert all("running" in text and "task Slurm" in text for text in shown), shown
        os.kill(process, signal.SIGKILL)
    cluster.wait_for_all()

    records = {one.run_id: one for one in RecordStore(results).all() if isinstance(one, Record)}
    assert sorted(record.status for record in records.values()) == ["failed", "finished", "finished"]
    assert records[run_id].status == "finished", "one that fails leaves the others running"
    # In the other's work folder nothing was begun: it is begun anew there, by that task alone.
    assert other.epochs() == list(range(1, LAST + 1)) and len(holder.epochs()) < LAST
    assert bench(people[1], data, "status", "--results", str(results)).stdout.count("failed") >= 1


def test_neither_a_killed_submitter_nor_a_node_that_goes_down_loses_anything(
    cluster: SlurmCluster, tmp_path: Path, data: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    assert bench(here, data, *RUN).exit_code == 0
    before = cluster.states().keys()
    process = begin(there, data, *RUN)
    cluster.wait("the first of its jobs", lambda: cluster.states().keys() > before)
    process.kill()
    process.wait()

    submit(there, data, SETTINGS, *RUN)
    cluster.wait("an epoch", lambda: bool(epochs_in(there)))
    cluster.command("scontrol", "update", f"nodename={NODE}", "state=down", "reason=test")
    cluster.wait("its tasks to wait", lambda: "RUNNING" not in cluster.states().values())
    # A node that comes back while it still ends tasks is drained, because it would start them a second time.
    cluster.wait("the node to have ended them", lambda: not cluster.processes())
    assert len(epochs_in(there)) < LAST, "too late to be in the middle"
    cluster.command("scontrol", "update", f"nodename={NODE}", "state=resume")
    cluster.wait_for_all()
    assert_same_results(here, there)
    assert sorted(epochs_in(there)) == list(range(1, LAST + 1)), "each epoch once, whoever did it"


def test_processes_that_share_a_cell_stop_with_their_task_and_go_on_in_the_next(
    cluster: SlurmCluster, tmp_path: Path, data: Path
) -> None:
    here, there, asked = tmp_path / "here", tmp_path / "there", (*RUN, "--devices", "2")
    assert bench(here, data, *asked).exit_code == 0
    submitted = submit(there, data, SETTINGS.replace("cpus: 1", "cpus: 2"), *asked)
    (run_id,) = (one for one in submitted.job.cells if "-resnet-" in one)
    task = Task(cluster, submitted, run_id)
    cluster.wait("an epoch", lambda: bool(task.epochs()))
    cluster.command("scancel", "--signal=TERM", task.number)
    cluster.wait_for_all()
    log = task.log()
    assert "queued again: it goes on from its last epoch" in log and "going on after epoch" in log, log
    assert sorted(task.epochs()) == list(range(1, LAST + 1))
    assert_same_results(here, there)
    records = [one for one in RecordStore(there / "results").all() if isinstance(one, Record)]
    assert {one.environment.processes for one in records if one.history} == {2}


def test_what_is_cancelled_ends_and_is_told_from_files(
    cluster: SlurmCluster, tmp_path: Path, data: Path
) -> None:
    submitted = submit(tmp_path / "run", data, SETTINGS, *RUN)
    assert "waiting" in bench(tmp_path / "run", data, "status").stdout
    done = bench(tmp_path / "run", data, "cancel", submitted.job.name)
    assert done.exit_code == 0 and done.stdout.count("was cancelled: Slurm's job") == 2, done.output
    states = cluster.wait_for_all()
    assert {states[number] for number in submitted.job.ids.values() if number in states} <= {"CANCELLED"}
    told = bench(tmp_path / "run", data, "status").stdout
    assert "not begun" in told and "waiting" not in told


def test_a_task_that_runs_is_cancelled_by_the_name_of_its_run_and_not_queued_again(
    cluster: SlurmCluster, tmp_path: Path, data: Path
) -> None:
    submitted = submit(tmp_path / "run", data, SETTINGS, *RUN)
    task = Task(cluster, submitted, next(one for one in submitted.job.cells if "-resnet-" in one))
    with task.held_still():
        done = bench(tmp_path / "run", data, "cancel", task.run_id)
    assert done.exit_code == 0 and f"{task.run_id} was cancelled: Slurm's job {task.number}." in done.stdout
    assert cluster.wait_for_all()[task.number] == "CANCELLED"
    told = bench(tmp_path / "run", data, "status").stdout
    assert "1 finished, 1 stopped; of 2." in told and "goes on at epoch" in told, told


def test_a_task_whose_epoch_does_not_fit_into_the_time_of_the_cluster_ends_and_says_so(
    cluster: SlurmCluster, tmp_path: Path, data: Path
) -> None:
    submitted = submit(tmp_path / "run", data, f"{SETTINGS}partition: brief\nstop_before: 20\n", *RUN)
    task = Task(cluster, submitted, next(one for one in submitted.job.cells if "-resnet-" in one))
    cluster.wait("its training", lambda: "[1/1] resnet" in task.log())
    process = task.process()
    os.kill(process, signal.SIGSTOP)
    cluster.wait("the end of its time", lambda: has_got(process, signal.SIGUSR2))
    with suppress(ProcessLookupError):  # where Slurm let it go on, and it has ended
        os.kill(process, signal.SIGCONT)
    assert cluster.wait_for_all()[task.number] == "FAILED"
    assert not task.epochs(), "too late to be in the first"
    told = bench(tmp_path / "run", data, "status").stdout
    assert "1 finished, 1 failed; of 2." in told
    assert f"No epoch of {task.run_id} was done within the time of a task, which the cluster gives" in told, (
        told
    )


def test_what_slurm_was_told_to_end_by_its_own_command_does_not_wait_for_ever(
    cluster: SlurmCluster, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "run"
    job = submit(here, data, f"{SETTINGS}sbatch: {{hold: true}}\n", *RUN).job
    assert "2 waiting; of 2" in bench(here, data, "status").stdout, "Slurm has them"
    cancelled, other = (job.ids[name] for name in job.cells)
    cluster.command("scancel", cancelled)
    told = bench(here, data, "status").stdout
    assert "1 waiting, 1 not begun; of 2" in told and "Slurm has no such task any more" in told
    cluster.command("scancel", other, job.ids[PREPARE])
    assert "2 not begun; of 2" in bench(here, data, "status").stdout
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no Slurm, files alone tell
    assert "2 waiting; of 2" in bench(here, data, "status").stdout


def test_more_cells_than_an_array_may_have_are_several_arrays(
    cluster: SlurmCluster, tmp_path: Path, data: Path
) -> None:
    """Held back, because only what Slurm was told is of interest; other tests run such matrices."""
    many = ("--methods", "resnet,ml-gcn", "--seeds", "0,1")
    for at_once, one_by_one in (("", False), ("at_once: 1\n", True)):
        folder = tmp_path / str(one_by_one)
        job = submit(folder, data, f"{SETTINGS}{at_once}sbatch: {{hold: true}}\n", *RUN, *many).job
        arrays = list(dict.fromkeys(job.ids[name].partition("_")[0] for name in job.cells))
        assert len(job.cells) == len(set(job.ids.values())) - 1 == 5
        assert len(arrays) == -(-len(job.cells) // ARRAY)
        waits = [
            cluster.command("squeue", "--noheader", "--states=all", f"--jobs={one}", "--format=%E")
            for one in arrays
        ]
        assert all(f"afterok:{job.ids[PREPARE]}" in one for one in waits), waits
        chained = [f"afterany:{before}" in one for before, one in zip(arrays, waits[1:], strict=False)]
        assert chained == [one_by_one] * (len(arrays) - 1), waits
        done = bench(folder, data, "cancel", job.name)
        assert done.exit_code == 0 and done.stdout.count("was cancelled") == 1 + len(arrays), done.output
    cluster.wait_for_all()


@pytest.mark.parametrize("fails", ["exit 3", "sh -c 'exit 3'"], ids=["it ends", "a line fails"])
def test_where_preparing_fails_nothing_waits_for_ever_and_its_last_lines_are_shown(
    cluster: SlurmCluster, tmp_path: Path, data: Path, fails: str
) -> None:
    lines = f"setup:\n- echo no module of that name $OF_NO_VALUE\n- {fails}\n"
    submit(tmp_path / "run", data, SETTINGS + lines, *RUN)
    cluster.wait_for_all()
    told = bench(tmp_path / "run", data, "status").stdout
    assert "the task that prepares ended with code 3; the same command submits what is missing" in told
    assert "no module of that name" in bench(tmp_path / "run", data, "logs", "prepare").stdout


def test_what_slurm_refuses_is_one_sentence_and_leaves_nothing_in_the_queue(
    cluster: SlurmCluster, tmp_path: Path, data: Path
) -> None:
    before = cluster.states()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "gpu.yaml").write_text("partition: nowhere\n")
    done = bench(tmp_path / "run", data, *RUN, *SLURM)
    assert done.exit_code == 2 and "Traceback" not in done.output
    assert "Slurm does not take the job: " in done.output and "invalid partition" in done.output
    assert cluster.states().keys() <= before.keys() and not jobs(tmp_path / "run")
