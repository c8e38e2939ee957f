"""What may change a result by more than the last digits: packages, device, instructions, processes, code."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from bench.errors import UserError
from bench.experiment.matrix import Compiled
from bench.records.groups import Group
from bench.records.record import Environment, Record, Verification
from bench.records.store import RecordStore

NUMERIC = (
    *("torch", "torchvision", "timm", "numpy", "pillow", "gensim"),
    *("simplejpeg", "opencv-python-headless", "lightning-fabric"),
)
"""The packages that compute: those too that decode and resize pictures, and that round in mixed precision."""
UNKNOWN = "not recorded"
NAMED = 3
"""Runs that a statement names one by one."""
Computed = tuple[dict[str, str], str]
"""The numerics of a run, and the digest of its head's own code."""
_HEAD_OF = "the head of "
_COMPILED: dict[Compiled, str] = {False: "no", True: "yes", "graphs": "with CUDA graphs"}


def numerics(environment: Environment) -> dict[str, str]:
    """An environment in the words of tables, as far as the numbers of all methods depend on it."""
    shared_code, _, _ = environment.code.partition("-")
    return {name: environment.versions.get(name, UNKNOWN) for name in NUMERIC} | {
        "device": environment.device_name,
        "instruction set": environment.instructions or UNKNOWN,
        "processes": str(environment.processes),
        "compiled": _COMPILED[environment.compiled],
        "TF32": UNKNOWN if environment.tf32 is None else "yes" if environment.tf32 else "no",
        "code": shared_code or UNKNOWN,
    }


def numerics_statement(group: Group, store: RecordStore) -> str:
    """What differs in how the rows of a group were computed, and by how much that moves them where known.

    Nothing where all were computed alike, or where all agree with one way to compute them: a run of each row
    was computed so, or was trained again so with the same bits. It may be the way of one of these runs, or
    that of a later version, which has trained a run of each row again.
    """
    trained = [record for record in group.records if record.history]
    different = _differences(trained)
    if not different:
        return ""
    most = _largest_move(group, trained, store)
    if most == 0:
        return ""
    if most is None:
        size = "the size of what that changes is not known; `bench verify RUN --train` measures it"
    else:
        size = f"trained again, a run of each row moved by at most {100 * most:.2f} mAP"
    return f"NOTE: these runs were not computed alike ({'; '.join(different)}); {size}"


def computed_statements(group: Group, store: RecordStore) -> list[str]:
    """All that is to be said of how the rows of a group were computed; nothing where all were alike."""
    said = [numerics_statement(group, store), parts_statement(group), memory_statement(group)]
    return [*filter(None, said)]


def beside_statements(group: Group, others: Sequence[Record], store: RecordStore) -> list[str]:
    """The same of runs that stand beside those of a group, as far as that of the group does not say it."""
    both = Group((*group.records, *others), group.varies)
    more = _values(group.records) != _values(both.records)
    beside = Group(tuple(others), group.varies)
    said = [parts_statement(beside), memory_statement(beside)]
    return [*filter(None, [numerics_statement(both, store) if more else "", *said])]


def changes(before: Environment | None, now: Environment) -> list[str]:
    """What decides the numbers and is not the same in two environments of a run; nothing where all is.

    Args:
        before: of the earlier epochs; None where nothing says.
        now: of those that follow.
    """
    if before is None:
        return ["what they were trained with is not recorded"]
    earlier, later = numerics(before), numerics(now)
    found = [f"{name} {earlier[name]}, then {later[name]}" for name in later if earlier[name] != later[name]]
    return found + (["other code of the head"] if _head(before) != _head(now) else [])


def parts_of(record: Record) -> str:
    """Which epochs of a run were trained under other conditions than its last, and which; else nothing."""
    done, said = 0, []
    for part in record.trained_before:
        which = f"epochs {done + 1} to {done + part.epochs} of {len(record.history)}"
        said.append(f"{which} ({', '.join(changes(part.environment, record.environment))})")
        done += part.epochs
    return "; ".join(said)


def parts_statement(group: Group) -> str:
    """Which runs of a group were trained partly under other conditions than they ended under, if any were."""
    found = [f"{record.run_id}, {said}" for record in group.records if (said := parts_of(record))]
    return _note("trained partly under other conditions", found)


def memory_statement(group: Group) -> str:
    """Which runs of a group normalised over parts of a batch, if any did, because the memory held no more."""
    found = [
        f"{record.run_id}, {record.cost.images_at_once} images at once"
        for record in group.records
        if record.cost and record.cost.images_at_once is not None
    ]
    return _note("the memory held no whole batch, so batch statistics are of parts of it", found)


def _note(what: str, found: Sequence[str]) -> str:
    """A note on some runs, of which a few are named; empty where there are none."""
    more = f"; and {len(found) - NAMED} more runs" if len(found) > NAMED else ""
    return f"NOTE: {what}: {'; '.join(found[:NAMED])}{more}" if found else ""


def _ways(records: Sequence[Record]) -> dict[str, Counter[str]]:
    """Each thing that decides the numbers of those that were trained: what it was, and in how many."""
    ways: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        if record.history:
            for name, value in numerics(record.environment).items():
                ways[name][value] += 1
            ways[_HEAD_OF + record.cell.method.name][_head(record.environment)] += 1
    return ways


def _values(records: Sequence[Record]) -> dict[str, set[str]]:
    return {name: set(counts) for name, counts in _ways(records).items()}


def _differences(records: Sequence[Record]) -> list[str]:
    return [
        name if name.startswith(_HEAD_OF) else f"{name}: {', '.join(_counted(counts))}"
        for name, counts in _ways(records).items()
        if len(counts) > 1
    ]


def _counted(values: Counter[str]) -> list[str]:
    return [f"{value} in {count} runs" for value, count in sorted(values.items())]


def _head(environment: Environment) -> str:
    return environment.code.partition("-")[2]


def _computed(environment: Environment) -> Computed:
    return numerics(environment), _head(environment)


def _largest_move(group: Group, trained: Sequence[Record], store: RecordStore) -> float | None:
    """By how much mAP moved at most when a run of each row was trained again in one way; None if none was.

    Of the ways in which a run was computed, at first or again, the newest that all rows can be held against.
    """
    kinds: dict[tuple[str, str], list[tuple[Record, Sequence[Verification]]]] = {}
    computed: list[tuple[str, str, Environment]] = []
    for record in trained:
        method, again = record.cell.method.name, _verifications(record, store)
        kind = group.row_of(record), str(_computed(record.environment))
        kinds.setdefault(kind, []).append((record, again))
        computed.append((record.created, method, record.environment))
        computed += [(one.created, method, one.environment) for one in again]
    computed.sort(key=lambda one: one[0])
    for shared in {str(way): way for _, _, one in reversed(computed) if (way := numerics(one))}.values():
        heads = {method: _head(one) for _, method, one in computed if numerics(one) == shared}
        moved = [_moved(runs, shared, heads) for runs in kinds.values()]
        if None not in moved:
            return max(one for one in moved if one is not None)
    return None


def _verifications(record: Record, store: RecordStore) -> Sequence[Verification]:
    try:
        return store.verifications(record)
    except UserError:
        return ()  # what cannot be read clears nothing


def _moved(
    runs: Sequence[tuple[Record, Sequence[Verification]]], shared: dict[str, str], heads: dict[str, str]
) -> float | None:
    """By how much mAP moved when some of these were trained again in a way; None if none was."""
    found = []
    for record, again in runs:
        way = shared, heads.get(record.cell.method.name)
        if _computed(record.environment) == way:
            return 0.0
        for one in again:
            if _computed(one.environment) == way:
                apart = abs(one.map_again - one.map_before)
                # Other bits with the same mAP are not the same.
                found.append(0.0 if one.same_bits else max(apart, 1e-9))
    return max(found, default=None)
