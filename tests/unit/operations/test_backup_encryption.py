import io

import pyrage
import pytest

from operations.backup.encryption import KeyUnusable, decrypt, encrypt, is_encrypted, read_identities
from operations.backup.tar_archive import BackupDamaged

#: Several chunks of age, which are 64 KiB.
PARTS = [bytes([number]) * 70_001 for number in range(5)]
CONTENT = b"".join(PARTS)


@pytest.fixture(scope="module")
def identity():
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def recipient(identity):
    return str(identity.to_public())


def encrypted(*recipients: str) -> bytes:
    stream = io.BytesIO()
    encrypt(iter([b"", *PARTS]), stream, recipients)
    return stream.getvalue()


def decrypted(content: bytes, *identities: object) -> bytes:
    target = io.BytesIO()
    decrypt(io.BytesIO(content), target, [str(identity) for identity in identities])
    return target.getvalue()


def test_what_was_encrypted_is_opened_by_the_identity_of_any_recipient(identity, recipient):
    other = pyrage.x25519.Identity.generate()
    content = encrypted(recipient, str(other.to_public()))
    assert PARTS[1][:100] not in content
    assert decrypted(content, identity) == decrypted(content, other) == CONTENT


def test_it_is_a_file_that_age_itself_reads(identity, recipient):
    assert pyrage.decrypt(encrypted(recipient), [identity]) == CONTENT


def test_another_identity_does_not_open_it(recipient):
    with pytest.raises(KeyUnusable, match="No identity in the file opens it"):
        decrypted(encrypted(recipient), pyrage.x25519.Identity.generate())


def test_without_an_identity_it_says_how_to_name_one(recipient):
    with pytest.raises(KeyUnusable, match="--identity FILE"):
        decrypted(encrypted(recipient))


@pytest.mark.parametrize("length", [30, 150, 70_000, 131_272, 350_000])
def test_a_file_that_was_cut_short_is_damaged(identity, recipient, length):
    with pytest.raises(BackupDamaged, match="the end of it is missing"):
        decrypted(encrypted(recipient)[:length], identity)


@pytest.mark.parametrize("place", [250, 100_000, -1])
def test_a_file_in_which_a_bit_flipped_is_damaged(identity, recipient, place):
    content = bytearray(encrypted(recipient))
    content[place] ^= 1
    with pytest.raises(BackupDamaged, match="altered"):
        decrypted(bytes(content), identity)


def test_a_recipient_that_is_no_key_is_named(recipient):
    with pytest.raises(KeyUnusable, match="EVERGREEN_BACKUP_RECIPIENTS"):
        encrypted(recipient[:-1] + ("q" if recipient[-1] != "q" else "p"))


def test_an_interruption_stays_one(recipient):
    def interrupted():
        yield PARTS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encrypt(interrupted(), io.BytesIO(), [recipient])


def test_a_full_disk_is_named(recipient):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        encrypt(iter(PARTS), Full(), [recipient])


def test_an_encrypted_file_is_recognised_without_reading_it(recipient):
    content = encrypted(recipient)
    with io.BufferedReader(io.BytesIO(content)) as stream, io.BufferedReader(io.BytesIO(b"")) as empty:
        assert is_encrypted(stream) and stream.read() == content
        assert not is_encrypted(empty)


def test_identities_are_read_from_a_file_of_age_keygen(tmp_path, identity):
    file = tmp_path / "key.txt"
    file.write_text(f"# created: 2026-11-29\n# public key: {identity.to_public()}\n{identity}\n")
    assert read_identities(file) == [str(identity)]


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe"])
def test_a_file_without_identities_is_refused(tmp_path, content):
    file = tmp_path / "key.txt"
    file.write_bytes(content)
    with pytest.raises(KeyUnusable):
        read_identities(file)
    with pytest.raises(KeyUnusable):
        read_identities(tmp_path / "nothing")


def test_a_line_that_is_no_identity_is_not_repeated(recipient):
    with pytest.raises(KeyUnusable) as error:
        decrypted(encrypted(recipient), "AGE-SECRET-KEY-1MISTYPED")
    assert "MISTYPED" not in str(error.value)
