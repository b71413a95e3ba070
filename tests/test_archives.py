import bz2
import gzip
import io
import lzma
import random
import shutil
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from dna_lm.base_models import archives
from dna_lm.base_models.archives import pickled_weights, unpack
from dna_lm.base_models.opening import is_model_file
from refusals import refusal, returns_or_refuses

SOURCE = "the base model 'm.zip'"
FILES = {"config.json": b"{}", "model.safetensors": b"weights" * 100}


def zipped(files: dict[str, bytes], compression=zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], mode="w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def tar_member(name: str, kind: bytes, target: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        archive.addfile(member)
    return buffer.getvalue()


@pytest.fixture
def unpacked(tmp_path):
    """Unpack bytes; returns {file: content}. Nothing may ever appear beside the archive and its folder."""

    def call(content: bytes) -> dict[str, bytes]:
        archive, folder = tmp_path / "m.zip", tmp_path / "folder"
        archive.write_bytes(content)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            unpack(archive, folder, is_model_file, SOURCE)
            assert all(path.is_file() and not path.is_symlink() for path in folder.iterdir())
            return {path.name: path.read_bytes() for path in folder.iterdir()}
        finally:
            assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "m.zip"]

    return call


def within(folder: str) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in FILES.items()}


@pytest.mark.parametrize(
    "content",
    [
        zipped(FILES),
        zipped(within("tiny")),
        zipped({"tiny/": b"", **within("tiny")}),
        zipped(within(".")),
        zipped(FILES, zipfile.ZIP_STORED),
        zipped(FILES, zipfile.ZIP_LZMA),
        tarred(FILES),
        tarred(within("tiny")),
        tarred(within("./tiny")),
        tarred(FILES, "w:gz"),
        tarred(FILES, "w:bz2"),
        tarred(FILES, "w:xz"),
    ],
    ids=[
        *("zip", "zip of a folder", "zip with an entry for the folder", "zip with ./", "stored zip", "lzma zip"),
        *("tar", "tar of a folder", "tar of ./folder", "tar.gz", "tar.bz2", "tar.xz"),
    ],
)
def test_archives_of_a_model(unpacked, content):
    assert unpacked(content) == FILES


def test_only_model_files_are_unpacked(unpacked):
    others = {"README.md": b"", "tiny/modeling.py": b"", ".config.json.swp": b"", "tiny/config.json~": b""}
    assert unpacked(zipped(FILES | others)) == FILES


def test_what_macos_adds_to_a_zip_is_left_out(unpacked):
    # Finder puts a small binary file beside each, under the same name with a prefix, in a folder of its own.
    additions = {"__MACOSX/tiny/._model.safetensors": b"\x00\x05\x16\x07", "__MACOSX/tiny/._config.json": b"\x00"}
    assert unpacked(zipped(within("tiny") | additions)) == FILES


def test_a_zip_made_with_backslashes_is_read_as_windows_meant_it(unpacked):
    assert unpacked(zipped({"tiny\\config.json": b"{}"})) == {"config.json": b"{}"}


@pytest.mark.parametrize(
    "name",
    [
        "../config.json",
        "tiny/../../config.json",
        "tiny/..",
        "/etc/config.json",
        "//host/config.json",
        "..\\config.json",
        "tiny\\..\\..\\config.json",
        "\\config.json",
        "C:\\config.json",
        "C:config.json",
        ".",
    ],
)
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_path_that_leads_elsewhere_is_refused(unpacked, pack, name):
    message = refusal(unpacked, pack({name: b"{}"}))
    assert message == f"{SOURCE}: {name!r} points outside the archive's folder; pack it again from inside it"


def test_a_member_without_a_name_is_refused(unpacked):
    # 30 bytes of local header are followed by the name; both places that hold it are emptied.
    buffer = bytearray(zipped({"x": b"{}"}, zipfile.ZIP_STORED))
    central = buffer.index(b"PK\x01\x02")
    buffer[central + 46 : central + 47] = b""
    struct.pack_into("<H", buffer, central + 28, 0)
    end = buffer.index(b"PK\x05\x06")
    struct.pack_into("<I", buffer, end + 12, 46)
    assert refusal(unpacked, bytes(buffer)).startswith(f"{SOURCE}: '' points outside the archive's folder")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_tar_members_that_are_no_plain_files_are_refused(unpacked, kind):
    message = refusal(unpacked, tar_member("config.json", kind, "/etc/passwd"))
    assert message == f"{SOURCE}: 'config.json' is a link or a device file; pack plain files only"


def test_a_link_in_a_zip_is_refused(unpacked):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("config.json")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    message = refusal(unpacked, buffer.getvalue())
    assert message == f"{SOURCE}: 'config.json' is a link or a device file; pack plain files only"


def test_an_encrypted_zip_is_refused(unpacked):
    content = bytearray(zipped({"config.json": b"{}"}))
    content[content.index(b"PK\x03\x04") + 6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert refusal(unpacked, bytes(content)) == f"{SOURCE}: 'config.json' is encrypted; pack plain files only"


def test_what_a_training_left_beside_the_model_stays_in_the_archive(unpacked):
    names = ["training_args.bin", "optimizer.pt", "rng_state.pth", "a.PKL", "a.pickle", "a.ckpt", "a.joblib"]
    left = {f"tiny/{name}": b"\x80\x04cos\nsystem\n" for name in names}
    checkpoint = {f"tiny/checkpoint-10/{name}": b"another" for name in FILES} | {"tiny/checkpoint-10/global/x.pt": b""}
    assert unpacked(zipped(within("tiny") | left | checkpoint)) == FILES
    assert unpacked(tarred(checkpoint | left | within("tiny"))) == FILES


def test_the_names_of_what_was_not_unpacked_are_returned(tmp_path):
    (tmp_path / "m.zip").write_bytes(zipped(within("tiny") | {"tiny/training_args.bin": b"", "tiny/b.bin": b""}))
    (tmp_path / "folder").mkdir()
    others = unpack(tmp_path / "m.zip", tmp_path / "folder", is_model_file, SOURCE)
    assert sorted(others) == ["b.bin", "training_args.bin"] and pickled_weights(others) == "b.bin"
    assert pickled_weights(["training_args.bin", "optimizer.pt", "rng_state_0.pth", "README.md"]) is None


def test_two_models_are_refused(unpacked):
    message = refusal(unpacked, zipped(within("one") | within("two")))
    assert message == f"{SOURCE} contains 'config.json' twice; pack one model only"


def test_a_model_two_folders_deep_is_refused(unpacked):
    message = refusal(unpacked, zipped({"one/two/config.json": b"{}"}))
    assert message == (
        f"{SOURCE}: 'one/two/config.json' is two folders deep; pack the model's files alone or in one folder"
    )


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04", bytes(100), gzip.compress(b"x", mtime=0)])
def test_what_is_no_archive_is_refused(unpacked, content):
    assert refusal(unpacked, content) == (
        f"{SOURCE} is neither a folder nor a zip or tar archive; choose a Hugging Face folder or one packed"
    )


def test_a_claimed_size_that_is_too_large_is_refused(unpacked, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 699)
    assert refusal(unpacked, tarred(FILES)) == (f"{SOURCE}: 'model.safetensors' claims 700 bytes, which is refused")


def test_what_is_unpacked_is_counted_over_all_files(unpacked, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 701)  # each file alone would do
    assert "unpacks to more than" in refusal(unpacked, tarred(FILES))


def test_a_zip_that_claims_to_be_smaller_than_it_is_is_refused(unpacked, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 10_000)
    bomb = bytearray(zipped({"model.safetensors": bytes(100_000)}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", bomb, bomb.index(signature) + offset, 100)
    assert refusal(unpacked, bytes(bomb)).startswith(f"{SOURCE} is a damaged archive (Bad CRC-32")


def test_too_many_members_are_refused(unpacked, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    assert refusal(unpacked, tarred({f"{number}.txt": b"" for number in range(4)})) == (
        f"{SOURCE} contains more than 3 members; pack the model's files only"
    )


ARCHIVES = {
    "zip": zipped(FILES),
    "lzma zip": zipped(FILES, zipfile.ZIP_LZMA),
    "tar": tarred(within("tiny")),
    "tar.gz": gzip.compress(tarred(FILES), mtime=0),
    "tar.bz2": bz2.compress(tarred(FILES)),
    "tar.xz": lzma.compress(tarred(FILES)),
}


def damaged(content: bytes, random_numbers: random.Random) -> bytes:
    """Cut the content somewhere, or change up to 4 of its bytes."""
    if random_numbers.random() < 0.3:
        return content[: random_numbers.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(random_numbers.randint(1, 4)):
        changed[random_numbers.randrange(len(changed))] = random_numbers.randrange(256)
    return bytes(changed)


@pytest.mark.parametrize("kind", ARCHIVES)
def test_a_damaged_archive_is_refused_or_read_within_its_folder(tmp_path, kind):
    random_numbers = random.Random(kind)
    for number in range(150):
        place = tmp_path / str(number)
        folder = place / "folder"
        folder.mkdir(parents=True)
        (place / "m.zip").write_bytes(damaged(ARCHIVES[kind], random_numbers))
        returns_or_refuses(unpack, place / "m.zip", folder, is_model_file, SOURCE)
        assert sorted(path.name for path in place.iterdir()) == ["folder", "m.zip"]
    assert sorted(path.name for path in Path(tmp_path).iterdir()) == sorted(map(str, range(150)))


def test_a_truncated_archive_of_each_kind_is_refused(unpacked, tmp_path):
    for kind, content in ARCHIVES.items():
        archive, folder = tmp_path / f"{kind}.archive", tmp_path / f"{kind}.folder"
        # a plain tar ends in many zeros that nobody misses
        archive.write_bytes(content[: 2000 if kind == "tar" else len(content) * 2 // 3])
        folder.mkdir()
        refusal(unpack, archive, folder, is_model_file, SOURCE)
