"""The file of `--slurm`."""

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.launch.slurm_settings import SlurmSettings, read_slurm_settings, store_settings, stored_settings

WHOLE = """
partition: gpu
account: vision
qos: long
gpus: 1
cpus: 8
memory: 32G
time: "24:00:00"
stop-before: 300
at_once: 4
look_again: 2.5
setup: [module load cuda, "source ~/venv/bin/activate"]
sbatch: {constraint: a100, exclusive: true, nice: 100}
"""


def read(folder: Path, text: str) -> SlurmSettings:
    (folder / "gpu.yaml").write_text(text)
    return read_slurm_settings(folder / "gpu.yaml")


def test_every_field_is_read_and_kept_with_a_job(tmp_path: Path) -> None:
    settings = read(tmp_path, WHOLE)
    assert settings.stop_before == 300 and settings.setup[0] == "module load cuda"
    assert settings.sbatch == {"constraint": "a100", "exclusive": True, "nice": 100}
    assert settings.described() == (
        "partition gpu, account vision, qos long, 1 GPU, 8 CPUs, 32G of memory, time 24:00:00, "
        "--constraint=a100, --exclusive, --nice=100"
    )
    store_settings(tmp_path, settings)
    assert stored_settings(tmp_path) == settings
    assert read(tmp_path, "") == SlurmSettings(), "an empty file asks for what the cluster gives by itself"


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("90", 90 * 60),
        ("90:30", 90 * 60 + 30),
        ("01:30:00", 90 * 60),
        ("2-12", 60 * 3600),
        ("2-12:30", 60 * 3600 + 1800),
        ("2-12:30:15", 60 * 3600 + 1815),
    ],
)
def test_a_time_is_what_slurm_takes_it_for(time: str, seconds: int) -> None:
    assert SlurmSettings(time=time).limit() == seconds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("partitoin: gpu", "'partitoin' is not a known key, did you mean 'partition'?"),
        ("gpus: two", "'gpus' is 'two': input should be a valid integer"),
        ("gpus: -1", "'gpus' is -1: input should be greater than or equal to 0"),
        ("partition: 7", "put yes, no and numbers in quotes"),
        ("time: 24:00:00", "'time' is 86400: should be in quotes, as in \"24:00:00\""),
        ("time: a day", "'time' is 'a day': should be hours:minutes:seconds or days-hours"),
        ("memory: much", "'memory' is 'much': should be a whole number of K, M, G or T, as in 32G"),
        ("memory: 32GB", "'memory' is '32GB': should be a whole number of K, M, G or T, as in 32G"),
        ("at_once: 0", "'at_once' is 0"),
        ("setup: module load cuda", "'setup' is 'module load cuda': input should be a list"),
        ("sbatch: {array: 1-3}", "'array', which has a field of its own or is set for every task"),
        ("sbatch: {-C: a100}", "'-C', which is no long name of an option of sbatch"),
        ("sbatch: {exclusive: no}", "'exclusive: false': leave the option out"),
        ("- gpu", "is not a mapping of names to values"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        read(tmp_path, text)
    assert said in str(raised.value) and str(tmp_path / "gpu.yaml") in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"The Slurm file .*gpu\.yaml does not exist\."):
        read_slurm_settings(tmp_path / "gpu.yaml")
