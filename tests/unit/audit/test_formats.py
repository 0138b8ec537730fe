"""Tiles, notes, checkpoints and proofs are written as c2sp.org has them, and read no other way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.leaf import entry_of, padded
from services.audit.domain.merkle import inclusion_path, leaf_hash
from services.audit.formats.checkpoint import Checkpoint, opened
from services.audit.formats.note import BadNote, Signer, Verifier
from services.audit.formats.proof import Proof
from services.audit.formats.tiles import NoTile, Tile, bundle, tiles_of
from tests.unit.audit.test_merkle import Tree, entries

# From the specification itself (c2sp.org/signed-note).
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
SIGNER = Signer.from_seed("sayso.test/log", b"s" * 32)
THIEF = Signer.from_seed("sayso.test/log", b"t" * 32)


# -- notes ----------------------------------------------------------------------------------


def test_the_specification_s_own_note_is_verified_under_its_own_key() -> None:
    verifier = Verifier.from_vkey(VKEY)
    assert verifier.open(NOTE) == "This is an example message.\n"
    assert verifier.vkey == VKEY


def test_a_note_is_opened_by_the_key_that_signed_it_and_by_no_other() -> None:
    note = SIGNER.sign("one\n\ntwo\n")
    assert SIGNER.verifier.open(note) == "one\n\ntwo\n"
    with pytest.raises(BadNote, match="not signed by"):
        THIEF.verifier.open(note)


def test_signatures_of_others_beside_ours_are_ignored() -> None:
    ours, theirs = SIGNER.sign("text\n"), THIEF.sign("text\n")
    both = ours + theirs.rpartition("\n\n")[2]
    assert SIGNER.verifier.open(both) == THIEF.verifier.open(both) == "text\n"


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(0, 7))
def test_no_changed_bit_of_a_note_is_taken(byte: int, bit: int) -> None:
    changed = bytearray(NOTE.encode())
    changed[byte] ^= 1 << bit
    try:
        text = changed.decode()
    except UnicodeDecodeError:
        return
    with pytest.raises(BadNote):
        Verifier.from_vkey(VKEY).open(text)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\nno signature\n",
        NOTE[:-1],
        NOTE + "x",
        NOTE * 2000,
        "\x07" + NOTE,
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(BadNote):
        Verifier.from_vkey(VKEY).open(note)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "a+b",
        VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("+AekyeR", "+BekyeR"),
        VKEY[:-8],
    ],
)
def test_what_is_no_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(BadNote):
        Verifier.from_vkey(vkey)


# -- checkpoints ----------------------------------------------------------------------------


def test_a_checkpoint_is_origin_size_and_root() -> None:
    note = Checkpoint(SIGNER.name, 20, bytes(32)).signed(SIGNER)
    root = "A" * 43 + "="
    assert note.startswith(f"sayso.test/log\n20\n{root}\n\n— sayso.test/log ")
    assert opened(note, SIGNER.verifier) == Checkpoint(SIGNER.name, 20, bytes(32))


@pytest.mark.parametrize(
    "text",
    [
        "other.test/log\n1\n" + "A" * 43 + "=\n",
        "sayso.test/log\n01\n" + "A" * 43 + "=\n",
        "sayso.test/log\n-1\n" + "A" * 43 + "=\n",
        "sayso.test/log\n1\nAAAA\n",
        "sayso.test/log\n1\n",
        "sayso.test/log\n",
    ],
)
def test_a_signed_note_that_is_no_checkpoint_of_this_log_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        opened(SIGNER.sign(text), SIGNER.verifier)


# -- tiles ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "path", "tile"),
    [
        ("0", "x001/x234/067", Tile(0, 1_234_067)),
        ("0", "000", Tile(0, 0)),
        ("1", "999.p/255", Tile(1, 999, 255)),
        ("0", "x001/000.p/1", Tile(0, 1_000, 1)),
        ("63", "000", Tile(63, 0)),
        ("entries", "x273/112.p/112", Tile(None, 273_112, 112)),
    ],
)
def test_tiles_stand_at_the_addresses_of_the_specification(
    level: str, path: str, tile: Tile
) -> None:
    assert Tile.parse(level, path) == tile
    assert tile.path == path


@pytest.mark.parametrize(
    ("level", "path"),
    [
        ("00", "000"), ("64", "000"), ("-1", "000"), ("data", "000"), ("", "000"),
        ("0", "0"), ("0", "1234"), ("0", "x000/001"), ("0", "001/002"), ("0", "x001"),
        ("0", "000.p/0"), ("0", "000.p/256"), ("0", "000.p/01"), ("0", "000.p/"), ("0", "000/"),
        ("0", "٠٠٠"),
    ],
)  # fmt: skip
def test_other_addresses_name_no_tile(level: str, path: str) -> None:
    with pytest.raises(NoTile):
        Tile.parse(level, path)


@given(st.integers(0, 2**63), st.integers(1, 256), st.sampled_from(["entries", "0", "1", "7"]))
def test_every_tile_has_one_address(index: int, width: int, level: str) -> None:
    tile = Tile(None if level == "entries" else int(level), index, width)
    assert Tile.parse(level, tile.path) == tile


def test_a_tree_of_70_000_has_the_tiles_of_the_specification_s_example() -> None:
    tiles = tiles_of(70_000)
    assert [t for t in tiles if t.level == 0] == [
        *(Tile(0, i) for i in range(273)),
        Tile(0, 273, 112),
    ]
    assert [t for t in tiles if t.level == 1] == [Tile(1, 0), Tile(1, 1, 17)]
    assert [t for t in tiles if t.level == 2] == [Tile(2, 0, 1)]
    assert tiles_of(256) == [Tile(0, 0), Tile(1, 0, 1)]


@given(st.integers(0, 200_000))
def test_a_tree_has_exactly_the_tiles_that_are_within_it(size: int) -> None:
    tiles = tiles_of(size)
    assert all(tile.is_within(size) for tile in tiles)
    grown = [Tile(t.level, t.index, t.width + 1) for t in tiles if t.width < 256]
    assert not any(tile.is_within(size) for tile in grown)


def test_entries_stand_in_a_bundle_after_their_lengths() -> None:
    assert bundle([b"ab", b"c" * 256]) == b"\x00\x02ab\x01\x00" + b"c" * 256


# -- proofs ---------------------------------------------------------------------------------


def proof(size: int = 100, index: int = 37, extra: bytes = b"") -> tuple[Proof, bytes]:
    tree = Tree([leaf_hash(e) for e in entries(size)])
    checkpoint = Checkpoint(SIGNER.name, size, tree.root(size)).signed(SIGNER)
    path = inclusion_path(index, size, tree.subtree)
    return Proof(index, path, checkpoint, extra), entries(size)[index]


@pytest.mark.parametrize("extra", [b"", b"something beside it"])
def test_a_proof_file_is_verified_without_the_log(extra: bytes) -> None:
    made, entry = proof(extra=extra)
    read = Proof.parse(str(made))
    assert read == Proof(made.index, list(made.path), made.checkpoint, extra)
    assert read.verified(entry, SIGNER.verifier).size == 100


def test_a_proof_of_another_entry_or_another_log_is_refused() -> None:
    made, entry = proof()
    with pytest.raises(BadNote, match="does not lead"):
        made.verified(entries(1)[0], SIGNER.verifier)
    with pytest.raises(BadNote, match="not signed"):
        made.verified(entry, THIEF.verifier)


def test_a_proof_of_the_only_leaf_has_no_path() -> None:
    made, entry = proof(1, 0)
    assert str(made).startswith("c2sp.org/tlog-proof@v1\nindex 0\n\nsayso.test/log\n1\n")
    assert Proof.parse(str(made)).verified(entry, SIGNER.verifier).size == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("@v1", "@v2"), ("index 37", "index 037"), ("index 37", "index -1"), ("index 37\n", ""),
        ("index 37", "extra !\nindex 37"), ("index 37", "index 37\n*"),
    ],
)  # fmt: skip
def test_what_is_no_proof_is_refused(before: str, after: str) -> None:
    with pytest.raises(BadNote):
        Proof.parse(str(proof()[0]).replace(before, after))


# -- leaves ---------------------------------------------------------------------------------


def test_an_entry_hides_its_record_behind_32_random_bytes() -> None:
    record = b"{}"
    assert entry_of(b"a" * 32, record) != entry_of(b"b" * 32, record)
    with pytest.raises(ValueError, match="32"):
        entry_of(b"short", record)


@pytest.mark.parametrize(
    ("size", "next_size"), [(0, 64), (1, 64), (63, 64), (64, 128), (65, 128), (127, 128)]
)
def test_every_tick_grows_the_log_by_a_quantum_or_more_and_has_room_to_close_it(
    size: int, next_size: int
) -> None:
    assert padded(size, 64) == next_size
