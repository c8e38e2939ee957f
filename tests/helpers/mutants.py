"""Files made from real ones by changes that a bad disk, a bad tool or a bad person makes."""

import gzip
import io
import random
import re
import zipfile

HOSTILE = (
    *(b"NaN", b"1e999", b"-1", b"null", b"true", b"[]", b"{}", b'""', b"\0", b"\xff\xfe", b"9" * 400),
    *(
        b"../../../../tmp/escaped",
        b"/tmp/escaped",
        b"18446744073709551616",
        b"0x7fffffffffffffff",
        b"\r\n\r\n",
    ),
    *(
        b"[" * 3000,
        b"&a [*a]",
        b"!!python/object/apply:os.system [ls]",
        b"%s%n",
        b"\xe2\x80\xae",
        b"1_0",
        b"-0",
    ),
)
# A word, a number or a quoted text.
TOKEN = re.compile(rb"\"[^\"\n]{0,60}\"|[-+.\w]+")


def mutate(content: bytes, rng: random.Random) -> bytes:
    """One to three changes, each of a kind that is drawn."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        content = rng.choice(CHANGES)(content, rng)
    return content


def _flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 4, 32))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _flip_at_the_head(content: bytes, rng: random.Random) -> bytes:
    """Where formats say what follows."""
    head = rng.choice((16, 64, 512))
    return _flip(content[:head], rng) + content[head:]


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _lose(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content) + 1)
    return content[:start] + content[start + rng.choice((1, 7, 512, 4096)) :]


def _blank(content: bytes, rng: random.Random) -> bytes:
    """A block of zeros, which a file has that was not written before the machine went off."""
    start, size = rng.randrange(len(content) + 1), rng.choice((1, 8, 512, 4096))
    return content[:start] + bytes(len(content[start : start + size])) + content[start + size :]


def _repeat(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content) + 1)
    part = content[start : start + rng.choice((1, 16, 256))]
    return content[:start] + part * rng.choice((1, 2, 50)) + content[start:]


def _insert(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content) + 1)
    return content[:start] + rng.choice(HOSTILE) + content[start:]


def _replace_token(content: bytes, rng: random.Random) -> bytes:
    """Another word or number: the file stays of its format, and says what it should not."""
    found = list(TOKEN.finditer(content[:200_000]))
    if not found:
        return _flip(content, rng)
    one = rng.choice(found)
    return content[: one.start()] + rng.choice((*HOSTILE, rng.choice(found)[0])) + content[one.end() :]


def _drop_line(content: bytes, rng: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        del lines[rng.randrange(len(lines))]
    return b"".join(lines)


def _within(content: bytes, rng: random.Random) -> bytes:
    """A change of what is packed in it, with sums that are right."""
    try:
        if content[:2] == b"\x1f\x8b":
            return gzip.compress(mutate(gzip.decompress(content), rng))
        if content[:2] == b"PK":
            return _within_zip(content, rng)
    except Exception:  # what was changed before is packed no more, which each packer says in its way
        pass
    return _flip(content, rng)


def _within_zip(content: bytes, rng: random.Random) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w") as new:
        entries = old.infolist()
        changed = rng.randrange(len(entries))
        for number, entry in enumerate(entries):
            member = old.read(entry)
            new.writestr(entry.filename, mutate(member, rng) if number == changed else member)
    return target.getvalue()


CHANGES = (
    *(_flip, _flip_at_the_head, _cut, _lose, _blank, _repeat, _insert, _replace_token, _replace_token),
    *(_drop_line, _within, _within),
)
